package health

import (
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// exporting implements [export.Connections] on the tracker.
type exporting struct{ *Tracker }

// Status implements [export.Connections].
func (t exporting) Status(i uint32) judge.Status { return t.slab.conn(i).judged.Verdict().Status }

// Place implements [export.Connections].
func (t exporting) Place(i uint32) int32 { return t.slab.conn(i).place }

// Current implements [export.Connections].
func (t exporting) Current(i uint32, s *sampler.Socket) bool {
	c := t.slab.conn(i)

	return c.is(s) && c.endedAt == 0
}

// Missed implements [export.Connections].
func (t exporting) Missed(i uint32) bool { return t.slab.conn(i).missed > 0 }

// Exported implements [export.Connections].
func (t exporting) Exported(i uint32, place int32, s *sampler.Socket, tuple *export.Tuple) {
	c := t.slab.conn(i)
	t.wake(i, c)
	t.unfold(i, c)
	c.place = place

	for int(place) >= len(t.exported) {
		t.exported = append(t.exported, Connection{})
	}

	w := t.slab.ring(i)
	t.exported[place] = Connection{
		Identity: tuple.Identity(),
		Cookie:   c.cookie,
		Network:  t.networks.Name(s.Remote.AddrPort().Addr()),
		Row:      *s,
		Trend:    judge.NewTrend(&w, &c.judged, s),
		Windows:  c.judged.Windows(),
	}
}

// Withdrawn implements [export.Connections].
func (t exporting) Withdrawn(i uint32, place int32) {
	if c := t.slab.conn(i); c.place == place {
		c.place = export.NoPlace
	}

	t.exported[place] = Connection{}
}

// candidate returns a connection as a candidate for a place.
func candidate(i uint32, c *connection) export.Candidate {
	v := c.judged.Verdict()

	return export.Candidate{Index: i, Status: v.Status, Points: v.Points, FirstSeen: c.firstSeen}
}

// considerExport takes a connection without a place as a candidate.
func (t *Tracker) considerExport(i uint32, c *connection, m *judge.Moment) {
	const old = 1 << 62

	age := int64(old)
	if !c.foundAtStart {
		age = m.At - c.firstSeen
	}

	t.exports.Consider(candidate(i, c), age, m.Socket)
}

// updateExported brings an exported connection up to date.
func (t *Tracker) updateExported(c *connection, w *window.Window, s *sampler.Socket) {
	e := &t.exported[c.place]
	e.Row = *s
	e.Trend = judge.NewTrend(w, &c.judged, s)
	e.Windows = c.judged.Windows()
}

// noteExportedEnd records whether a connection, if it is exported, has ended.
func (t *Tracker) noteExportedEnd(c *connection) {
	if c.place != export.NoPlace {
		t.exports.SetEnded(c.place, c.endedAt != 0)
	}
}

// setLife sets the network namespace of a connection, the cgroup that it began with, and the
// times at which it began and ended, on the wall clock as it is set now.
func (t *Tracker) setLife(i uint32, c *connection, e *Connection) {
	e.Cgroup, e.NetworkNamespace = c.cgroup, t.spaceOf(c).name
	e.FirstSeen, e.Ended, e.EndReason = t.times.wall(c.firstSeen), time.Time{}, EndUnknown

	if c.endedAt != 0 {
		w := t.windowOf(i, c)
		e.Ended, e.EndReason = t.times.wall(w.Newest().At), c.endReason
	}
}

// exportedConnections copies the exported connections with their current verdicts, at a
// time in ms on the tracker's clock.
func (t *Tracker) exportedConnections(at int64) []Connection {
	all := make([]Connection, 0, t.exports.Len())

	for place := range t.exports.Places() {
		i, taken := t.exports.Taken(int32(place))
		if !taken {
			continue
		}

		c, e := t.slab.conn(i), &t.exported[place]
		e.adopt(c.judged.Verdict(), &t.times)
		t.setLife(i, c, e)
		e.Group = t.groupName(c)
		t.foresee(c, e, at)
		all = append(all, *e)
	}

	return all
}

// renameNetworks sets the names of the networks of the exported connections.
func (t *Tracker) renameNetworks(n *group.Networks) {
	for place := range t.exports.Places() {
		if _, taken := t.exports.Taken(int32(place)); taken {
			remote := t.exports.Tuple(int32(place)).Remote
			t.exported[place].Network = n.Name(remote.AddrPort().Addr())
		}
	}
}

// tupleOf returns the tuple of a socket.
func (t *Tracker) tupleOf(s *sampler.Socket) export.Tuple { return export.TupleOf(s, t.zones.Name) }
