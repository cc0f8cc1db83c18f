package health

import (
	"net/netip"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// account adds the increases since the last socket to the connection's group. A socket
// without tcp_info has no counters, and the next one has nothing to compare with.
func (t *Tracker) account(c *connection, w *window.Window, row *sampler.Socket) {
	if !row.Has(sampler.HasInfo) {
		c.counting = false

		return
	}

	now := group.CountersOf(&row.Info)

	if c.counting && c.group != group.None {
		if before := c.counters(w.Newest()); now != before {
			added := now.Since(&before)
			t.groups.Of(c.group).Counters.Add(&added)
		}
	}

	c.counting = true
	c.last = lastCounters{
		received:    now[group.ReceivedBytes],
		outOfOrder:  uint32(now[group.OutOfOrderSegments]),
		segmentsOut: uint32(now[group.SegmentsOut]),
		segmentsIn:  uint32(now[group.SegmentsIn]),
	}
}

// joinGroups assigns groups to new connections, because the listeners of their sample
// are known now; to all connections if the grouping has changed.
func (t *Tracker) joinGroups(at int64) {
	if g := t.policy.grouping(); g != t.groups.Grouping() && !g.Equal(t.groups.Grouping()) {
		t.regroup(g, at)
	}

	var waiting []uint32

	joined := t.arrivals[:0]

	for _, i := range t.arrivals {
		c := t.slab.conn(i)
		if t.slab.seen[i] == neverSeen || c.group != group.None {
			continue
		}

		about, final := t.traitsOf(c)
		if c.space != t.at.id && !c.joined || !final && t.awaitsName(c, at) {
			waiting = append(waiting, i)

			continue
		}

		c.group = t.groups.Enter(&about)
		joined = append(joined, i)
	}

	t.groups.Settle(at)

	for _, i := range joined {
		t.countJoined(i)
	}

	t.arrivals, t.at.sampledFrom = append(t.arrivals[:0], waiting...), t.at.clock.first
	t.at.listeners.openings.prune(t.at.listenedIn)
}

// regroup makes all connections join new groups.
func (t *Tracker) regroup(g *group.Grouping, at int64) {
	t.regroupedAt = at
	t.wakeAll()
	t.groups.Reset(g)
	t.arrivals = t.arrivals[:0]

	for _, s := range t.spaces {
		clear(s.aborts)
	}

	for i, seen := range t.slab.seen {
		if seen != neverSeen {
			t.slab.conn(uint32(i)).group = group.None
			t.arrivals = append(t.arrivals, uint32(i))
		}
	}
}

// findRole sets the role of a connection once.
func (t *Tracker) findRole(c *connection) {
	if c.role == group.RoleUnknown {
		c.role = t.spaceOf(c).listeners.openings.roleOf(c)
	}
}

// traitsOf returns what decides the group of a connection, as far as the grouping needs it,
// and reports whether that is final: the names of its cgroup and owner may come late.
func (t *Tracker) traitsOf(c *connection) (about group.Traits, final bool) {
	t.findRole(c)

	about = group.Traits{
		Role:       c.role,
		Local:      t.zoned(c, c.local),
		Remote:     t.zoned(c, c.remote),
		Congestion: t.algorithms.name(c.congestion),
	}
	about.Cgroup, about.Owner, final = t.ownerOf(c)

	return about, final
}

// zoned returns an endpoint of a connection, with the zone of a link-local address.
func (t *Tracker) zoned(c *connection, e sampler.Endpoint) netip.AddrPort {
	ap := e.AddrPort()
	if a := ap.Addr(); export.NeedsZone(a) {
		return netip.AddrPortFrom(a.WithZone(t.zones.Name(c.space, c.ifindex)), ap.Port())
	}

	return ap
}

// countJoined counts a connection in the group that it has just joined, with all that it
// did before, if that was never counted and its beginning is known.
func (t *Tracker) countJoined(i uint32) {
	c := t.slab.conn(i)
	p := t.groups.Of(c.group)

	if c.counted {
		p.Count(c.member(), 1)
	}

	if c.joined {
		return
	}

	c.joined = true
	windows := c.judged.Windows()
	p.Windows.Add(&windows)

	if s := c.judged.Verdict().Status; s != judge.Healthy {
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
	w := t.slab.ring(i)
	s := w.Newest()
	all := c.counters(s)
	all.LimitTimes(s.At - t.spaceOf(c).sampledFrom + judge.JiffyMS)
	p.Counters.Add(&all)
}

// countOpened counts a connection as opened, by its direction.
func (t *Tracker) countOpened(c *connection) {
	if c.role == group.RoleServer {
		t.stats.PassiveOpens++
	} else {
		t.stats.ActiveOpens++
	}
}

// countEntry counts a change of status. A connection without a group is counted when it
// joins one.
func (t *Tracker) countEntry(c *connection) {
	if c.group != group.None {
		t.groups.Of(c.group).StatusEntries[c.judged.Verdict().Status]++
	}
}

// countEnded counts the end of a connection. One that is only no longer tracked is not
// closed.
func (t *Tracker) countEnded(i uint32, c *connection, reason EndReason) {
	if c.group == group.None { // of a sample that broke off
		about, _ := t.traitsOf(c)
		c.group = t.groups.Enter(&about)
		t.countJoined(i)
	}

	p := t.groups.Of(c.group)
	p.Ended[reason]++

	if reason == EndEvicted || reason == EndShutdown {
		return
	}

	t.stats.Closed++
	p.Closed++

	if c.opened {
		r := t.windowOf(i, c)
		t.durations.lifetime.Observe(float64(r.Newest().At-c.firstSeen) / msPerSecond)
	}
}
