package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/abort"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// closedByPeer is a connection that the peer closed ms ago, and that nothing was received
// of since.
func closedByPeer(cookie uint64, ms uint32) row {
	r := established(cookie)
	r.State, r.RecvQueue, r.Info.LastAckRecv = sampler.StateCloseWait, 1, ms

	return r
}

// TestCloseWaitIsFlagged: the age begins with the FIN, which was 100 s before the first
// sample, and the flag becomes active in the sample in which it reaches 300 s, although
// the connection is at rest.
func TestCloseWaitIsFlagged(t *testing.T) {
	both := newTwins(t, Config{Groups: group.Config{Max: 4}})

	for at := range 260 {
		both.each(func(w *watch) { w.tick(closedByPeer(1, uint32(100_000+1000*at)), established(2)) })

		age := float64(100 + at)
		groups := both.rest.snapshot.Groups

		if got := max(groups[0].CloseWaitOldest, groups[1].CloseWaitOldest); got != age {
			t.Fatalf("the oldest is %v s old after %d s, want %v", got, at, age)
		}

		found := both.rest.ask(Query{Cookie: 1, Limit: 1}, nil).Found[0]
		stuck := found.Flags == judge.FlagSet(judge.CloseWaitStuck)

		if stuck != (age >= 300) || found.CloseWait != age {
			t.Fatalf("%v s old: %s, %v s", age, flagNames(found.Flags), found.CloseWait)
		}

		if stuck && (found.Status != judge.Caution || found.Cause != judge.CauseLocalApplication || !found.SafeToSend || found.Points != 2) {
			t.Fatalf("%v because of %v, %d points, safe to send: %v", found.Status, found.Cause, found.Points, found.SafeToSend)
		}
	}

	if both.rested < 400 {
		t.Errorf("only %d rows at rest", both.rested)
	}

	both.each(func(w *watch) { w.tick(established(2)) })
	both.each(func(w *watch) { w.tick(established(2)) })

	for _, g := range both.rest.snapshot.Groups {
		if g.CloseWaitOldest != 0 {
			t.Errorf("%s: %v s after it was closed", g.Name, g.CloseWaitOldest)
		}
	}
}

// TestCloseWaitAge compares the age with what can be known of it.
func TestCloseWaitAge(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after []row
		want          float64
	}{
		"known from the FIN":           {nil, []row{closedByPeer(1, 5000)}, 5},
		"an ACK followed the FIN":      {nil, []row{closedByPeer(1, 2500)}, 2},
		"seen before, and a late ACK":  {[]row{established(1)}, []row{closedByPeer(1, 3_600_000)}, 1},
		"closed between two samples":   {[]row{established(1)}, []row{closedByPeer(1, 100)}, 0},
		"acknowledged since, as known": {[]row{closedByPeer(1, 5000)}, []row{closedByPeer(1, 10)}, 6},
	} {
		w := newWatch(t, Config{Export: showAll})
		w.tick(tc.before...)

		if got := w.tick(tc.after...).shown(1); got == nil || got.CloseWait != tc.want {
			t.Errorf("%s: %+v, want %v s", name, got, tc.want)
		}
	}
}

// TestCloseWaitOldestOfGroups: the oldest of each group counts, and the next one after it.
func TestCloseWaitOldestOfGroups(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 4}, Export: export.Config{}})
	closed := func(cookie uint64, port, ms uint32) row {
		r := client(cookie, uint64(port))
		r.State, r.RecvQueue, r.Info.LastAckRecv = sampler.StateCloseWait, 1, ms

		return r
	}

	s := w.sample(closed(1, 1, 50_000), closed(2, 1, 50_000), closed(3, 1, 9_000), closed(4, 2, 7_000), client(5, 3))
	for port, want := range map[uint64]float64{1: 50, 2: 7, 3: 0} {
		if got := s.group(port).CloseWaitOldest; got != want {
			t.Errorf("group %d: %v s, want %v", port, got, want)
		}
	}

	w.now = w.now.Add(time.Second)
	w.tick(closed(2, 1, 51_000), closed(3, 1, 10_000), closed(4, 2, 8_000))

	if got := w.snapshot.group(1).CloseWaitOldest; got != 51 {
		t.Errorf("%v s after one of two is gone, want 51", got)
	}

	w.tick(client(2, 1), closed(3, 1, 11_000), closed(4, 2, 9_000))

	if got := w.snapshot.group(1).CloseWaitOldest; got != 11 {
		t.Errorf("%v s after both are gone, want 11", got)
	}

	requireSound(t, w.tracker)
}

// TestAborts: the first abort of a group, as long as there is any.
func TestAborts(t *testing.T) {
	dying := func(cookie uint64, timeouts uint8, due uint32) row {
		r := client(cookie, 1)
		r.Timer, r.Expires, r.SendQueue = sampler.TimerRetransmit, due, 300
		r.Info.Unacked, r.Info.Retransmits, r.Info.Backoff, r.Info.RTO = 1, timeouts, timeouts, 220_000<<timeouts

		return r
	}

	w := newWatch(t, Config{
		Groups: group.Config{Max: 4}, Export: showAll,
		Retries: abort.Retries{Data: 3, MaxRTO: time.Minute},
	})
	w.tick(client(1, 1), client(2, 1), client(3, 2))
	w.sample(dying(1, 2, 500), dying(2, 3, 1500), client(3, 2))

	// 3 s are over 5.38 s after the first timeout and 0.44 + 0.88 s later.
	if g := w.snapshot.group(1); !g.AbortKnown || g.AbortsIn != 1.5 {
		t.Errorf("known %v, in %v s, want 1.5", g.AbortKnown, g.AbortsIn)
	}

	if g := w.snapshot.group(2); g.AbortKnown {
		t.Errorf("a healthy group: in %v s", g.AbortsIn)
	}

	if c := w.snapshot.shown(1); !c.AbortKnown || c.AbortsIn != 2.26 {
		t.Errorf("known %v, in %v s, want 2.26", c.AbortKnown, c.AbortsIn)
	}

	if c := w.snapshot.shown(3); c.AbortKnown {
		t.Errorf("a healthy connection: in %v s", c.AbortsIn)
	}

	w.now = w.now.Add(time.Second)
	w.tick(client(1, 1), client(2, 1), client(3, 2))

	if g, c := w.snapshot.group(1), w.snapshot.shown(1); g.AbortKnown || c.AbortKnown {
		t.Errorf("after the recovery: in %v s, %v s", g.AbortsIn, c.AbortsIn)
	}
}

// TestAbortsOfOtherGroups: a change of the grouping forgets the aborts by group until the next
// sample.
func TestAbortsOfOtherGroups(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 9}, Retries: abort.Retries{Data: 3, MaxRTO: time.Minute}})

	var rows []row

	for n := range uint64(8) {
		r := client(n+1, n+1)
		r.Timer, r.Expires, r.SendQueue = sampler.TimerRetransmit, 500, 300
		r.Info.Unacked, r.Info.Retransmits, r.Info.Backoff, r.Info.RTO = 1, 2, 2, 880_000
		rows = append(rows, r)
	}

	w.tick(rows...)
	w.tick(rows...)

	other := DefaultPolicy()
	other.Grouping = group.NewGrouping([]group.Dimension{group.ByRole, group.ByNetwork}, group.NewNetworks(nil))
	w.tracker.SetPolicy(other)
	w.tick(rows...)

	s := w.tick(rows...)
	requireLabels(t, s, "client,private")

	if g := &s.Groups[1]; !g.AbortKnown || g.AbortsIn == 0 {
		t.Errorf("known %v, in %v s", g.AbortKnown, g.AbortsIn)
	}
}

// TestWithoutKeepalive counts established connections with neither a keepalive timer nor
// anything outstanding, at rest or not.
func TestWithoutKeepalive(t *testing.T) {
	kept, closed, waits := established(2), established(3), established(4)
	kept.Timer, kept.Expires = sampler.TimerKeepalive, 7_200_000
	closed.State = sampler.StateFinWait2
	waits.Info.Unacked, waits.SendQueue, waits.Timer, waits.Expires, waits.Info.LastDataSent = 1, 300, sampler.TimerRetransmit, 200, 10

	both := newTwins(t, Config{})
	require := func(want int) {
		t.Helper()

		if got := both.rest.snapshot.Groups[0].WithoutKeepalive; got != want {
			t.Errorf("%d without keepalive, want %d", got, want)
		}
	}

	for range 30 {
		both.each(func(w *watch) { w.tick(established(1), kept, closed) })
		require(1)
	}

	both.each(func(w *watch) { w.tick(established(1), kept, closed, waits) })
	require(1)

	waits = established(4)

	both.each(func(w *watch) { w.tick(established(1), established(2), closed, waits) })
	require(3)

	for range 2 {
		both.each(func(w *watch) { w.tick(kept) })
	}

	require(0)

	if both.rested == 0 {
		t.Error("no connection came to rest")
	}
}

// TestEndsOfGroups: each reason counts in the group, those of groups without a place in
// the rest, and together they are all ends.
func TestEndsOfGroups(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 2}, Retention: time.Hour, Export: showAll})

	if s := w.tick(client(1, 1), client(3, 2)); s.group(1).Ended != [NumEndReasons]uint64{} {
		t.Errorf("%v at the start", s.group(1).Ended)
	}

	bulk := client(2, 1)
	bulk.Info.Unacked, bulk.SendQueue, bulk.Info.SndWnd, bulk.Info.NotsentBytes, bulk.Timer = 0, 90_000, 0, 90_000, sampler.TimerProbe
	closing := client(3, 2)
	closing.State = sampler.StateLastAck

	for range 3 {
		w.tick(client(1, 1), bulk, closing, client(4, 3), client(5, 3))
	}

	w.tick(client(1, 1))
	s := w.tick(client(1, 1))

	for _, tc := range []struct {
		group *group.Group
		want  map[EndReason]uint64
	}{
		{s.group(1), map[EndReason]uint64{EndReset: 1}},
		{s.group(2), map[EndReason]uint64{EndClosed: 1}},
		{&s.Groups[0], map[EndReason]uint64{EndUnknown: 2}},
	} {
		for r, n := range tc.group.Ended {
			if n != tc.want[EndReason(r)] {
				t.Errorf("%s: %v, want %v", tc.group.Name, tc.group.Ended, tc.want)
			}
		}
	}

	if c := s.shown(2); c.EndReason != EndReset || c.Ended.IsZero() || c.Status != judge.Suspect {
		t.Errorf("%v, ended at %v: %v", c.Status, c.Ended, c.EndReason)
	}

	if found := w.ask(Query{Cookie: 2, Limit: 1, Ended: true}, nil).Found[0]; found.EndReason != EndReset || found.Status != judge.Suspect {
		t.Errorf("%v: %v", found.Status, found.EndReason)
	}

	requireSound(t, w.tracker)
}

// TestUnfinishedIsReset: what vanishes while more is outstanding than a close can have
// waited for was aborted.
func TestUnfinishedIsReset(t *testing.T) {
	for name, tc := range map[string]struct {
		last row
		want EndReason
	}{
		"a request in flight":         {diagtest.Outstanding(10, 50), EndUnknown},
		"a timeout, the next one due": {retried(1, 300), EndUnknown},
		"a timeout, the next one far": {retried(1, 1500), EndReset},
		"a closed window":             {closedWindow(), EndReset},
	} {
		w, ends := newEnds(t, Config{})
		w.tick(established(1), established(2))
		w.tick(tc.last, established(2))
		w.tick(established(2))
		w.tick(established(2))

		if len(*ends) != 1 || (*ends)[0].Reason != tc.want {
			t.Errorf("%s: %+v, want %v", name, *ends, tc.want)
		}
	}
}

// retried is a connection after a timeout, the next one of which is due in some ms.
func retried(timeouts uint8, due uint32) row {
	r := diagtest.Outstanding(100, 400)
	r.Info.Retransmits, r.Info.Backoff, r.Info.RTO, r.Expires = timeouts, timeouts, 1_600_000, due

	return r
}

func closedWindow() row {
	r := established(1)
	r.SendQueue, r.Info.SndWnd, r.Info.NotsentBytes, r.Timer, r.Expires, r.Info.LastAckRecv = 9000, 0, 9000, sampler.TimerProbe, 100, 100

	return r
}
