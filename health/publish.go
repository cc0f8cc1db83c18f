package health

import (
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/health/window"
)

// snapshot renders the state at the time of a sample or of later rechecks.
func (t *Tracker) snapshot(at int64) *Snapshot {
	t.suspects.changed = false
	known, edge := group.CountersIn(&t.kernel), judge.EdgeKnown(&t.kernel)

	sum := t.ticks()

	s := &Snapshot{
		At:            t.ownAt,
		Sockets:       sum.sockets,
		States:        sum.states,
		Statuses:      t.counts.statuses,
		FlagCounts:    t.counts.flags,
		Idle:          t.counts.idle,
		FlagEvents:    t.events.counts,
		LastActivated: t.events.newest(&t.times),
		Totals:        t.groups.Totals(),
		Groups:        t.groups.Snapshot(at, known, edge),
		GroupLabels:   t.groups.Labels(),
		Outstanding:   t.durations.outstanding.Snapshot(),
		Lifetimes:     t.durations.lifetime.Snapshot(),
		Tracker:       t.stats,
		Connections:   t.exportedConnections(at),
	}
	t.setAborts(s.Groups, at)
	s.Listeners, s.ListenersUnexported = t.listening(at)
	s.Totals.Known, s.Totals.EdgeKnown = known, edge
	s.GroupsFolded = t.groups.Folded()
	s.Tracker.Live = t.slab.used - len(t.ended)
	s.Tracker.Ended = len(t.ended)
	s.Tracker.Untracked = sum.untracked
	s.Tracker.Twins = t.exports.Twins()
	s.Tracker.Suspicious = len(t.suspects.targets)
	s.Tracker.Bytes = t.bytes()
	s.Unexported = s.Tracker.Live

	for i := range s.Connections {
		if s.Connections[i].Ended.IsZero() {
			s.Unexported--
		}
	}

	return s
}

// adopt sets the verdict.
func (c *Connection) adopt(v *judge.Verdict, clock *times) {
	c.Status, c.StatusSince = v.Status, clock.wall(v.Since)
	c.Points, c.Score = int(v.Points), judge.Score(int(v.Points))
	c.Flags, c.Cause = v.Flags, v.Cause
	c.SafeToSend, c.Idle = v.SafeToSend, v.Idle
}

// bytes returns the memory of the table.
func (t *Tracker) bytes() int {
	const perPlace = connectionBytes + window.SampleBytes + 4
	// A map entry is a key, a value and its share of a group of eight filled to 7/8.
	const perIndexed = 16

	indexes := 0
	for _, s := range t.spaces {
		indexes += len(s.index)*perIndexed + s.rest.bytes()
	}

	return indexes + len(t.slab.seen)*perPlace + t.slab.windows.Bytes() + cap(t.places)*4 + cap(t.ended)*4 + cap(t.slab.free)*4 + t.groups.Bytes() + cap(t.arrivals)*4
}
