package judge

import (
	"math/rand/v2"
	"testing"
)

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

		from, to := r.worstBurst(k, ms)
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

	for i := range int(r.count) {
		for j := i; j < int(r.count); j++ {
			rest := r.stats(0, r.last())
			rest.subtract(r.stats(i, j))

			before, after := r.stats(0, i), r.stats(j, r.last())
			if rest.retrans != before.retrans+after.retrans || rest.retransAll != before.retransAll+after.retransAll ||
				rest.retransSamples != before.retransSamples+after.retransSamples ||
				rest.dataSegsOut != before.dataSegsOut+after.dataSegsOut || rest.bytesSent != before.bytesSent+after.bytesSent ||
				rest.bytesRetrans != before.bytesRetrans+after.bytesRetrans {
				t.Fatalf("without samples %d to %d: %+v, the ends are %+v and %+v", i, j, rest, before, after)
			}
		}
	}
}
