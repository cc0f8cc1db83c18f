package loop

import "time"

// governor stretches the time between two samples when sampling takes more of a
// processor than it may.
type governor struct {
	// share is what may be taken of one processor, zero for no limit.
	share       float64
	least, most time.Duration
	// interval is the present one.
	interval time.Duration
	// tick and round are what samples and the rounds of rechecking between two of
	// them take recently.
	tick, round time.Duration
	// warm: the first sample is over, which finds cold caches and new connections only.
	warm bool
}

const (
	// inertia is how many samples it takes until one has gone into the means.
	inertia = 4
	// growth bounds how much longer one interval is than the previous one: an abrupt
	// change would count as a gap.
	growth = 1.5
	// slack is how much longer than needed an interval must be to be shortened.
	slack = 1.1
	// roundShare is what rounds of rechecking may take of the share.
	roundShare = 0.5
)

func newGovernor(share float64, least, most time.Duration) governor {
	return governor{share: share, least: least, most: max(least, most), interval: least}
}

// spent takes in what a sample took, and the rounds before it. It reports whether the
// interval is another one now.
func (g *governor) spent(tick, rounds time.Duration) (changed bool) {
	if g.share <= 0 {
		return false
	}

	if !g.warm {
		g.warm = true

		return false
	}

	if g.tick == 0 {
		g.tick, g.round = tick, rounds
	}

	g.tick += (tick - g.tick) / inertia
	g.round += (rounds - g.round) / inertia

	before, needed := g.interval, time.Duration(float64(g.tick+g.round)/g.share)

	switch {
	case needed > g.interval:
		g.interval = min(needed, time.Duration(growth*float64(g.interval)))
	case float64(needed)*slack < float64(g.interval):
		g.interval = needed
	}

	g.interval = max(g.least, min(g.interval, g.most))

	return g.interval != before
}

// allows reports whether there may be another round of rechecking after those that
// took so long in the time since the last sample.
func (g *governor) allows(rounds, since time.Duration) bool {
	return g.share <= 0 || rounds <= time.Duration(roundShare*g.share*float64(since))
}
