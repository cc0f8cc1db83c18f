package health

import (
	"net/netip"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// account adds to the connection's group what it did since its last row. A row
// without tcp_info has no counters, and the one behind it nothing to be compared
// with.
func (t *Tracker) account(c *connection, w *judge.Window, row *sampler.Socket) {
	if !row.Has(sampler.HasInfo) {
		c.counting = false

		return
	}

	now := countersOf(&row.Info)

	if c.counting && c.group != noGroup {
		if before := c.counters(w.Newest()); now != before {
			added := now.since(&before)
			t.groups.of(c).Counters.add(&added)
		}
	}

	c.counting = true
	c.counted = counted{
		received:    now[ReceivedBytes],
		outOfOrder:  uint32(now[OutOfOrderSegments]),
		segmentsOut: uint32(now[SegmentsOut]),
		segmentsIn:  uint32(now[SegmentsIn]),
	}
}

// joinGroups gives their groups to the new connections, now that the listeners of
// their sample are known; to all of them if the grouping is another one.
func (t *Tracker) joinGroups(at int64) {
	s := &t.groups
	if g := t.policy.grouping(); g != s.grouping && !g.equal(s.grouping) {
		t.regroup(g)
	}

	joined := s.arrivals[:0]

	for _, i := range s.arrivals {
		if c := t.slab.conn(i); t.slab.seen[i] != neverSeen && c.group == noGroup {
			t.joinGroup(c)
			joined = append(joined, i)
		}
	}

	s.settle(at)

	for _, i := range joined {
		t.countJoined(i)
	}

	s.arrivals, s.began = s.arrivals[:0], t.clock.first
	t.listeners.openings.prune(t.generation)
}

// regroup has all connections join other groups.
func (t *Tracker) regroup(g *Grouping) {
	t.rest.clear()
	t.groups.reset(g)
	t.groups.arrivals = t.groups.arrivals[:0]

	for i, seen := range t.slab.seen {
		if seen != neverSeen {
			t.slab.conn(uint32(i)).group = noGroup
			t.groups.arrivals = append(t.groups.arrivals, uint32(i))
		}
	}
}

// joinGroup makes a connection a member of its group.
func (t *Tracker) joinGroup(c *connection) {
	if c.role == RoleUnknown {
		c.role = t.listeners.openings.roleOf(c)
	}

	s := &t.groups
	about := traits{
		role:       c.role,
		local:      t.zoned(c.local, c.ifindex),
		remote:     t.zoned(c.remote, c.ifindex),
		congestion: t.algorithms.name(c.congestion),
	}

	if s.grouping.has(ByCgroup) {
		about.cgroup = s.cgroups.name(c.cgroup)
	}

	s.enter(c, &about)
}

// zoned returns an endpoint of a connection, a link-local address with its zone.
func (t *Tracker) zoned(e sampler.Endpoint, ifindex uint32) netip.AddrPort {
	ap := e.AddrPort()
	if a := ap.Addr(); needsZone(a) {
		return netip.AddrPortFrom(a.WithZone(t.exports.zones.name(ifindex)), ap.Port())
	}

	return ap
}

// countJoined counts a connection for the group that it has just joined, and what
// it had done before if that was never counted and all of it was watched.
func (t *Tracker) countJoined(i uint32) {
	c := t.slab.conn(i)
	p := t.groups.of(c)

	if t.slab.seen[i] == t.generation {
		p.count(c, 1)
	}

	if c.joined {
		return
	}

	c.joined = true
	windows := c.judged.Windows()
	p.Windows.Add(&windows)

	if s := c.judged.Verdict().Status; s != Healthy {
		p.StatusEntries[s]++
	}

	if !c.opened {
		return
	}

	p.Opened++
	t.countOpened(c)

	if !c.counting {
		return
	}

	// The times of a socket that was used before have gone on.
	r := t.slab.ring(i)
	s := r.Newest()
	all := c.counters(s)
	all.limitTimes(s.At - t.groups.began + judge.JiffyMS)
	p.Counters.add(&all)
}

// countOpened counts by whom a connection was opened.
func (t *Tracker) countOpened(c *connection) {
	if c.role == RoleServer {
		t.stats.PassiveOpens++
	} else {
		t.stats.ActiveOpens++
	}
}

// countEntry counts that a connection got another status. One without a group is
// counted when it joins one.
func (t *Tracker) countEntry(c *connection) {
	if c.group != noGroup {
		t.groups.of(c).StatusEntries[c.judged.Verdict().Status]++
	}
}

// countClosed counts the end of a connection.
func (t *Tracker) countClosed(i uint32, c *connection) {
	if c.group == noGroup { // of a sample that broke off
		t.joinGroup(c)
		t.countJoined(i)
	}

	t.stats.Closed++
	t.groups.of(c).Closed++

	if c.opened {
		r := t.windowOf(i, c)
		t.durations.lifetime.observe(float64(r.Newest().At-c.firstSeen) / msPerSecond)
	}
}
