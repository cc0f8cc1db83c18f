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
