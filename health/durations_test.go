package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/group"
)

// TestRTTOfProgressAlone: an idle connection says nothing about the path, at
// whatever sample it does.
func TestRTTOfProgressAlone(t *testing.T) {
	w := newWatch(t, Config{Groups: group.Config{Max: 9}})
	c := client(1, 1)
	idle := client(2, 1)

	count := func(s *Snapshot) uint64 { return s.group(1).RTT.Count }
	if n := count(w.tick(c, idle)); n != 0 {
		t.Errorf("%d at first sight", n)
	}

	for range 3 {
		w.tick(c, idle)
	}

	if n := count(w.snapshot); n != 0 {
		t.Errorf("%d while idle", n)
	}

	c.Info.BytesAcked, c.Info.RTT = 1000, 30_000
	s := w.tick(c, idle)

	if h := s.group(1).RTT; h.Count != 1 || h.Sum != 0.03 || s.Groups[0].RTT.Count != 0 {
		t.Errorf("%d of %v s", h.Count, h.Sum)
	}

	// Between two samples the connections suspicious are read again. They count as
	// often as the others.
	w.now = w.now.Add(-w.interval / 2)
	c.Info.BytesAcked = 2000
	w.recording.Dump(t, w.now, []row{c}, w.tracker.Rechecked)
	w.now = w.now.Add(w.interval / 2)

	if n := count(w.tick(c, idle)); n != 2 {
		t.Errorf("%d after progress between samples", n)
	}

	if n := count(w.tick(c, idle)); n != 2 {
		t.Errorf("%d after no more progress", n)
	}

	c.Info.BytesAcked, c.Info.RTT = 3000, 0
	if n := count(w.tick(c, idle)); n != 2 {
		t.Errorf("%d without an RTT", n)
	}
}

func TestLifetimes(t *testing.T) {
	w := newWatch(t, Config{Retention: time.Second})
	w.tick(established(1)) // found at start: no one knows since when

	for range 3 {
		w.tick(established(1), established(2))
	}

	elsewhere := established(3)
	for range 5 {
		w.tick(elsewhere)
	}

	elsewhere.Remote = established(4).Remote
	w.tick(elsewhere)

	for range 3 {
		w.tick()
	}

	if h := w.snapshot.Lifetimes; h.Count != 3 || h.Sum != 2+4+0 || h.Buckets[0] != 1 {
		t.Errorf("%d lived for %v s: %v", h.Count, h.Sum, h.Buckets)
	}
}

// TestOutstandingAges has a SYN that no one answers: its age is the time that was
// watched.
func TestOutstandingAges(t *testing.T) {
	w := newWatch(t, Config{})
	if n := w.tick(established(2)).Outstanding.Count; n != 0 {
		t.Errorf("%d with nothing outstanding", n)
	}

	for n := range 4 {
		s := w.tick(unhealthy(1, 0), established(2))
		if want := float64(n * (n + 1) / 2); s.Outstanding.Count != uint64(n+1) || s.Outstanding.Sum != want {
			t.Errorf("%d of %v s, want %v", s.Outstanding.Count, s.Outstanding.Sum, want)
		}
	}

	// Between two samples nothing is added.
	w.recording.Dump(t, w.now, []row{unhealthy(1, 0)}, w.tracker.Rechecked)

	if n := w.tracker.durations.outstanding.Count; n != 4 {
		t.Errorf("%d after a look between samples", n)
	}
}
