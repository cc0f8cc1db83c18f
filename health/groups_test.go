package health

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// client returns the row of a connection from here to a server with the number.
func client(cookie, server uint64) row {
	return between(cookie, fmt.Sprintf("192.0.2.1:%d", 10_000+cookie), fmt.Sprintf("10.0.%d.%d:80", server>>8, server&255))
}

// group returns the shown group of the clients of a server, nil if there is none.
func (s *Snapshot) group(server uint64) *group.Group {
	labels := fmt.Sprintf("client,,10.0.%d.%d,80", server>>8, server&255)

	for i := range s.Groups {
		if joined(s.Groups[i].Labels) == labels {
			return &s.Groups[i]
		}
	}

	return nil
}

// requireServers fails unless the groups of these servers are shown, and so many
// are folded.
func requireServers(tb testing.TB, s *Snapshot, folded int, servers ...uint64) {
	tb.Helper()

	for _, n := range servers {
		if s.group(n) == nil {
			tb.Fatalf("the group of server %d is not shown, but %q are", n, s.labels())
		}
	}

	if len(s.Groups) != len(servers)+1 || s.GroupsFolded != folded {
		tb.Fatalf("%d groups shown beside the rest, %d folded; want %d and %d", len(s.Groups)-1, s.GroupsFolded, len(servers), folded)
	}
}

func TestGroupsBudget(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 2}})

	// Those that come together: the largest first, then the first one.
	rows := []row{client(1, 1), client(2, 2), client(3, 3), client(4, 3), client(5, 4)}
	s := w.tick(rows...)
	requireServers(t, s, 2, 1, 3)

	if s.Groups[0].Statuses[judge.Healthy] != 2 || s.group(3).Statuses[judge.Healthy] != 2 {
		t.Errorf("%v", s.Groups)
	}

	// An exported group stays exported, however large another one becomes.
	for n := range uint64(20) {
		rows = append(rows, client(10+n, 2))
		slices.Reverse(rows)
		requireServers(t, w.tick(rows...), 2, 1, 3)
		requireSound(t, w.tracker)
	}

	none := newWatch(t, Config{})
	requireServers(t, none.tick(rows...), 4)
}

func TestGroupsGiveUpTheirPlaces(t *testing.T) {
	const hold = 5 * time.Second

	w := newWatch(t, Config{Groups: group.Config{Max: 2, Hold: hold}, Retention: time.Second})
	sent := client(1, 1)
	sent.Info.BytesSent = 100
	w.tick(sent, client(2, 2))

	sent.Info.BytesSent = 1100
	requireServers(t, w.tick(sent, client(2, 2)), 0, 1, 2)

	// Two dumps without it and the retention, then the hold.
	rest := []row{client(2, 2), client(3, 3), client(4, 4), client(5, 4)}
	empty := w.now.Add(2 * time.Second)

	for w.now.Before(empty.Add(hold)) {
		s := w.tick(rest...)
		requireServers(t, s, 2, 1, 2)
		requireSound(t, w.tracker)

		if s.group(1).Counters[group.SentBytes] != 1000 {
			t.Fatalf("%v bytes", s.group(1).Counters[group.SentBytes])
		}
	}

	w.tick(rest...)

	// The larger one gets it, with all of its connections at once. The rest does not
	// inherit what the former group did, the host keeps it.
	s := w.tick(rest...)
	requireServers(t, s, 1, 2, 4)

	if s.group(4).Statuses[judge.Healthy] != 2 || s.Groups[0].Counters[group.SentBytes] != 0 || s.Totals.Counters[group.SentBytes] != 1000 {
		t.Errorf("%+v of %+v", s.Groups, s.Totals)
	}

	// It comes back, and there is no room.
	requireServers(t, w.tick(append(rest, client(6, 1))...), 2, 2, 4)
	requireSound(t, w.tracker)
}

func TestGroupsStayWithoutNeed(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 2, Hold: time.Second}, Retention: time.Second})
	w.tick(client(1, 1), client(2, 2))

	for range 30 {
		requireServers(t, w.tick(client(2, 2)), 0, 1, 2)
	}

	// A new one takes the place at once.
	requireServers(t, w.tick(client(2, 2), client(3, 3)), 0, 2, 3)

	// The one that has been empty for longest goes first.
	for range 10 {
		w.tick(client(3, 3))
	}

	for range 10 {
		w.tick()
	}

	requireServers(t, w.tick(client(4, 4)), 0, 3, 4)
	requireSound(t, w.tracker)
}

func TestGroupsCount(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 9}, Retention: time.Minute})
	dead := client(1, 1)
	dead.State, dead.Info.Retransmits, dead.Info.RTT, dead.Info.Unacked = sampler.StateSynSent, 3, 0, 1
	half := client(2, 1)
	half.State, half.Info.LastAckRecv = sampler.StateCloseWait, 2000

	g := w.tick(dead, half, client(3, 1)).group(1)
	if g.Statuses != [judge.NumStatuses]int{judge.Healthy: 2, judge.Stale: 1} || g.Causes != [judge.NumCauses]int{judge.CauseNone: 2, judge.CauseHandshake: 1} ||
		g.Unhealthy != [judge.NumCauses]int{judge.CauseHandshake: 1} || g.Idle != 2 || g.CloseWait != 1 {
		t.Errorf("%+v", g.Counts)
	}

	// To be unhealthy at first sight is an entry, to be healthy is none.
	if g.StatusEntries != [judge.NumStatuses]uint64{judge.Stale: 1} || g.Opened != 0 {
		t.Errorf("%+v", g.Totals)
	}

	w.tick(dead, half, client(3, 1))

	g = w.tick(client(1, 1), half, client(4, 1)).group(1)
	for range 3 {
		g = w.tick(client(1, 1), half, client(4, 1)).group(1)
	}

	if g.Statuses != [judge.NumStatuses]int{judge.Healthy: 3} || g.StatusEntries != [judge.NumStatuses]uint64{judge.Healthy: 1, judge.Stale: 1} ||
		g.Opened != 1 || g.Closed != 1 {
		t.Errorf("%+v, %+v", g.Counts, g.Totals)
	}

	if s := w.snapshot; s.Totals.StatusEntries != g.StatusEntries || s.Totals.Opened != s.Tracker.Opened || s.Totals.Closed != s.Tracker.Closed {
		t.Errorf("%+v of %+v", s.Totals, s.Tracker)
	}
}

// TestGroupsBetweenSamples has a connection change its verdict between two
// samples: it is counted once.
func TestGroupsBetweenSamples(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 9}})
	c := unanswered(client(1, 1), 1)
	w.tick(c, client(2, 1))

	c.Info.Retransmits, c.Info.SegsOut = 3, 7
	w.recording.Dump(t, w.now, []row{c}, w.tracker.Rechecked)
	w.tracker.Settle(w.now)

	g := w.snapshot.group(1)
	if g.Statuses != [judge.NumStatuses]int{judge.Healthy: 1, judge.Stale: 1} || g.StatusEntries != [judge.NumStatuses]uint64{judge.Suspect: 1, judge.Stale: 1} ||
		g.Causes != [judge.NumCauses]int{judge.CauseNone: 1, judge.CauseHandshake: 1} || g.Counters[group.SegmentsOut] != 7 {
		t.Errorf("%+v, %+v", g.Counts, g.Totals)
	}

	requireSound(t, w.tracker)

	if g := w.tick(c, client(2, 1)).group(1); g.Counters[group.SegmentsOut] != 7 {
		t.Errorf("%d segments", g.Counters[group.SegmentsOut])
	}
}

func TestGroupsRestart(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 9}})
	a, b := client(1, 1), client(2, 2)
	w.tick(a, b)

	a.Info.BytesSent, b.Info.BytesSent = 100, 10
	c := client(3, 1)
	c.Info.BytesSent = 5
	requireLabels(t, w.tick(a, b, c), "client,,10.0.0.1,80", "client,,10.0.0.2,80")

	same := DefaultPolicy()
	same.Grouping = group.DefaultGrouping()
	w.tracker.SetPolicy(same)

	if s := w.tick(a, b, c); s.group(1).Counters[group.SentBytes] != 105 {
		t.Errorf("the same grouping makes %v", s.group(1).Counters)
	}

	other := DefaultPolicy()
	other.Grouping = group.NewGrouping([]group.Dimension{group.ByRole, group.ByNetwork}, group.NewNetworks(nil))
	w.tracker.SetPolicy(other)

	// The sample in which it happens is lost to no one.
	a.Info.BytesSent += 1000
	d := client(4, 4)
	d.Info.BytesSent = 7

	s := w.tick(a, b, c, d)
	requireLabels(t, s, "client,private")
	requireSound(t, w.tracker)

	if s.Totals.Counters[group.SentBytes] != 1122 || s.Totals.Opened != 2 || s.Groups[1].Counters[group.SentBytes] != 7 || s.Groups[1].Opened != 1 ||
		s.Groups[1].Statuses[judge.Healthy] != 4 {
		t.Errorf("%+v of %+v", s.Groups[1], s.Totals)
	}

	a.Info.BytesSent += 50

	if s := w.tick(a, b, c, d); s.Groups[1].Counters[group.SentBytes] != 57 || s.Totals.Counters[group.SentBytes] != 1172 {
		t.Errorf("%+v of %+v", s.Groups[1], s.Totals)
	}
}

// TestGroupsOfManyDestinations has sixteen thousand connections to four thousand
// servers: the largest groups are shown, the rest is in one, and nothing is lost.
func TestGroupsOfManyDestinations(t *testing.T) {
	const servers, connections, shown = 4000, 16_000, 100

	w := newWatch(t, Config{Groups: group.Config{Max: shown}})
	rows := make([]row, connections)

	for i := range rows {
		n := uint64(i % (servers - shown))
		if i < connections/2 { // half of them to a few
			n = servers - 1 - uint64(i%shown)
		}

		rows[i] = client(uint64(i+1), n)
	}

	w.tick(rows...)

	for i := range rows {
		rows[i].Info.BytesSent = uint64(i)
	}

	s := w.tick(rows...)
	if len(s.Groups) != shown+1 || s.GroupsFolded != servers-shown {
		t.Fatalf("%d groups shown, %d folded", len(s.Groups)-1, s.GroupsFolded)
	}

	for n := range uint64(shown) {
		if g := s.group(servers - 1 - n); g == nil || g.Statuses[judge.Healthy] != connections/2/shown {
			t.Fatalf("the group of server %d: %+v", servers-1-n, g)
		}
	}

	if rest := &s.Groups[0]; rest.Statuses[judge.Healthy] != connections/2 || s.Statuses[judge.Healthy] != connections ||
		s.Totals.Counters[group.SentBytes] != connections*(connections-1)/2 {
		t.Errorf("%+v of %+v", rest, s.Totals)
	}

	requireSound(t, w.tracker)
}

// TestGroupsHoldAgain: a group that had a connection meanwhile is held for the
// whole time again.
func TestGroupsHoldAgain(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 1, Hold: 5 * time.Second}, Retention: time.Second})
	w.tick(client(1, 1))

	for range 6 { // empty for three seconds
		w.tick()
	}

	w.tick(client(2, 1))

	for range 6 {
		requireServers(t, w.tick(client(3, 3)), 1, 1)
	}
}

// TestGroupsKeepRoles: another grouping doesn't make clients of the connections
// whose listener is gone.
func TestGroupsKeepRoles(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 9}})
	w.tick(established(1), listener(9, "0.0.0.0:443", 0, 1))

	for range 3 {
		w.tick(established(1))
	}

	policy := DefaultPolicy()
	policy.Grouping = group.NewGrouping([]group.Dimension{group.ByRole}, nil)
	w.tracker.SetPolicy(policy)
	requireLabels(t, w.tick(established(1)), "server")
}

// TestGroupSnapshotsStay: a snapshot doesn't change with the groups.
func TestGroupSnapshotsStay(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 2, Hold: time.Second}, Retention: time.Second})
	first := w.tick(client(1, 1), client(2, 2))
	before := fmt.Sprint(first.Groups, first.Totals)

	for n := range uint64(12) {
		c := client(n+3, n+3)
		c.Info.BytesSent = 100
		w.tick(c, unhealthy(99, uint8(n%4)))
	}

	if after := fmt.Sprint(first.Groups, first.Totals); after != before {
		t.Errorf("was %s,\nis %s", before, after)
	}
}

// TestGroupOfAReturningConnection: a connection that ended without a group returns in the
// sample in which a place becomes free. It is counted once, with the group's move to that
// place.
func TestGroupOfAReturningConnection(t *testing.T) {
	policy := DefaultPolicy()
	policy.Grouping = group.NewGrouping([]group.Dimension{group.ByCgroup}, nil)
	w := newWatch(t, Config{
		Policy: policy, Groups: group.Config{Max: 1, Hold: 3 * time.Second}, Retention: 2 * time.Second,
		CgroupName: func(id uint64) (string, bool) { return "", id == 7 }, // the others are not known yet
	})

	second := 0
	tick := func(cookies ...uint64) {
		var rows []row
		for _, c := range cookies {
			rows = append(rows, established(c))
		}

		sockets := diagtest.Decode(t, rows...)
		for i := range sockets {
			sockets[i].CgroupID = 6 + sockets[i].Cookie
		}

		feed(w.tracker, start.Add(time.Duration(second)*time.Second), sockets)
		requireSound(t, w.tracker)

		second++
	}

	tick(1, 2)

	for range 4 { // the group of the first one becomes empty
		tick(2)
	}

	tick()
	tick() // the second one ends while it waits for its group
	tick(2)
	requireLabels(t, w.snapshot, group.Other)

	tick(2)
	requireLabels(t, w.snapshot, "8")

	tick()
	requireLabels(t, w.snapshot)
}
