package health

import "tcphealth_exporter/health/judge"

// judge adds a moment to the connection's window, judges it and counts the result.
func (t *Tracker) judge(i uint32, m *judge.Moment) {
	c := t.slab.conn(i)
	t.wake(i, c)
	t.slab.seen[i] = t.generation
	c.missed = 0

	if c.revision != t.revision {
		c.profile, c.revision = t.policy.choose(m.Socket), t.revision
	}

	w := t.slab.growing(i)
	t.account(c, &w, m.Socket)

	a := c.judged.Observe(m, &w, t.thresholds(c), &t.evidence)
	c.position = w.Position()
	c.state = m.Socket.State
	t.take(i, c, m, &a)

	if c.shown == notShown {
		t.exports.consider(i, c, m)

		return
	}

	shown := &t.exports.places[c.shown].shown
	shown.Row = *m.Socket
	shown.Trend = judge.NewTrend(&w, &c.judged, m.Socket)
	shown.Windows = c.judged.Windows()
}

// take counts what an observation changed, and keeps its evidence.
func (t *Tracker) take(i uint32, c *connection, m *judge.Moment, a *judge.Assessment) {
	v := c.judged.Verdict()
	c.note = t.notes.keep(c.note, v.Flags, &t.evidence)
	t.countWindows(c, &a.Windows)

	if a.Activated != 0 {
		t.events.raise(a.Activated, t.exports.tupleOf(m.Socket), t.clock.wall(m.At))
	}

	if a.Entered {
		t.countEntry(c)
	}

	t.count(c, 1)
	t.watch.consider(i, &v, &t.evidence)
}

// count adds a verdict to the figures of this sample, or takes it out (-1).
func (t *Tracker) count(c *connection, n int) {
	v := c.judged.Verdict()
	t.tick.statuses[v.Status] += n

	for f := range v.Flags.All() {
		t.tick.flags[f] += n
	}

	if v.Idle {
		t.tick.idle += n
	}

	if c.group != noGroup {
		t.groups.of(c).count(c, n)
	}
}

// countWindows counts for the connection's group what happened to the peer's
// window. A connection without a group is counted when it joins one.
func (t *Tracker) countWindows(c *connection, events *WindowEvents) {
	if *events != (WindowEvents{}) && c.group != noGroup {
		t.groups.of(c).Windows.Add(events)
	}
}
