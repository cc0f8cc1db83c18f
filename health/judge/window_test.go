package judge

import (
	"math"
	"testing"
	"time"
)

// filled returns a window of the given span into which the samples were pushed.
func filled(interval, window int64, samples ...Sample) *Window {
	g := NewGeometry(interval, window)
	r := NewWindow(make([]Sample, g.Length), Position{})

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
				t.Fatalf("a Window of %d samples", g.Length)
			}

			r := NewWindow(make([]Sample, g.Length), Position{})
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
					t.Fatalf("the window reaches back no more than %d ms, in %d samples", span, r.count)
				}
			}

			if tc.want != 0 && int(r.count) != tc.want {
				t.Errorf("the window holds %d samples, want %d", r.count, tc.want)
			}
		})
	}
}

func TestWindowIsThinnedEvenly(t *testing.T) {
	r := filled(10, 10_000)
	g := NewGeometry(10, 10_000)

	for at := int64(0); at < 60_000; at += 10 {
		r.Push(Sample{At: at}, &g)

		if r.count < 2 {
			continue
		}

		for i := range int(r.count) - 2 {
			if apart := r.At(i+1).At - r.At(i).At; apart < g.Spacing || apart > 2*g.Spacing {
				t.Fatalf("after %d ms two kept samples are %d ms apart", at, apart)
			}
		}
	}

	if r.count < 50 {
		t.Errorf("%d samples are left", r.count)
	}
}

func TestWindowOfTicksThatComeEarly(t *testing.T) {
	g := NewGeometry(1000, 10_000)
	r := NewWindow(make([]Sample, g.Length), Position{})

	for at := int64(0); at < 60_000; at += 880 {
		r.Push(Sample{At: at}, &g)
	}

	if span := r.Newest().At - r.Oldest().At; int(r.count) != g.Length || span != int64(g.Length-1)*880 {
		t.Errorf("%d samples over %d ms", r.count, span)
	}
}

// TestWindowOfRecheck: what is seen between two samples does not shorten the window.
func TestWindowOfRecheck(t *testing.T) {
	const interval, span = 1000, 10_000

	for _, apart := range []int64{50, 100, 250, 333, 500} {
		g := NewGeometry(interval, span)
		r := NewWindow(make([]Sample, g.Length), Position{})

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
	if r.count != 5 {
		t.Errorf("a gap of 7 s left %d samples", r.count)
	}

	r.Push(Sample{At: 11_400}, &g)

	if r.Oldest().At != 1000 || r.count != 5 {
		t.Errorf("the oldest of %d samples is of %d ms", r.count, r.Oldest().At)
	}

	r.Push(Sample{At: 80_000}, &g)

	if r.count != 1 || r.Newest().At != 80_000 {
		t.Errorf("a gap longer than the window left %d samples", r.count)
	}

	r.clear()

	if r.count != 0 {
		t.Error("a cleared window holds samples")
	}
}

func TestWindowBefore(t *testing.T) {
	r := filled(1000, 10_000, times(0, 1000, 2100, 3000, 4000)...)

	for _, tc := range []struct {
		ms   int64
		want int
	}{{0, 4}, {1, 3}, {1000, 3}, {1001, 2}, {1900, 2}, {2000, 1}, {4000, 0}, {60_000, 0}} {
		if got := r.before(r.last(), tc.ms); got != tc.want {
			t.Errorf("%d ms ago was sample %d, want %d", tc.ms, got, tc.want)
		}
	}

	if got := filled(1000, 10_000, times(5)...).before(0, 2000); got != 0 {
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

		if got := after.resetSince(&before); got != tc.want {
			t.Errorf("%s: reset %v", tc.name, got)
		}
	}

	high := Sample{TotalRetrans: math.MaxUint32 - 1, DataSegsOut: math.MaxUint32, Delivered: math.MaxUint32 - 7}
	wrapped := Sample{TotalRetrans: 3, DataSegsOut: 10, Delivered: 5}

	if wrapped.resetSince(&high) {
		t.Error("counters that wrap look like a reset")
	}
}

func TestStatsAreDifferences(t *testing.T) {
	r := filled(1000, 10_000,
		Sample{At: 0, Cwnd: 10, Busy: 500},
		Sample{
			At: 1000, BytesSent: 1000, BytesRetrans: 100, TotalRetrans: 1, DSACKDups: 1, DataSegsOut: 10, Cwnd: 20,
			Delivered: 9, DeliveredCE: 2, Busy: 1000, ReceiverLimited: 100, SndbufLimited: 50,
		},
		Sample{
			At: 2000, BytesSent: 3000, BytesRetrans: 500, TotalRetrans: 5, DSACKDups: 2, DataSegsOut: 30, Cwnd: 15,
			Delivered: 25, DeliveredCE: 2, Busy: 1500, ReceiverLimited: 600, SndbufLimited: 100,
		},
	)

	want := windowStats{
		retransAll: 5, retrans: 3, retransSamples: 2, dataSegsOut: 30, bytesSent: 3000, bytesRetrans: 500,
		delivered: 25, deliveredCE: 2, busy: 1, receiverLimited: 0.6, sndbufLimited: 0.1, cwndFell: true, cwndRose: true,
	}
	if got := r.stats(0, r.last()); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	want = windowStats{
		retransAll: 4, retrans: 3, retransSamples: 1, dataSegsOut: 20, bytesSent: 2000, bytesRetrans: 400,
		delivered: 16, busy: 0.5, receiverLimited: 1, sndbufLimited: 0.1, cwndFell: true,
	}
	if got := r.stats(1, r.last()); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	if got := r.stats(2, r.last()); got != (windowStats{}) {
		t.Errorf("of one sample %+v", got)
	}
}

func TestStatsOfWrappingCounters(t *testing.T) {
	r := filled(1000, 10_000,
		Sample{
			At: 0, TotalRetrans: math.MaxUint32 - 1, DSACKDups: math.MaxUint32, DataSegsOut: math.MaxUint32 - 9,
			Delivered: math.MaxUint32, Busy: math.MaxUint32 - 499, ReceiverLimited: math.MaxUint32 - 99, SndbufLimited: math.MaxUint32,
		},
		Sample{At: 1000, TotalRetrans: 4, DSACKDups: 1, DataSegsOut: 10, Delivered: 7, Busy: 500, ReceiverLimited: 100, SndbufLimited: 99},
	)

	want := windowStats{
		retransAll: 6, retrans: 4, retransSamples: 1, dataSegsOut: 20, delivered: 8,
		busy: 1, receiverLimited: 0.2, sndbufLimited: 0.1,
	}
	if got := r.stats(0, r.last()); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestStatsOfCEMarksAlone(t *testing.T) {
	r := filled(1000, 10_000,
		Sample{At: 0, Cwnd: 20}, Sample{At: 1000, Cwnd: 10, DeliveredCE: 1}, Sample{At: 2000, Cwnd: 12, DeliveredCE: 1})

	if got := r.stats(0, r.last()); !got.cwndFell || !got.cwndRose || got.retransSamples != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestStatsWhereDSACKsExplainEverything(t *testing.T) {
	r := filled(1000, 10_000, Sample{At: 0}, Sample{At: 1000, TotalRetrans: 3, DSACKDups: 4, BytesSent: 10, BytesRetrans: 5})
	if got := r.stats(0, r.last()); got.retransAll != 3 || got.retrans != 0 {
		t.Errorf("%d of %d retransmissions are left unexplained", got.retrans, got.retransAll)
	}
}

func TestLossRatio(t *testing.T) {
	for _, tc := range []struct {
		name string
		w    windowStats
		want float64
		ok   bool
	}{
		{"bytes", windowStats{bytesSent: 1000, bytesRetrans: 250, dataSegsOut: 10, retransAll: 9}, 0.25, true},
		{"segments", windowStats{dataSegsOut: 10, retransAll: 1}, 0.1, true},
		{"never above one", windowStats{bytesSent: 1000, bytesRetrans: 2000}, 1, true},
		{"never above one segment", windowStats{dataSegsOut: 1, retransAll: 2}, 1, true},
		{"nothing sent", windowStats{retransAll: 2}, 0, false},
	} {
		if got, ok := tc.w.lossRatio(); got != tc.want || ok != tc.ok {
			t.Errorf("%s: %v, %v", tc.name, got, ok)
		}
	}
}

// TestWilsonLower holds the bound to what defines it: the share b from which p
// is 1.645 standard errors away, (p-b)² = z²·b·(1-b)/n. Some values by hand.
func TestWilsonLower(t *testing.T) {
	const z2 = 2.705543454095404 // square of the normal distribution's 95th percentile

	for _, tc := range []struct{ p, n, want float64 }{
		{0, 10, 0},
		{1, 10, 10 / (10 + z2)},
		{1, 1000, 1000 / (1000 + z2)},
		{0.5, z2, (1 - math.Sqrt(0.5)) / 2}, // b(1-b) = (1/2-b)²
	} {
		if got := wilsonLower(tc.p, tc.n); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%v of %v: %v, want %v", tc.p, tc.n, got, tc.want)
		}
	}

	for n := 1.0; n < 1e6; n *= 3 {
		for p := 0.0; p <= 1; p += 0.05 {
			b := wilsonLower(p, n)
			if b < 0 || b > p+1e-12 || math.Abs((p-b)*(p-b)-z2*b*(1-b)/n) > 1e-9 {
				t.Errorf("%v of %v: %v", p, n, b)
			}
		}
	}
}

func TestLossNeedsEvidence(t *testing.T) {
	l := DefaultThresholds()
	enough := windowStats{
		retransAll: 25, retrans: 25, retransSamples: 2, dataSegsOut: 100, bytesSent: 100_000, bytesRetrans: 25_000,
	}

	bound, ok := enough.lossLowerBound(l)
	if !ok || math.Abs(bound-wilsonLower(0.25, 100)) > 1e-12 {
		t.Errorf("a quarter of 100 segments: %v, %v", bound, ok)
	}

	for name, change := range map[string]func(*windowStats){
		"two retransmissions": func(w *windowStats) { w.retrans = 2 },
		"one sample":          func(w *windowStats) { w.retransSamples = 1 },
		"segments unknown":    func(w *windowStats) { w.dataSegsOut = 0 },
	} {
		w := enough
		change(&w)

		if bound, ok := w.lossLowerBound(l); ok {
			t.Errorf("%s: %v", name, bound)
		}
	}

	half := enough
	half.retransAll = 50

	if bound, _ := half.lossLowerBound(l); math.Abs(bound-wilsonLower(0.125, 100)) > 1e-12 {
		t.Errorf("half of it explained by DSACKs: %v", bound)
	}
}
