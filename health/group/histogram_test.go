package group

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// randomSeconds returns a time from a tenth of a microsecond to thirty years,
// each order of magnitude as likely.
func randomSeconds(random *rand.Rand) float64 {
	switch random.IntN(20) {
	case 0:
		return 0
	case 1:
		return LifetimeBoundTable[random.IntN(len(LifetimeBoundTable))] // on a bound
	case 2:
		return math.Ldexp(1, random.IntN(40)-20) // on a bound of every schema
	default:
		return math.Pow(10, random.Float64()*16-7)
	}
}

// TestHistogramIsThatOfPrometheus compares the buckets with those of the client
// library, for the values that have a bucket here.
func TestHistogramIsThatOfPrometheus(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ours := NewDistribution(LifetimeBoundTable)
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "test", Buckets: LifetimeBoundTable,
		NativeHistogramBucketFactor: math.Pow(2, 1.0/perOctave), NativeHistogramZeroThreshold: HistogramZeroThreshold,
	})

	for range 20_000 {
		v := min(randomSeconds(random), 1<<28)
		ours.Observe(v)
		theirs.Observe(v)
	}

	var m dto.Metric
	if err := theirs.Write(&m); err != nil {
		t.Fatal(err)
	}

	want, got := m.GetHistogram(), ours.Snapshot()
	if want.GetSchema() != HistogramSchema || want.GetSampleCount() != got.Count || want.GetSampleSum() != got.Sum ||
		want.GetZeroCount() != got.Zero || want.GetZeroThreshold() != HistogramZeroThreshold {
		t.Errorf("schema %d, %d of %v, %d up to %v; want %v", HistogramSchema, got.Count, got.Sum, got.Zero, HistogramZeroThreshold, want)
	}

	cumulative := uint64(0)
	for i, b := range want.GetBucket() {
		cumulative += got.Buckets[i]
		if b.GetUpperBound() != got.Bounds[i] || b.GetCumulativeCount() != cumulative {
			t.Errorf("%d up to %v, want %v", cumulative, got.Bounds[i], b)
		}
	}

	if cumulative+got.Buckets[len(got.Bounds)] != got.Count {
		t.Errorf("%d up to the last bound, %d above, %d in all", cumulative, got.Buckets[len(got.Bounds)], got.Count)
	}

	if native := nativeBuckets(want); !slices.Equal(native, trimmed(got)) {
		t.Errorf("native buckets\n%v, want\n%v", trimmed(got), native)
	}
}

// nativeBuckets returns the counts of the buckets from the first one on that is
// not empty, either.
func nativeBuckets(h *dto.Histogram) (all []int64) {
	count := int64(0)
	deltas := h.GetPositiveDelta()

	for i, span := range h.GetPositiveSpan() {
		if i == 0 {
			all = append(all, int64(span.GetOffset()))
		} else {
			all = append(all, make([]int64, span.GetOffset())...)
		}

		for range span.GetLength() {
			count += deltas[0]
			deltas = deltas[1:]
			all = append(all, count)
		}
	}

	return all
}

func trimmed(h *Histogram) (all []int64) {
	all = []int64{int64(h.First)}
	for _, n := range h.Native {
		all = append(all, int64(n))
	}

	return all
}

// TestHistogramIsBounded sees that no value costs more than a bucket that is
// there or within the bounds.
func TestHistogramIsBounded(t *testing.T) {
	h := NewDistribution(rttBoundTable)
	for _, v := range []float64{1e300, 1e-300, 0, 1, HistogramZeroThreshold, math.Nextafter(HistogramZeroThreshold, 1), math.MaxFloat64} {
		h.Observe(v)
	}

	if h.Zero != 3 || h.First != minBucket || h.First+len(h.Native)-1 != maxBucket || h.Native[0] != 1 ||
		h.Native[len(h.Native)-1] != 2 || h.Native[-minBucket] != 1 {
		t.Errorf("%d zeros; %d buckets from %d on: %v", h.Zero, len(h.Native), h.First, h.Native)
	}
}

// TestHistogramSnapshotsStay: what was handed out doesn't change, and is handed
// out again while nothing is new.
func TestHistogramSnapshotsStay(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	h := NewDistribution(rttBoundTable)

	type kept struct {
		snapshot *Histogram
		count    uint64
	}

	var all []kept

	for n := range uint64(500) {
		if s := h.Snapshot(); s != h.Snapshot() {
			t.Fatal("two copies of one state")
		} else {
			all = append(all, kept{s, n})
		}

		h.Observe(randomSeconds(random))
	}

	for _, k := range all {
		sum, native := uint64(0), k.snapshot.Zero
		for _, n := range k.snapshot.Buckets {
			sum += n
		}

		for _, n := range k.snapshot.Native {
			native += n
		}

		if k.snapshot.Count != k.count || sum != k.count || native != k.count {
			t.Fatalf("a snapshot of %d values has now %d, %d in classic and %d in native buckets", k.count, k.snapshot.Count, sum, native)
		}
	}
}
