package window

import (
	"math"
	"math/rand/v2"
	"testing"
)

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

	want := Stats{
		RetransAll: 5, Retrans: 3, RetransSamples: 2, DataSegsOut: 30, BytesSent: 3000, BytesRetrans: 500,
		Delivered: 25, DeliveredCE: 2, Busy: 1, ReceiverLimited: 0.6, SndbufLimited: 0.1, CwndFell: true, CwndRose: true,
	}
	if got := r.Stats(0, r.Last()); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	want = Stats{
		RetransAll: 4, Retrans: 3, RetransSamples: 1, DataSegsOut: 20, BytesSent: 2000, BytesRetrans: 400,
		Delivered: 16, Busy: 0.5, ReceiverLimited: 1, SndbufLimited: 0.1, CwndFell: true,
	}
	if got := r.Stats(1, r.Last()); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	if got := r.Stats(2, r.Last()); got != (Stats{}) {
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

	want := Stats{
		RetransAll: 6, Retrans: 4, RetransSamples: 1, DataSegsOut: 20, Delivered: 8,
		Busy: 1, ReceiverLimited: 0.2, SndbufLimited: 0.1,
	}
	if got := r.Stats(0, r.Last()); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestStatsOfCEMarksAlone(t *testing.T) {
	r := filled(1000, 10_000,
		Sample{At: 0, Cwnd: 20}, Sample{At: 1000, Cwnd: 10, DeliveredCE: 1}, Sample{At: 2000, Cwnd: 12, DeliveredCE: 1})

	if got := r.Stats(0, r.Last()); !got.CwndFell || !got.CwndRose || got.RetransSamples != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestStatsWhereDSACKsExplainEverything(t *testing.T) {
	r := filled(1000, 10_000, Sample{At: 0}, Sample{At: 1000, TotalRetrans: 3, DSACKDups: 4, BytesSent: 10, BytesRetrans: 5})
	if got := r.Stats(0, r.Last()); got.RetransAll != 3 || got.Retrans != 0 {
		t.Errorf("%d of %d retransmissions are left unexplained", got.Retrans, got.RetransAll)
	}
}

func TestLossRatio(t *testing.T) {
	for _, tc := range []struct {
		name string
		w    Stats
		want float64
		ok   bool
	}{
		{"bytes", Stats{BytesSent: 1000, BytesRetrans: 250, DataSegsOut: 10, RetransAll: 9}, 0.25, true},
		{"segments", Stats{DataSegsOut: 10, RetransAll: 1}, 0.1, true},
		{"never above one", Stats{BytesSent: 1000, BytesRetrans: 2000}, 1, true},
		{"never above one segment", Stats{DataSegsOut: 1, RetransAll: 2}, 1, true},
		{"nothing sent", Stats{RetransAll: 2}, 0, false},
	} {
		if got, ok := tc.w.LossRatio(); got != tc.want || ok != tc.ok {
			t.Errorf("%s: %v, %v", tc.name, got, ok)
		}
	}
}

// TestWorstBurstNaively compares with a look at all pairs of samples.
func TestWorstBurstNaively(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))

	for range 2000 {
		samples := make([]Sample, 1+random.IntN(12))
		retrans := random.Uint32() // wraps at times

		for i := range samples {
			if i > 0 {
				samples[i].At = samples[i-1].At + 100 + random.Int64N(1900)
			}

			retrans += random.Uint32N(4) * random.Uint32N(2)
			samples[i].TotalRetrans = retrans
		}

		r := Window{samples: samples, count: uint8(len(samples))}
		k, ms := random.IntN(len(samples)), random.Int64N(4000)+1

		var want uint32

		for i := range k {
			for j := i + 1; j <= k; j++ {
				// A burst reaches from sample to sample, up to the first that is so far away.
				if r.At(j-1).At-r.At(i).At < ms {
					want = max(want, r.At(j).TotalRetrans-r.At(i).TotalRetrans)
				}
			}
		}

		from, to := r.WorstBurst(k, ms)
		if got := r.At(to).TotalRetrans - r.At(from).TotalRetrans; got != want || from > to || to > k {
			t.Fatalf("from sample %d to %d of %d: %d, want %d in %d ms of %+v", from, to, k, got, want, ms, samples)
		}

		if to > from && r.At(to-1).At-r.At(from).At >= ms {
			t.Fatalf("a burst of %d ms, longer than %d", r.At(to).At-r.At(from).At, ms)
		}
	}
}

// TestSubtractLeavesTheRest: a window without its middle is its ends.
func TestSubtractLeavesTheRest(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	r, g := filled(1000, 10_000), NewGeometry(1000, 10_000)
	s := Sample{At: 1}

	for range 11 {
		s.At += 1000
		s.BytesSent += random.Uint64N(100_000)
		s.BytesRetrans += random.Uint64N(1000)
		s.TotalRetrans += random.Uint32N(3)
		s.DataSegsOut += random.Uint32N(100)
		r.Push(s, &g)
	}

	for i := range r.Count() {
		for j := i; j < r.Count(); j++ {
			rest := r.Stats(0, r.Last())
			rest.Subtract(r.Stats(i, j))

			before, after := r.Stats(0, i), r.Stats(j, r.Last())
			if rest.Retrans != before.Retrans+after.Retrans || rest.RetransAll != before.RetransAll+after.RetransAll ||
				rest.RetransSamples != before.RetransSamples+after.RetransSamples ||
				rest.DataSegsOut != before.DataSegsOut+after.DataSegsOut || rest.BytesSent != before.BytesSent+after.BytesSent ||
				rest.BytesRetrans != before.BytesRetrans+after.BytesRetrans {
				t.Fatalf("without samples %d to %d: %+v, the ends are %+v and %+v", i, j, rest, before, after)
			}
		}
	}
}
