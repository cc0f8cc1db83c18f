package health

import (
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// in returns the sockets of rows in a namespace.
func in(tb testing.TB, space sampler.Space, rows ...row) []sampler.Socket {
	tb.Helper()

	sockets := diagtest.Decode(tb, rows...)
	for i := range sockets {
		sockets[i].Space = space
	}

	return sockets
}

// dump takes a complete dump of a namespace.
func (w *watch) dump(space sampler.Space, at time.Time, rows ...row) {
	w.tb.Helper()
	w.tracker.Begin(space)
	w.tracker.Sockets(at, in(w.tb, space, rows...))
	w.publish(sampler.Dump{Space: space, Start: at, End: at})
	requireSound(w.tb, w.tracker)
}

// TestSpacesAreApart: equal cookies in two namespaces are two connections, and one of
// them ending does not end the other.
func TestSpacesAreApart(t *testing.T) {
	w := newWatch(t, Config{Export: showAll, Groups: group.Config{Max: 9}})
	elsewhere := established(1)
	elsewhere.Remote = established(2).Remote

	for second := range 3 {
		at := start.Add(time.Duration(second) * time.Second)
		w.dump(0, at, established(1))
		w.dump(5, at, elsewhere, listener(9, "0.0.0.0:443", 0, 4))
	}

	if s := w.snapshot; s.Tracker.Live != 2 || len(s.Connections) != 2 || s.Sockets != 3 || s.Statuses[judge.Healthy] != 2 {
		t.Fatalf("%d alive, %d exported, %d sockets, %v", s.Tracker.Live, len(s.Connections), s.Sockets, s.Statuses)
	}

	// A listener in one namespace makes no servers in another.
	if got := w.snapshot.labels(); !slices.Equal(got, []string{"client,,10.0.0.1,1", "server,443,,"}) {
		t.Errorf("groups %q", got)
	}

	for second := range 3 {
		w.dump(5, start.Add(time.Duration(3+second)*time.Second), listener(9, "0.0.0.0:443", 0, 4))
	}

	if s := w.snapshot; s.Tracker.Live != 1 || s.Tracker.Ended != 1 || s.Statuses[judge.Healthy] != 1 {
		t.Errorf("%d alive, %d ended, %v, after one namespace lost its connection", s.Tracker.Live, s.Tracker.Ended, s.Statuses)
	}

	if i, known := w.tracker.find(sampler.Key{Space: 0, Cookie: 1}); !known || w.tracker.slab.conn(i).endedAt != 0 {
		t.Error("the connection of the other namespace has ended")
	}
}

// TestSpacesOnTheirOwnClocks: a namespace that is dumped less often, or that fails for a
// while, neither delays a verdict in another one nor gets one for its own gaps.
func TestSpacesOnTheirOwnClocks(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})

	const slow sampler.Space = 3

	quiet := established(2)
	dead := func(second int) row { return waiting(1, uint32(second)*1000, uint8(second)) }

	for second := range 12 {
		at := start.Add(time.Duration(second) * time.Second)

		switch {
		case second == 0:
			w.dump(0, at, established(1))
		case second < 4:
			w.dump(0, at, dead(second))
		default:
			w.tracker.Begin(0)
			w.tracker.Abort()
		}

		if second%5 == 0 {
			w.dump(slow, at.Add(time.Millisecond), quiet)
		}
	}

	if c := w.snapshot.shown(1); c == nil || c.Status != judge.Stale || !c.StatusSince.Before(start.Add(4*time.Second)) {
		t.Errorf("the dead connection: %+v", c)
	}

	if c := w.snapshot.shown(2); c == nil || c.Status != judge.Healthy || !c.Ended.IsZero() {
		t.Errorf("the connection of the slow namespace: %+v", c)
	}

	if w.snapshot.Tracker.Live != 2 {
		t.Errorf("%d alive, though no complete dump missed any", w.snapshot.Tracker.Live)
	}
}

// TestSuspectsOfAllSpaces: suspicious connections are rechecked in each namespace, and a
// sample of one does not forget those of another.
func TestSuspectsOfAllSpaces(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	w.dump(0, start, established(1))
	w.dump(4, start, established(1))

	at := start.Add(time.Second)
	w.dump(0, at, waiting(1, 400, 0))
	w.dump(4, at, waiting(1, 400, 0))

	targets := w.tracker.Suspicious()
	if len(targets) != 2 || targets[0].Key() == targets[1].Key() {
		t.Fatalf("suspicious %+v, want one in each namespace", targets)
	}

	w.tracker.Rechecked(at.Add(700*time.Millisecond), in(t, 4, waiting(1, 1100, 2)))
	w.tracker.Settle(at.Add(700 * time.Millisecond))

	var got []judge.Status

	for _, space := range []sampler.Space{0, 4} {
		i, _ := w.tracker.find(sampler.Key{Space: space, Cookie: 1})
		got = append(got, w.tracker.slab.conn(i).judged.Verdict().Status)
	}

	if got[0] >= judge.Suspect || got[1] != judge.Stale {
		t.Errorf("%v after a recheck of the second one", got)
	}

	// What is rechecked in a namespace that was never dumped is left alone.
	w.tracker.Rechecked(at.Add(time.Second), in(t, 9, waiting(1, 1400, 3)))
	requireSound(t, w.tracker)
}

// TestListenersOfAllSpaces: of listeners with one address and port, the fullest counts.
func TestListenersOfAllSpaces(t *testing.T) {
	w := newWatch(t, Config{})
	w.dump(0, start, listener(1, "0.0.0.0:80", 3, 128), listener(2, "0.0.0.0:81", 1, 5))
	w.dump(2, start, listener(1, "0.0.0.0:80", 4, 8))

	want := []Listener{
		{LocalAddress: "0.0.0.0", LocalPort: "80", AcceptQueue: 4, Limit: 8, Max: 4},
		{LocalAddress: "0.0.0.0", LocalPort: "81", AcceptQueue: 1, Limit: 5, Max: 1},
	}
	if !slices.Equal(w.snapshot.Listeners, want) {
		t.Errorf("%+v, want %+v", w.snapshot.Listeners, want)
	}
}

// indexed returns the connections of all namespaces by their keys.
func indexed(t *Tracker) map[sampler.Key]uint32 {
	all := make(map[sampler.Key]uint32)

	for _, s := range t.spaces {
		for cookie, i := range s.index {
			all[sampler.Key{Space: s.id, Cookie: cookie}] = i
		}
	}

	return all
}

// TestGoneSpace: the connections of a namespace that is gone end with a reason of their
// own, those of others do not, and its number may be used again after the retention.
func TestGoneSpace(t *testing.T) {
	const gone sampler.Space = 3

	w, ends := newEnds(t, Config{Export: showAll, Retention: 5 * time.Second, Groups: group.Config{Max: 9}})
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

	for second := range 3 {
		w.dump(0, at(second), established(1))
		w.dump(gone, at(second), established(2), listener(9, "0.0.0.0:443", 0, 4))
	}

	w.tracker.Gone(gone, at(3))
	w.tracker.Gone(8, at(3))
	w.dump(0, at(3), established(1))

	if len(*ends) != 1 || (*ends)[0].Reason != EndNamespaceGone || (*ends)[0].Key != (sampler.Key{Space: gone, Cookie: 2}) {
		t.Fatalf("ends %+v", *ends)
	}

	s := w.snapshot
	if s.Tracker.Live != 1 || s.Tracker.Ended != 1 || s.Tracker.Closed != 1 || s.Sockets != 1 || len(s.Listeners) != 0 || s.Statuses[judge.Healthy] != 1 {
		t.Errorf("%+v, %d sockets, listeners %v, %v", s.Tracker, s.Sockets, s.Listeners, s.Statuses)
	}

	if c := s.shown(2); c == nil || c.Ended.IsZero() || c.EndReason != EndNamespaceGone {
		t.Errorf("the ended connection: %+v", c)
	}

	for second := 4; second < 10; second++ {
		w.dump(0, at(second), established(1))
	}

	if len(w.tracker.spaces) != 1 || len(w.tracker.spaceByID) != 1 || w.snapshot.Tracker.Ended != 0 {
		t.Errorf("%d namespaces, %d ended connections after the retention", len(w.tracker.spaces), w.snapshot.Tracker.Ended)
	}

	// The next namespace with this number has connections that were there before.
	w.dump(gone, at(10), established(2))

	if s := w.snapshot; s.Tracker.Live != 2 || s.Tracker.Opened != 0 {
		t.Errorf("%+v of a new namespace", s.Tracker)
	}
}

// TestOnePublicationPerTick: a tick of several namespaces publishes once, with candidates of
// all of them, and an own namespace that fails does not keep the others from it.
func TestOnePublicationPerTick(t *testing.T) {
	published := 0
	tracker := NewTracker(Config{Export: showAll}, func(s *Snapshot) { published = len(s.Connections) })
	dump := func(space sampler.Space, second int) {
		at := start.Add(time.Duration(second) * time.Second)

		tracker.Begin(space)
		tracker.Sockets(at, in(t, space, established(uint64(space)+1)))
		tracker.End(sampler.Dump{Space: space, Start: at, End: at})
	}

	for space := range sampler.Space(3) {
		if dump(space, 0); published != 0 {
			t.Fatal("published before the end of the tick")
		}
	}

	if tracker.Publish(start); published != 3 {
		t.Errorf("%d exported", published)
	}

	tracker.Begin(0)
	tracker.Sockets(start.Add(time.Second), in(t, 0, established(77)))
	tracker.Abort()
	dump(1, 1)
	dump(4, 1)

	if tracker.Publish(start.Add(time.Second)); published != 4 {
		t.Errorf("%d exported, of which one is that of a failed dump", published)
	}

	requireSound(t, tracker)
}

// TestManySpaces: in a table that is much larger than a namespace, its connections end by its
// index alone.
func TestManySpaces(t *testing.T) {
	w := newWatch(t, Config{})

	var rows []row
	for i := range uint64(100) {
		rows = append(rows, established(i+1))
	}

	for second := range 4 {
		at := start.Add(time.Duration(second) * time.Second)
		w.dump(0, at, rows...)

		for space := range sampler.Space(40) {
			if left := rows[:5]; second == 0 {
				w.dump(space+1, at, left...)
			} else {
				w.dump(space+1, at, left[1:]...)
			}
		}
	}

	if s := w.snapshot; s.Tracker.Live != 100+40*4 || s.Tracker.Ended != 40 {
		t.Errorf("%+v", s.Tracker)
	}
}

// TestRevisit: a dump of the known connections alone keeps the listeners, continues the
// connections, ends those that it has missed twice, and is completed by a dump with all.
func TestRevisit(t *testing.T) {
	const space sampler.Space = 2

	w := newWatch(t, Config{Export: showAll, Groups: group.Config{Max: 9}})
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
	listens := listener(9, "0.0.0.0:443", 1, 4)

	for second := range 12 {
		w.dump(space, at(second), established(1), established(2), listens)
	}

	revisit := func(second int, rows ...row) {
		t.Helper()
		w.tracker.Begin(space)

		var cookies []uint64
		for _, target := range w.tracker.Known() {
			cookies = append(cookies, target.Cookie)
		}

		if slices.Sort(cookies); !slices.Equal(cookies, []uint64{1, 2}) {
			t.Errorf("known %v", cookies)
		}

		w.tracker.Sockets(at(second), in(t, space, rows...))
		w.publish(sampler.Dump{Space: space, Start: at(second), End: at(second), Partial: true})
		requireSound(t, w.tracker)
	}

	for second := 12; second < 15; second++ {
		revisit(second, established(1), established(2))

		if s := w.snapshot; s.Sockets != 3 || s.States[sampler.StateListen] != 1 || len(s.Listeners) != 1 || s.Tracker.Live != 2 {
			t.Fatalf("%d sockets, %v, listeners %v, %+v", s.Sockets, s.States, s.Listeners, s.Tracker)
		}
	}

	revisit(15, established(1))

	// One has vanished, so that all sockets are dumped, too, some for the second time.
	w.tracker.Begin(space)
	w.tracker.Known()
	w.tracker.Sockets(at(16), in(t, space, established(1)))
	w.tracker.Sockets(at(16), in(t, space, established(1), established(3), listens))
	w.publish(sampler.Dump{Space: space, Start: at(16), End: at(16)})

	s := w.snapshot
	if s.Tracker.Live != 2 || s.Tracker.Ended != 1 || s.Tracker.Duplicates != 0 || s.Sockets != 3 {
		t.Errorf("%+v, %d sockets", s.Tracker, s.Sockets)
	}

	if got := s.labels(); !slices.Equal(got, []string{"server,443,,"}) {
		t.Errorf("groups %q", got)
	}
}

// TestGoneBetweenTicks: a tick without any dump exports no connection that ended before.
func TestGoneBetweenTicks(t *testing.T) {
	const gone sampler.Space = 3

	w := newWatch(t, Config{Export: export.Config{Max: 1, Hold: time.Hour}, Retention: time.Second})
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

	for second := range 3 {
		w.dump(gone, at(second), waiting(1, uint32(second)*1000, uint8(second)), waiting(2, uint32(second)*1000, uint8(second)))
	}

	w.tracker.Gone(gone, at(3))

	for second := 3; second < 6; second++ {
		w.tracker.Publish(at(second))
		requireSound(t, w.tracker)
	}

	if s := w.snapshot; len(s.Connections) != 0 || s.Tracker.Ended != 0 {
		t.Errorf("%d exported, %d ended", len(s.Connections), s.Tracker.Ended)
	}
}

// TestSuspectsOfGoneSpace: a connection that left a full table with its namespace is not
// rechecked.
func TestSuspectsOfGoneSpace(t *testing.T) {
	const gone sampler.Space = 3

	w := newWatch(t, Config{MaxConnections: 2})
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

	w.dump(0, at(0))

	for second := range 3 {
		w.dump(gone, at(second), waiting(1, uint32(second)*1000, uint8(second)))
	}

	w.tracker.Gone(gone, at(3))
	w.dump(0, at(3), established(2), established(3))

	if len(w.tracker.spaces) != 1 {
		t.Fatal("the namespace is still known")
	}

	if targets := w.tracker.Suspicious(); len(targets) != 0 {
		t.Errorf("suspicious: %+v", targets)
	}
}

// TestOwnSampleTime: the time of a snapshot is that of the last complete sample of the
// exporter's own namespace, and its counts are those of complete samples, while that one
// fails and others do not.
func TestOwnSampleTime(t *testing.T) {
	w := newWatch(t, Config{})
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

	if w.dump(4, at(0), established(9)); !w.snapshot.At.IsZero() {
		t.Errorf("a sample of the own namespace at %v, before there was one", w.snapshot.At)
	}

	w.dump(0, at(1), established(1), established(2))

	w.tracker.Begin(0)
	w.tracker.Sockets(at(2), in(t, 0, established(1)))
	w.tracker.Abort()
	w.dump(4, at(2), established(9))

	if s := w.snapshot; !s.At.Equal(at(1)) || s.Sockets != 3 || s.Statuses[judge.Healthy] != 3 {
		t.Errorf("sampled at %v, %d sockets, %v, want 3 at %v", s.At, s.Sockets, s.Statuses, at(1))
	}

	w.dump(4, at(3), established(9))

	if s := w.snapshot; !s.At.Equal(at(1)) {
		t.Errorf("sampled at %v without a sample", s.At)
	}
}

// TestCrowdedSpaces: of all namespaces together, half of a crowded table still goes around.
func TestCrowdedSpaces(t *testing.T) {
	const spaces, each = 3, 60

	tracker := NewTracker(Config{MaxConnections: 100, Export: export.Config{Max: 1}}, func(*Snapshot) {})
	seen := make(map[sampler.Key]bool)

	for second := range 240 {
		at := start.Add(time.Duration(second) * time.Second)

		for space := range sampler.Space(spaces) {
			sockets := population(t, each, each)
			for i := range sockets {
				sockets[i].Space, sockets[i].Cookie = space, uint64(space)<<32|sockets[i].Cookie
			}

			tracker.Begin(space)
			tracker.Sockets(at, sockets)
			tracker.End(sampler.Dump{Space: space, Start: at, End: at})
		}

		tracker.Publish(at)

		for key := range indexed(tracker) {
			seen[key] = true
		}

		if kept := tracker.kept; kept > 50 {
			t.Fatalf("after %d s, %d are kept out of their turn in a table of 100", second, kept)
		}
	}

	if len(seen) != spaces*each {
		t.Errorf("%d of %d had a turn", len(seen), spaces*each)
	}

	requireSound(t, tracker)
}
