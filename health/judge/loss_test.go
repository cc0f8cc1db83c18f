package judge

import (
	"math"
	"testing"

	"tcphealth_exporter/health/window"
)

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

// TestBBRSearches: while the window holds few round trips, what BBR loses is no lossy path.
func TestBBRSearches(t *testing.T) {
	th := DefaultThresholds()

	for _, tc := range []struct {
		bbr, queued bool
		srtt        float64
		want        int
	}{
		{true, false, 0.1, 6},
		{true, true, 0.1, 2},
		{true, false, 0.2, 2},
		{false, true, 0.2, 6},
	} {
		e := calm()
		lossy(&e, 0.5)
		e.bbr, e.queued, e.queue.now, e.srtt, e.baseline, e.windowSpan = tc.bbr, tc.queued, 1, tc.srtt, tc.srtt, 10

		if got, _ := level(lossShare, &e, th, th.Steps[LossHigh]); got != tc.want {
			t.Errorf("BBR %v, a queue %v, RTT %v s: %d points, want %d", tc.bbr, tc.queued, tc.srtt, got, tc.want)
		}
	}
}

// TestQueueOfALongPath: all that was waiting may be in flight before it is acknowledged.
func TestQueueOfALongPath(t *testing.T) {
	for rtt, want := range map[uint32]bool{100_000: false, 600_000: true} {
		f := newFollowing(t)
		r := established(1)
		r.Info.RTT, r.Info.Unacked, r.SendQueue, r.Info.NotsentBytes = rtt, 50, 100_000, 20_000
		f.see(r)

		r.Info.NotsentBytes = 0
		f.see(r)

		if e := f.see(r); e.bulk() != want {
			t.Errorf("an RTT of %d µs, two seconds after a queue: bulk %v", rtt, e.bulk())
		}
	}
}

func TestLossNeedsEvidence(t *testing.T) {
	l := DefaultThresholds()
	enough := window.Stats{
		RetransAll: 25, Retrans: 25, RetransSamples: 2, DataSegsOut: 100, BytesSent: 100_000, BytesRetrans: 25_000,
	}

	bound, ok := lossLowerBound(&enough, l)
	if !ok || math.Abs(bound-wilsonLower(0.25, 100)) > 1e-12 {
		t.Errorf("a quarter of 100 segments: %v, %v", bound, ok)
	}

	for name, change := range map[string]func(*window.Stats){
		"two retransmissions": func(w *window.Stats) { w.Retrans = 2 },
		"one sample":          func(w *window.Stats) { w.RetransSamples = 1 },
		"segments unknown":    func(w *window.Stats) { w.DataSegsOut = 0 },
	} {
		w := enough
		change(&w)

		if bound, ok := lossLowerBound(&w, l); ok {
			t.Errorf("%s: %v", name, bound)
		}
	}

	half := enough
	half.RetransAll = 50

	if bound, _ := lossLowerBound(&half, l); math.Abs(bound-wilsonLower(0.125, 100)) > 1e-12 {
		t.Errorf("half of it explained by DSACKs: %v", bound)
	}
}
