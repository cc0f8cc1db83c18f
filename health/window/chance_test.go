package window

import (
	"math"
	"testing"
)

// TestLowerBound holds the bound to what defines it: the share b from which p
// is 1.645 standard errors away, (p-b)² = z²·b·(1-b)/n. Some values by hand.
func TestLowerBound(t *testing.T) {
	const z2 = 2.705543454095404 // square of the normal distribution's 95th percentile

	for _, tc := range []struct{ p, n, want float64 }{
		{0, 10, 0},
		{1, 10, 10 / (10 + z2)},
		{1, 1000, 1000 / (1000 + z2)},
		{0.5, z2, (1 - math.Sqrt(0.5)) / 2}, // b(1-b) = (1/2-b)²
	} {
		if got := LowerBound(tc.p, tc.n); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%v of %v: %v, want %v", tc.p, tc.n, got, tc.want)
		}
	}

	for n := 1.0; n < 1e6; n *= 3 {
		for p := 0.0; p <= 1; p += 0.05 {
			b := LowerBound(p, n)
			if b < 0 || b > p+1e-12 || math.Abs((p-b)*(p-b)-z2*b*(1-b)/n) > 1e-9 {
				t.Errorf("%v of %v: %v", p, n, b)
			}
		}
	}
}

func TestLossNeedsEvidence(t *testing.T) {
	const minRetrans, minSamples = 4, 2

	enough := Stats{
		RetransAll: 25, Retrans: 25, RetransSamples: 2, DataSegsOut: 100, BytesSent: 100_000, BytesRetrans: 25_000,
	}

	bound, ok := enough.LossLowerBound(minRetrans, minSamples)
	if !ok || math.Abs(bound-LowerBound(0.25, 100)) > 1e-12 {
		t.Errorf("a quarter of 100 segments: %v, %v", bound, ok)
	}

	for name, change := range map[string]func(*Stats){
		"two retransmissions": func(w *Stats) { w.Retrans = 2 },
		"one sample":          func(w *Stats) { w.RetransSamples = 1 },
		"segments unknown":    func(w *Stats) { w.DataSegsOut = 0 },
	} {
		w := enough
		change(&w)

		if bound, ok := w.LossLowerBound(minRetrans, minSamples); ok {
			t.Errorf("%s: %v", name, bound)
		}
	}

	half := enough
	half.RetransAll = 50

	if bound, _ := half.LossLowerBound(minRetrans, minSamples); math.Abs(bound-LowerBound(0.125, 100)) > 1e-12 {
		t.Errorf("half of it explained by DSACKs: %v", bound)
	}
}

func TestLostByChance(t *testing.T) {
	for _, tc := range []struct {
		lost, sent uint32
		usual      float64
		want       bool
	}{
		{0, 0, 0.002, true},
		{0, 1000, 0.002, true},
		{4, 30, 0.002, false}, // 5e-7 (Poisson)
		{4, 42, 0.006, true},  // 1.4e-4
		{5, 42, 0.006, true},  // 7e-6, the bound is 4e-5
		{6, 42, 0.006, false}, // 3e-7
		{400, 10_000, 0.01, false},
		{105, 10_000, 0.01, true},
	} {
		w := Stats{Retrans: tc.lost, DataSegsOut: tc.sent}
		if got := w.LostByChance(tc.usual); got != tc.want {
			t.Errorf("%d of %d lost, usually %v: %v", tc.lost, tc.sent, tc.usual, got)
		}
	}
}

func TestUsualLoss(t *testing.T) {
	for _, tc := range []struct {
		s    Sample
		want float64
	}{
		{Sample{}, 0.002},
		{Sample{TotalRetrans: 60, DSACKDups: 20, DataSegsOut: 9700}, 51. / 10_200},
		{Sample{TotalRetrans: 1, DSACKDups: 4, DataSegsOut: 1500}, 1. / 2000},
		{Sample{TotalRetrans: 500, DataSegsOut: 5000}, 0.01},
	} {
		if got := tc.s.UsualLoss(); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%+v: %v, want %v", tc.s, got, tc.want)
		}
	}
}
