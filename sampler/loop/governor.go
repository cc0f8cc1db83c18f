package loop

import "time"

// governor stretches the time between two samples when sampling exceeds its CPU share.
type governor struct {
	// share is the maximum share of one CPU core, zero for no limit.
	share            float64
	minimum, maximum time.Duration
	// interval is the current interval.
	interval time.Duration
	// tick, others and round are the recent mean CPU times of samples of the exporter's
	// own network namespace, of the other ones, and of the rechecks between two samples.
	tick, others, round time.Duration
	// warm: the first sample is over. It has cold caches, and new connections only.
	warm bool
}

const (
	// inertia is the number of samples over which the means adapt.
	inertia = 4
	// growth is the maximum factor between consecutive intervals: an abrupt change would
	// count as a gap.
	growth = 1.5
	// slack is the factor by which an interval must exceed the needed one to be
	// shortened.
	slack = 1.1
	// roundShare is the part of the share for rounds of rechecking.
	roundShare = 0.5
	// othersShare is the part of the share that other network namespaces always have.
	othersShare = 0.25
)

func newGovernor(share float64, minimum, maximum time.Duration) governor {
	return governor{share: share, minimum: minimum, maximum: max(minimum, maximum), interval: minimum}
}

// spent adds the CPU times of a sample of the exporter's own namespace, of the others and of
// the rechecks before it, and reports whether the interval has changed.
func (g *governor) spent(tick, others, rounds time.Duration) (changed bool) {
	if g.share <= 0 {
		return false
	}

	if !g.warm {
		g.warm = true

		return false
	}

	if g.tick == 0 {
		g.tick, g.others, g.round = tick, others, rounds
	}

	g.tick += (tick - g.tick) / inertia
	g.others += (others - g.others) / inertia
	g.round += (rounds - g.round) / inertia

	before, needed := g.interval, time.Duration(float64(g.tick+g.others+g.round)/g.share)

	switch {
	case needed > g.interval:
		g.interval = min(needed, time.Duration(growth*float64(g.interval)))
	case float64(needed)*slack < float64(g.interval):
		g.interval = needed
	}

	g.interval = max(g.minimum, min(g.interval, g.maximum))

	return g.interval != before
}

// left returns the CPU time per sample for the network namespaces beside the exporter's
// own: what the others leave of the share.
func (g *governor) left() time.Duration {
	all := g.share * float64(g.interval)

	return time.Duration(max(all-float64(g.tick+g.round), othersShare*all))
}

// allows reports whether another round of rechecking fits, after those that took rounds
// in the time since the last sample.
func (g *governor) allows(rounds, since time.Duration) bool {
	return g.share <= 0 || rounds <= time.Duration(roundShare*g.share*float64(since))
}
