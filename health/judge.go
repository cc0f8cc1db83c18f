package health

import (
	"slices"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
)

// judge adds a moment to the connection's window, judges it and counts the result.
func (t *Tracker) judge(i uint32, m *judge.Moment) {
	c := t.slab.conn(i)
	t.wake(i, c)
	w, generation := t.growing(i, c), t.slab.seen[i]
	t.slab.seen[i] = t.spaceOf(c).generation
	c.missed = 0

	if c.revision != t.revision {
		c.profile, c.revision = t.policy.choose(m.Socket), t.revision
	}

	t.account(c, &w, m.Socket)

	before := c.contribution()
	m.FirstSeen = c.firstSeen
	a := c.judged.Observe(m, &w, &t.geometry, t.thresholds(c), &t.evidence)
	t.store(i, c, &w, generation)
	c.state = m.Socket.State
	c.withoutKeepalive = withoutKeepalive(m.Socket, &t.evidence)
	t.recount(c, &before)
	t.take(i, c, m, &a)

	if c.place == export.NoPlace {
		t.considerExport(i, c, m)
	} else {
		t.updateExported(c, &w, m.Socket)
	}
}

// take counts what an observation changed, and keeps its evidence.
func (t *Tracker) take(i uint32, c *connection, m *judge.Moment, a *judge.Assessment) {
	v := c.judged.Verdict()
	c.note = t.notes.keep(c.note, v.Flags, &t.evidence)
	t.countWindows(c, &a.Windows)

	if a.Activated != 0 {
		t.events.activate(a.Activated, t.tupleOf(m.Socket), m.At)
	}

	if a.Entered {
		t.countEntry(c)
	}

	c.unfinished = t.evidence.Unfinished(m.Usual)
	t.noteAbort(c, m)

	t.suspects.consider(i, v, &t.evidence)
}

// contribution is what a connection adds to the counts of a sample and of its group.
type contribution struct {
	group.Member

	flags judge.Flags
}

func (c *connection) contribution() contribution {
	v := c.judged.Verdict()

	return contribution{group.Member{
		Status: v.Status, Cause: v.Cause, Idle: v.Idle, State: c.state, CloseWaitSince: c.judged.CloseWaitSince(),
		WithoutKeepalive: c.withoutKeepalive,
	}, v.Flags}
}

func (c *connection) member() group.Member { return c.contribution().Member }

// recount replaces the contribution of a connection that has been judged.
func (t *Tracker) recount(c *connection, before *contribution) {
	now := c.contribution()
	if c.counted && now == *before {
		return
	}

	if c.counted {
		t.count(c, before, -1)
	}

	c.counted = true
	t.count(c, &now, 1)
}

// uncount removes the contribution of a connection that the last sample did not contain.
func (t *Tracker) uncount(c *connection) {
	if c.counted {
		before := c.contribution()
		t.count(c, &before, -1)

		c.counted = false
	}
}

// moveCounts moves the connections of groups that just got a place of their own to that
// place.
func (t *Tracker) moveCounts(groups []group.ID) {
	if len(groups) == 0 {
		return
	}

	for i, seen := range t.slab.seen {
		if c := t.slab.conn(uint32(i)); seen != neverSeen && c.counted && slices.Contains(groups, c.group) {
			t.groups.Other().Count(c.member(), -1)
			t.groups.Of(c.group).Count(c.member(), 1)
		}
	}
}

// count adds a contribution n times; -1 removes it.
func (t *Tracker) count(c *connection, of *contribution, n int) {
	t.counts.statuses[of.Status] += n

	for f := range of.flags.All() {
		t.counts.flags[f] += n
	}

	if of.Idle {
		t.counts.idle += n
	}

	if c.group != group.None {
		t.groups.Of(c.group).Count(of.Member, n)
	}
}

// countWindows adds the events of the peer's receive window to the connection's group. A
// connection without a group is counted when it joins one.
func (t *Tracker) countWindows(c *connection, events *judge.WindowEvents) {
	if *events != (judge.WindowEvents{}) && c.group != group.None {
		t.groups.Of(c.group).Windows.Add(events)
	}
}
