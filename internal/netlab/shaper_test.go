package netlab

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// start is when the tests of the shaper begin.
var start = time.Unix(1000, 0)

// admitAt has the shaper take packets of the size, all at once.
func admitAt(s *shaper, at time.Duration, size, n int) (taken int) {
	for range n {
		if s.admit(start.Add(at), make([]byte, size)) {
			taken++
		}
	}
	return taken
}

// drain follows the shaper's own advice until it is empty, and returns when each packet came out.
func drain(t *testing.T, s *shaper) []time.Duration {
	t.Helper()
	var out []time.Duration
	for range 100000 {
		at, ok := s.next()
		if !ok {
			return out
		}
		for {
			p, ok := s.pop(at)
			if !ok {
				break
			}
			if !p.due.Equal(at) {
				t.Errorf("a packet due at %v came out at %v", p.due.Sub(start), at.Sub(start))
			}
			out = append(out, at.Sub(start))
		}
	}
	t.Fatal("the shaper does not become empty")
	return nil
}

// requireTimes compares when packets came out.
func requireTimes(t *testing.T, got []time.Duration, want ...time.Duration) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("packets came out at %v, want %v", got, want)
	}
}

func TestShaperDelay(t *testing.T) {
	s := newShaper()
	admitAt(s, 0, 100, 1)
	s.set(start, Conditions{Delay: 20 * time.Millisecond})
	admitAt(s, 0, 100, 2)
	admitAt(s, 5*time.Millisecond, 100, 1)
	requireTimes(t, drain(t, s), 0, 20*time.Millisecond, 20*time.Millisecond, 25*time.Millisecond)
}

func TestShaperKeepsOrder(t *testing.T) {
	t.Run("jitter", func(t *testing.T) {
		s := newShaper()
		s.set(start, Conditions{Delay: 10 * time.Millisecond, Jitter: 30 * time.Millisecond})
		for i := range 100 {
			admitAt(s, time.Duration(i)*time.Millisecond, 100, 1)
		}
		got := drain(t, s)
		if len(got) != 100 || !slices.IsSorted(got) {
			t.Errorf("packets came out at %v", got)
		}
		late := 0
		for i, at := range got {
			took := at - time.Duration(i)*time.Millisecond
			if took < 10*time.Millisecond || took > 40*time.Millisecond {
				t.Errorf("packet %d took %v, want 10 to 40 ms", i, took)
			}
			if took > 15*time.Millisecond {
				late++
			}
		}
		if late == 0 {
			t.Error("there was no jitter")
		}
	})
	t.Run("shorter delay", func(t *testing.T) {
		s := newShaper()
		s.set(start, Conditions{Delay: 400 * time.Millisecond})
		admitAt(s, 0, 100, 1)
		s.set(start, Conditions{Delay: 20 * time.Millisecond})
		admitAt(s, time.Millisecond, 100, 1)
		admitAt(s, 390*time.Millisecond, 100, 1)
		requireTimes(t, drain(t, s), 400*time.Millisecond, 400*time.Millisecond, 410*time.Millisecond)
	})
}

func TestShaperRate(t *testing.T) {
	s := newShaper()
	s.set(start, Conditions{Rate: 8000, Delay: time.Second}) // A byte per millisecond.
	admitAt(s, 0, 100, 2)
	admitAt(s, 500*time.Millisecond, 50, 1)
	requireTimes(t, drain(t, s), 1100*time.Millisecond, 1200*time.Millisecond, 1550*time.Millisecond)
}

func TestShaperRateChanges(t *testing.T) {
	tests := []struct {
		name string
		rate int64
		want []time.Duration
	}{
		{"faster", 80000, []time.Duration{20 * time.Millisecond, 30 * time.Millisecond}},
		{"slower", 800, []time.Duration{100 * time.Millisecond, 1100 * time.Millisecond}},
		{"unlimited", 0, []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShaper()
			s.set(start, Conditions{Rate: 8000})
			admitAt(s, 0, 100, 2)
			s.set(start.Add(10*time.Millisecond), Conditions{Rate: tt.rate})
			requireTimes(t, drain(t, s), tt.want...)
		})
	}
}

func TestShaperQueue(t *testing.T) {
	s := newShaper()
	s.set(start, Conditions{Rate: 8000, Queue: 250})
	if got := admitAt(s, 0, 100, 5); got != 2 {
		t.Errorf("a queue of 250 bytes took %d packets of 100, want 2", got)
	}
	if got := admitAt(s, 100*time.Millisecond, 100, 5); got != 1 {
		t.Errorf("when one was sent, it took %d packets, want 1", got)
	}
	if want := (Count{Packets: 7, Bytes: 700}); s.counters.DroppedQueue != want {
		t.Errorf("the counters are %+v, want %+v by the queue", s.counters, want)
	}
	drain(t, s)
	if got := admitAt(s, time.Second, 1000, 1); got != 1 {
		t.Error("an empty queue did not take a packet larger than itself")
	}
}

func TestShaperDrops(t *testing.T) {
	s := newShaper()
	s.set(start, Conditions{MTUHole: 1000})
	if got := admitAt(s, 0, 1000, 1) + admitAt(s, 0, 1001, 1); got != 1 {
		t.Errorf("took %d packets of 1000 and 1001 bytes, want the smaller one", got)
	}
	s.set(start, Conditions{Blackhole: true, MTUHole: 1000})
	if got := admitAt(s, 0, 2000, 3); got != 0 {
		t.Errorf("the black hole took %d packets", got)
	}
	want := Counters{DroppedMTU: Count{1, 1001}, DroppedBlackhole: Count{3, 6000}}
	if s.counters != want {
		t.Errorf("the counters are %+v, want %+v", s.counters, want)
	}
}

func TestShaperLoss(t *testing.T) {
	pattern := func(c Conditions) (taken []bool) {
		s := newShaper()
		s.set(start, c)
		for range 10000 {
			taken = append(taken, s.admit(start, []byte{0}))
		}
		if lost := s.counters.DroppedLoss.Packets; lost != lossesIn(10000, c) {
			t.Errorf("%+v lost %d of 10000 packets, want %d", c, lost, lossesIn(10000, c))
		}
		return taken
	}
	first := pattern(Conditions{Loss: 0.25, Seed: 1})
	if lost := lossesIn(10000, Conditions{Loss: 0.25, Seed: 1}); lost < 2200 || lost > 2800 {
		t.Errorf("lost %d of 10000 packets, want about 2500", lost)
	}
	if !slices.Equal(first, pattern(Conditions{Loss: 0.25, Seed: 1, Jitter: time.Second})) {
		t.Error("the same seed lost other packets")
	}
	if slices.Equal(first, pattern(Conditions{Loss: 0.25, Seed: 2})) {
		t.Error("another seed lost the same packets")
	}
	if slices.Contains(pattern(Conditions{Loss: 1}), true) {
		t.Error("a packet survived certain loss")
	}
}

// lossesIn returns how many of the first n packets the conditions lose.
func lossesIn(n int64, c Conditions) (lost int64) {
	random := rand.New(rand.NewPCG(c.Seed, 1))
	for range n {
		if random.Float64() < c.Loss {
			lost++
		}
	}
	return lost
}

// TestShaperReorders: a reordered packet is overtaken by those that come until it is due.
func TestShaperReorders(t *testing.T) {
	const ms = time.Millisecond
	s := newShaper()
	s.set(start, Conditions{Delay: 20 * ms, Reorder: 1, ReorderBy: 5 * ms})
	admitAt(s, 0, 100, 1)
	s.set(start, Conditions{Delay: 20 * ms})
	admitAt(s, 2*ms, 50, 1)
	admitAt(s, 6*ms, 50, 1)
	if first, ok := s.pop(start.Add(22 * ms)); !ok || len(first.data) != 50 {
		t.Errorf("first comes a packet of %d bytes, want the overtaking one of 50", len(first.data))
	}
	requireTimes(t, drain(t, s), 25*ms, 26*ms)
}

// TestShaperPolices: a policer takes a burst at once, then what its rate allows, and delays nothing.
func TestShaperPolices(t *testing.T) {
	s := newShaper()
	s.set(start, Conditions{Police: 8000, Burst: 3000})
	if taken := admitAt(s, 0, 1000, 5); taken != 3 {
		t.Errorf("of a burst, %d packets were taken, want 3", taken)
	}
	if taken := admitAt(s, 2*time.Second, 1000, 5); taken != 2 {
		t.Errorf("after 2 s at 1 kB/s, %d packets were taken, want 2", taken)
	}
	requireTimes(t, drain(t, s), 0, 0, 0, 2*time.Second, 2*time.Second)
	if n := s.counters.DroppedPolicer.Packets; n != 5 {
		t.Errorf("%d packets are counted as dropped, want 5", n)
	}
}
