package window

import (
	"math"
	"testing"
	"time"
)

// filled returns a window of the given span into which the samples were pushed.
func filled(interval, span int64, samples ...Sample) *Window {
	g := NewGeometry(interval, span)
	r := New(make([]Sample, g.Length), Position{})

	for _, s := range samples {
		r.Push(s, &g)
	}

	return &r
}

// times returns samples at the given times.
func times(at ...int64) []Sample {
	all := make([]Sample, len(at))
	for i := range at {
		all[i].At = at[i]
	}

	return all
}

func TestWindowSpansTime(t *testing.T) {
	for _, tc := range []struct {
		name             string
		interval, window time.Duration
		jitter           int64 // ms, of every other tick
		want             int   // samples
	}{
		{"the default", time.Second, 10 * time.Second, 0, 11},
		{"ticks a little off", time.Second, 10 * time.Second, 60, 11},
		{"250 ms", 250 * time.Millisecond, 10 * time.Second, 0, 41},
		{"thinned from 10 ms", 10 * time.Millisecond, 10 * time.Second, 0, 0},
		{"thinned from 20 ms, ticks off", 20 * time.Millisecond, 10 * time.Second, 6, 0},
		{"thinned from 100 ms", 100 * time.Millisecond, 10 * time.Second, 0, 0},
		{"thinned from 150 ms", 150 * time.Millisecond, 10 * time.Second, 0, 0},
		{"as many as there is room for", 100 * time.Millisecond, 6200 * time.Millisecond, 0, 63},
		{"one more than that", 100 * time.Millisecond, 6300 * time.Millisecond, 0, 0},
		{"ten minutes", time.Second, 10 * time.Minute, 0, 0},
		{"three intervals", 5 * time.Second, 15 * time.Second, 0, 4},
		{"shorter than an interval", time.Second, time.Millisecond, 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := NewGeometry(tc.interval.Milliseconds(), tc.window.Milliseconds())
			if g.Length < 2 || g.Length > MaxSamples {
				t.Fatalf("a window of %d samples", g.Length)
			}

			r := New(make([]Sample, g.Length), Position{})
			step := tc.interval.Milliseconds()

			for n := range int64(5 * MaxSamples * 20) {
				at := 1_000_000 + n*step + n%2*tc.jitter
				r.Push(Sample{At: at}, &g)

				if r.Newest().At != at {
					t.Fatalf("the newest sample is of %d instead of %d", r.Newest().At, at)
				}

				span := at - r.Oldest().At
				if span > g.Span+g.Spacing {
					t.Fatalf("the window reaches back %d ms", span)
				}

				if n*step > 2*g.Span && span < g.Span-g.Spacing-step {
					t.Fatalf("the window reaches back no more than %d ms, in %d samples", span, r.Count())
				}
			}

			if tc.want != 0 && r.Count() != tc.want {
				t.Errorf("the window holds %d samples, want %d", r.Count(), tc.want)
			}
		})
	}
}

func TestWindowIsThinnedEvenly(t *testing.T) {
	r := filled(10, 10_000)
	g := NewGeometry(10, 10_000)

	for at := int64(0); at < 60_000; at += 10 {
		r.Push(Sample{At: at}, &g)

		if r.Count() < 2 {
			continue
		}

		for i := range r.Count() - 2 {
			if apart := r.At(i+1).At - r.At(i).At; apart < g.Spacing || apart > 2*g.Spacing {
				t.Fatalf("after %d ms two kept samples are %d ms apart", at, apart)
			}
		}
	}

	if r.Count() < 50 {
		t.Errorf("%d samples are left", r.Count())
	}
}

func TestWindowOfTicksThatComeEarly(t *testing.T) {
	g := NewGeometry(1000, 10_000)
	r := New(make([]Sample, g.Length), Position{})

	for at := int64(0); at < 60_000; at += 880 {
		r.Push(Sample{At: at}, &g)
	}

	if span := r.Newest().At - r.Oldest().At; r.Count() != g.Length || span != int64(g.Length-1)*880 {
		t.Errorf("%d samples over %d ms", r.Count(), span)
	}
}

// TestWindowOfRecheck: what is seen between two samples does not shorten the window.
func TestWindowOfRecheck(t *testing.T) {
	const interval, span = 1000, 10_000

	for _, apart := range []int64{50, 100, 250, 333, 500} {
		g := NewGeometry(interval, span)
		r := New(make([]Sample, g.Length), Position{})

		for at := int64(0); at < 60_000; at += apart {
			r.Push(Sample{At: at + at%7}, &g) // never quite on time

			if covered := r.Newest().At - r.Oldest().At; at > span && covered < span-interval {
				t.Fatalf("recheck every %d ms, the window covers %d ms", apart, covered)
			}
		}
	}
}

func TestWindowAfterGap(t *testing.T) {
	g := NewGeometry(1000, 10_000)
	r := filled(1000, 10_000, times(0, 1000, 2000, 9000, 10_000)...)
	if r.Count() != 5 {
		t.Errorf("a gap of 7 s left %d samples", r.Count())
	}

	r.Push(Sample{At: 11_400}, &g)

	if r.Oldest().At != 1000 || r.Count() != 5 {
		t.Errorf("the oldest of %d samples is of %d ms", r.Count(), r.Oldest().At)
	}

	r.Push(Sample{At: 80_000}, &g)

	if r.Count() != 1 || r.Newest().At != 80_000 {
		t.Errorf("a gap longer than the window left %d samples", r.Count())
	}

	r.Clear()

	if r.Count() != 0 {
		t.Error("a cleared window holds samples")
	}
}

func TestWindowBefore(t *testing.T) {
	r := filled(1000, 10_000, times(0, 1000, 2100, 3000, 4000)...)

	for _, tc := range []struct {
		ms   int64
		want int
	}{{0, 4}, {1, 3}, {1000, 3}, {1001, 2}, {1900, 2}, {2000, 1}, {4000, 0}, {60_000, 0}} {
		if got := r.Before(r.Last(), tc.ms); got != tc.want {
			t.Errorf("%d ms ago was sample %d, want %d", tc.ms, got, tc.want)
		}
	}

	if got := filled(1000, 10_000, times(5)...).Before(0, 2000); got != 0 {
		t.Errorf("of a single sample number %d", got)
	}
}

func TestResetSince(t *testing.T) {
	before := Sample{
		BytesSent: 100, BytesRetrans: 10, TotalRetrans: 5, DataSegsOut: 50, Delivered: 40, DSACKDups: 2, DeliveredCE: 3,
	}

	for _, tc := range []struct {
		name   string
		change func(*Sample)
		want   bool
	}{
		{"nothing", func(*Sample) {}, false},
		{"growth", func(s *Sample) { s.BytesSent++; s.TotalRetrans++; s.DataSegsOut++; s.Delivered++ }, false},
		{"bytes sent", func(s *Sample) { s.BytesSent = 99 }, true},
		{"bytes retransmitted", func(s *Sample) { s.BytesRetrans = 0 }, true},
		{"retransmissions", func(s *Sample) { s.TotalRetrans = 4 }, true},
		{"segments out", func(s *Sample) { s.DataSegsOut = 1 }, true},
		{"delivered, though more was sent", func(s *Sample) { s.BytesSent = 1000; s.Delivered = 1 }, true},
		{"DSACKs", func(s *Sample) { s.DSACKDups = 0 }, true},
		{"queues are no counters", func(s *Sample) { s.SendQueue, s.Cwnd = 0, 0 }, false},
	} {
		after := before
		tc.change(&after)

		if got := after.ResetSince(&before); got != tc.want {
			t.Errorf("%s: reset %v", tc.name, got)
		}
	}

	high := Sample{TotalRetrans: math.MaxUint32 - 1, DataSegsOut: math.MaxUint32, Delivered: math.MaxUint32 - 7}
	wrapped := Sample{TotalRetrans: 3, DataSegsOut: 10, Delivered: 5}

	if wrapped.ResetSince(&high) {
		t.Error("counters that wrap look like a reset")
	}
}
