package health

// judge follows the connection and settles its verdict.
func (t *Tracker) judge(i uint32, m *moment) {
	c := t.slab.conn(i)
	t.wake(i, c)
	t.slab.seen[i] = t.generation
	c.missed = 0

	if c.revision != t.revision {
		c.profile, c.revision = t.policy.choose(m.row), t.revision
	}

	limits := t.limits(c)
	r := t.slab.growing(i)
	t.account(c, &r, m.row)

	e, windows := &t.evidence, c.windows
	c.follow(m, &r, t.geometry, limits, e)
	c.store(&r)
	c.state = m.row.State
	t.countWindows(c, windows)

	before := c.verdict.status
	raised := c.verdict.settle(assess(e, limits), m.now, limits.holdMS(t.cfg.Interval), m.at)
	c.verdict.idle = quiet(m.row, e.outstanding, t.geometry.span)
	c.note = t.notes.keep(c.note, c.verdict.flags, e)

	if raised != 0 {
		t.events.raise(raised, t.exports.tupleOf(m.row), t.clock.wall(m.at))
	}

	if c.verdict.status != before {
		t.countEntry(c)
	}

	t.count(c, 1)
	t.watch.consider(i, &c.verdict, e)

	if c.shown == notShown {
		t.exports.consider(i, c, m)

		return
	}

	shown := &t.exports.places[c.shown].shown
	shown.Row = *m.row
	shown.Trend = newTrend(&r, c, m.row)
	shown.Windows = c.windows
}

// count adds a verdict to the figures of this sample, or takes it out (-1).
func (t *Tracker) count(c *connection, n int) {
	v := &c.verdict
	t.tick.statuses[v.status] += n

	for f := range v.flags.All() {
		t.tick.flags[f] += n
	}

	if v.idle {
		t.tick.idle += n
	}

	if c.group != noGroup {
		t.groups.of(c).count(c, n)
	}
}
