package health

import (
	"slices"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// suspects are the connections to recheck before the next sample: the suspicious ones
// up to a maximum, then those known to be dead.
type suspects struct {
	max              int
	after            float64 // seconds
	suspicious, dead []uint32
	targets          []sampler.Target
	// changed: a verdict differs from the last snapshot.
	changed bool
}

func newSuspects(cfg RecheckConfig) suspects {
	return suspects{max: cfg.Max, after: cfg.After.Seconds()}
}

func (w *suspects) clear() { w.suspicious, w.dead = w.suspicious[:0], w.dead[:0] }

// consider takes a connection that has just been judged. Files cannot be read again for one.
func (w *suspects) consider(i uint32, v *judge.Verdict, e *judge.Evidence) {
	if e.Reduced() {
		return
	}

	waits := e.Waits(w.after)

	switch {
	case v.Status == judge.Stale && len(w.dead) < w.max:
		w.dead = append(w.dead, i)
	case v.Status != judge.Stale && (waits || v.Status >= judge.Suspect) && len(w.suspicious) < w.max:
		w.suspicious = append(w.suspicious, i)
	}
}

// Suspicious implements [sampler.Consumer].
func (t *Tracker) Suspicious() []sampler.Target {
	w := &t.suspects
	w.targets = w.targets[:0]

	for _, list := range [][]uint32{w.suspicious, w.dead} {
		for _, i := range list {
			c := t.slab.conn(i)
			if len(w.targets) < w.max && t.sampled(i, c) && c.endedAt == 0 {
				w.targets = append(w.targets, c.target())
			}
		}
	}

	w.clear()
	t.exports.DropCandidates()

	return w.targets
}

// forgetSuspects drops the suspicious connections of the current namespace at the start
// of its sample, and at its end.
func (t *Tracker) forgetSuspects() {
	w := &t.suspects
	if len(t.spaces) == 1 {
		w.clear()

		return
	}

	here := func(i uint32) bool { return t.slab.conn(i).space == t.at.id }
	w.suspicious, w.dead = slices.DeleteFunc(w.suspicious, here), slices.DeleteFunc(w.dead, here)
}

// Rechecked implements [sampler.Consumer].
func (t *Tracker) Rechecked(at time.Time, sockets []sampler.Socket) {
	m := judge.Moment{At: t.times.read(at)}
	m.Sampled = m.At

	for i := range sockets {
		m.Socket = &sockets[i]
		t.revisit(&m)
	}
}

// revisit judges a connection that the last sample contained.
func (t *Tracker) revisit(m *judge.Moment) {
	i, known := t.find(m.Socket.Key())
	if !known || !m.Socket.Has(sampler.HasInfo) {
		return
	}

	c := t.slab.conn(i)
	if c.endedAt != 0 || !t.sampled(i, c) || !c.is(m.Socket) {
		return
	}

	clock := &t.spaceOf(c).clock
	m.Now, m.Usual = clock.between(m.At), clock.usual

	before := *c.judged.Verdict()
	t.judge(i, m)

	v := c.judged.Verdict()
	t.suspects.changed = t.suspects.changed || v.Status != before.Status || v.Flags != before.Flags ||
		v.Cause != before.Cause || v.SafeToSend != before.SafeToSend
}

// Settle implements [sampler.Consumer]: it publishes changed verdicts at once.
func (t *Tracker) Settle(at time.Time) {
	if !t.suspects.changed {
		return
	}

	now := t.times.read(at)
	t.exports.Settle(now, false)
	t.publish(t.snapshot(now))
}
