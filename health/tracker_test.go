package health

import (
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

func TestTrackerCountsRows(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	fin := established(3)
	fin.State, fin.Info.Unacked, fin.SendQueue = sampler.StateFinWait1, 1, 1

	s := w.tick(established(1), established(2), established(1), fin, listener(9, "0.0.0.0:80", 0, 128), listener(9, "0.0.0.0:80", 0, 128))
	if s.Sockets != 4 || s.Tracker.Duplicates != 2 || s.Tracker.Live != 3 {
		t.Errorf("%d sockets, %d duplicates, %d live", s.Sockets, s.Tracker.Duplicates, s.Tracker.Live)
	}

	want := [sampler.NumStates]int{sampler.StateEstablished: 2, sampler.StateFinWait1: 1, sampler.StateListen: 1}
	if s.States != want {
		t.Errorf("states %v", s.States)
	}

	if s.Statuses != [judge.NumStatuses]int{judge.Healthy: 3} || s.Idle != 2 || !s.At.Equal(start) {
		t.Errorf("statuses %v, %d idle, at %v", s.Statuses, s.Idle, s.At)
	}

	if got := s.shown(1).Trend.Samples; got != 1 {
		t.Errorf("the duplicate made %d samples", got)
	}

	if s := w.tick(); s.Sockets != 0 || s.Statuses != [judge.NumStatuses]int{} || s.Tracker.Duplicates != 2 {
		t.Errorf("an empty dump: %d sockets, statuses %v", s.Sockets, s.Statuses)
	}
}

func TestTrackerConfirmsTheEnd(t *testing.T) {
	w := newWatch(t, Config{Export: showAll, Retention: 5 * time.Second})
	last := w.now
	w.tick(established(1), established(2))

	// One dump without it is no end.
	if s := w.tick(established(2)); s.Tracker.Live != 2 || s.Tracker.Closed != 0 || !s.shown(1).Ended.IsZero() {
		t.Fatalf("missed once: %+v", s.Tracker)
	}

	w.tick(established(1), established(2))

	last = last.Add(2 * time.Second)
	w.tick(established(2))

	s := w.tick(established(2))
	if s.Tracker.Live != 1 || s.Tracker.Ended != 1 || s.Tracker.Closed != 1 || !s.shown(1).Ended.Equal(last) {
		t.Fatalf("missed twice: %+v, ended %v, last seen %v", s.Tracker, s.shown(1).Ended, last)
	}

	for range 4 {
		if s := w.tick(established(2)); s.shown(1) == nil || s.Tracker.Closed != 1 {
			t.Fatalf("within the retention: %+v", s.Tracker)
		}

		requireSound(t, w.tracker)
	}

	if s := w.tick(established(2)); s.shown(1) != nil || s.Tracker.Ended != 0 || s.Tracker.Live != 1 {
		t.Errorf("after the retention: %+v", s.Tracker)
	}

	requireSound(t, w.tracker)
}

func TestTrackerRevives(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	rows := []row{established(1), established(2), established(3)}
	w.tick(rows...)
	w.tick()

	before := w.tick()
	if before.Tracker.Ended != 3 || before.Tracker.Closed != 3 {
		t.Fatalf("%+v", before.Tracker)
	}

	s := w.tick(rows[1])
	if s.Tracker.Ended != 2 || s.Tracker.Live != 1 || !s.shown(2).Ended.IsZero() || s.shown(1).Ended.IsZero() {
		t.Errorf("one came back: %+v", s.Tracker)
	}

	// Counters never fall.
	if s.Tracker.Closed != 3 || s.Tracker.Opened != 1 {
		t.Errorf("%d closed, %d opened", s.Tracker.Closed, s.Tracker.Opened)
	}

	requireSound(t, w.tracker)
}

func TestTrackerAbortEndsNoOne(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	w.tick(established(1), established(2))
	published := w.snapshot

	for range 5 {
		w.abort(established(1), established(3))
	}

	if w.snapshot != published {
		t.Error("a dump that broke off was published")
	}

	s := w.tick(established(1), established(2), established(3))
	if s.Tracker.Live != 3 || s.Tracker.Closed != 0 || s.Tracker.Opened != 1 {
		t.Errorf("%+v", s.Tracker)
	}

	// An abort between two dumps without it changes nothing either.
	w.tick(established(1), established(3))
	w.abort()

	if s := w.tick(established(1), established(3)); s.Tracker.Closed != 1 {
		t.Errorf("missed by two complete dumps: %+v", s.Tracker)
	}

	requireSound(t, w.tracker)
}

func TestTrackerTupleChange(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Info.TotalRetrans = 7
	w.tick(r)
	w.tick(r)

	// The same socket, disconnected and connected elsewhere.
	r.Remote = established(77).Remote
	s := w.tick(r)

	c := s.shown(1)
	if s.Tracker.Closed != 1 || s.Tracker.Opened != 1 || s.Tracker.Live != 1 || len(s.Connections) != 1 {
		t.Fatalf("%+v with %d shown", s.Tracker, len(s.Connections))
	}

	if c.RemotePort != "77" || c.Trend.Samples != 1 || !c.FirstSeen.Equal(start.Add(2*time.Second)) {
		t.Errorf("%+v since %v", c.Identity, c.FirstSeen)
	}

	requireSound(t, w.tracker)

	// The end of one and the change of another at once.
	w.tick()
	w.tick()

	r.Remote = established(78).Remote
	if s := w.tick(r); s.Tracker.Live != 1 || s.Tracker.Ended != 0 || s.shown(1).RemotePort != "78" {
		t.Errorf("after its end: %+v", s.Tracker)
	}

	requireSound(t, w.tracker)
}

func TestTrackerRowsWithoutInfo(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	bare := established(1)
	bare.InfoSize, bare.State = diagtest.NoInfo, sampler.StateFinWait2

	// A remnant that was never followed is counted, not followed.
	s := w.tick(bare)
	if s.Sockets != 1 || s.States[sampler.StateFinWait2] != 1 || s.Tracker.Live != 0 || s.Tracker.Overflow != 0 {
		t.Errorf("%d sockets, %+v", s.Sockets, s.Tracker)
	}

	// One that was stays what it is.
	r := established(2)
	r.Info.BytesSent, r.Info.DataSegsOut, r.Info.TotalRetrans = 5000, 5, 3
	w.tick(r)

	bare = r
	bare.InfoSize, bare.State = diagtest.NoInfo, sampler.StateFinWait2

	for range 4 {
		s = w.tick(bare)
		if c := s.shown(2); c.Flags != 0 || c.Status != judge.Healthy || s.Tracker.Closed != 0 {
			t.Errorf("%v with %s", c.Status, flagNames(c.Flags))
		}
	}

	requireSound(t, w.tracker)
}

func TestTrackerOpenedAndFoundAtStart(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 9, MinAge: time.Minute}})
	w.abort(established(1))

	s := w.tick(established(1), established(2))
	if s.Tracker.Opened != 0 || len(s.Connections) != 2 {
		t.Errorf("found at start: %d opened, %d shown", s.Tracker.Opened, len(s.Connections))
	}

	s = w.tick(established(1), established(2), established(3))
	if s.Tracker.Opened != 1 || s.shown(3) != nil || s.Unexported != 1 {
		t.Errorf("a new one: %d opened, %d shown", s.Tracker.Opened, len(s.Connections))
	}

	for range 59 {
		s = w.tick(established(1), established(2), established(3))
	}

	if s.shown(3) != nil {
		t.Error("shown before its time")
	}

	if s = w.tick(established(1), established(2), established(3)); s.shown(3) == nil {
		t.Error("not shown when it was old enough")
	}
}

func TestTrackerCountsFlags(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	unhealthy := unhealthy(1, 1)

	for n := range 3 {
		s := w.tick(unhealthy, established(2))
		if s.FlagCounts[judge.SynUnanswered] != 1 || s.FlagEvents[judge.SynUnanswered] != 1 || s.Statuses[judge.Suspect] != 1 {
			t.Errorf("tick %d: raised %d, %d events, statuses %v", n, s.FlagCounts[judge.SynUnanswered], s.FlagEvents[judge.SynUnanswered], s.Statuses)
		}
	}

	unhealthy.Info.Retransmits = 0
	w.tick(unhealthy)

	unhealthy.Info.Retransmits = 2
	if s := w.tick(unhealthy); s.FlagEvents[judge.SynUnanswered] != 2 {
		t.Errorf("raised again: %d events", s.FlagEvents[judge.SynUnanswered])
	}
}

func TestTrackerGenerationWraps(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	w.tracker.at.generation = ^uint32(0) - 2

	for range 6 {
		s := w.tick(established(1), established(2), established(1), listener(5, "[::]:80", 1, 2))
		if s.Tracker.Live != 2 || s.Tracker.Closed != 0 || len(s.Listeners) != 1 {
			t.Fatalf("generation %d: %+v", w.tracker.at.generation, s.Tracker)
		}

		requireSound(t, w.tracker)
	}
}

func TestTrackerEndedMakeRoom(t *testing.T) {
	w := newWatch(t, Config{MaxConnections: 4, Export: showAll})
	w.tick(established(1), established(2), established(3), established(4))
	w.tick(established(3), established(4))
	w.tick(established(3), established(4))

	s := w.tick(established(3), established(4), established(5))
	if s.Tracker.Live != 3 || s.Tracker.Ended != 1 || s.Tracker.Overflow != 0 || s.shown(5) == nil {
		t.Errorf("%+v", s.Tracker)
	}

	requireSound(t, w.tracker)
}

func TestConfigDefaults(t *testing.T) {
	got := Config{}.withDefaults()
	if got.Interval != time.Second || got.Window != 10*time.Second || got.Retention != time.Minute ||
		got.MaxConnections != 262144 || got.Policy == nil {
		t.Errorf("%+v", got)
	}

	policy := DefaultPolicy()
	set := Config{Interval: 1, Window: 2, Retention: 3, MaxConnections: 4, Policy: policy}.withDefaults()

	if set.Interval != 1 || set.Window != 2 || set.Retention != 3 || set.MaxConnections != 4 || set.Policy != policy {
		t.Errorf("%+v", set)
	}
}

func TestTrackerShowsFlagsInOrder(t *testing.T) {
	if got := flagNames(judge.FlagSet(judge.RTTHigh, judge.HalfOpenConfirmed)); !slices.Equal(got, []string{"half_open_confirmed", "rtt_high"}) {
		t.Errorf("got %v", got)
	}
}
