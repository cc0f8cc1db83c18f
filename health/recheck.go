package health

import (
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// suspects holds the connections that are looked at again before the next
// sample: those in doubt, as far as there is room, then those known to be dead.
type suspects struct {
	max         int
	after       float64 // seconds
	doubt, dead []uint32
	targets     []sampler.Target
	// changed tells that a verdict is another one since the last snapshot.
	changed bool
}

func newSuspects(cfg RecheckConfig) suspects {
	return suspects{max: cfg.Max, after: cfg.After.Seconds()}
}

func (w *suspects) clear() { w.doubt, w.dead = w.doubt[:0], w.dead[:0] }

// consider takes in a connection that has just been judged.
func (w *suspects) consider(i uint32, v *judge.Verdict, e *judge.Evidence) {
	waits := e.Waits(w.after)

	switch {
	case v.Status == judge.Stale && len(w.dead) < w.max:
		w.dead = append(w.dead, i)
	case v.Status != judge.Stale && (waits || v.Status >= judge.Suspect) && len(w.doubt) < w.max:
		w.doubt = append(w.doubt, i)
	}
}

// Suspicious implements [sampler.Consumer].
func (t *Tracker) Suspicious() []sampler.Target {
	w := &t.watch
	w.targets = w.targets[:0]

	for _, list := range [][]uint32{w.doubt, w.dead} {
		for _, i := range list {
			c := t.slab.conn(i)
			if len(w.targets) < w.max && t.slab.seen[i] == t.generation && c.endedAt == 0 {
				w.targets = append(w.targets, c.target())
			}
		}
	}

	w.clear()
	t.exports.DropCandidates()

	return w.targets
}

// Rechecked implements [sampler.Consumer].
func (t *Tracker) Rechecked(at time.Time, rows []sampler.Socket) {
	m := judge.Moment{At: t.clock.read(at), Usual: t.clock.usual}
	m.Now, m.Sampled = t.clock.between(m.At), m.At

	for i := range rows {
		m.Socket = &rows[i]
		t.revisit(&m)
	}
}

// revisit judges a connection that this sample has brought already.
func (t *Tracker) revisit(m *judge.Moment) {
	i, known := t.index[m.Socket.Cookie]
	if !known || t.slab.seen[i] != t.generation || !m.Socket.Has(sampler.HasInfo) {
		return
	}

	c := t.slab.conn(i)
	if c.endedAt != 0 || !c.is(m.Socket) {
		return
	}

	before := c.judged.Verdict()
	t.judge(i, m)

	v := c.judged.Verdict()
	t.watch.changed = t.watch.changed || v.Status != before.Status || v.Flags != before.Flags ||
		v.Cause != before.Cause || v.SafeToSend != before.SafeToSend
}

// Settle implements [sampler.Consumer]: what changed is published at once.
func (t *Tracker) Settle(at time.Time) {
	if !t.watch.changed {
		return
	}

	now := t.clock.read(at)
	t.exports.Settle(now, t.first)
	t.publish(t.snapshot(now))
}
