package group

import (
	"math"
	"slices"
)

// The exponential buckets of a [Histogram], in the terms of Prometheus' native
// histograms.
const (
	// HistogramSchema makes eight buckets of each factor of two.
	HistogramSchema = 3
	// HistogramZeroThreshold is up to where values count as zero: 2^-20, which is
	// below a microsecond in seconds.
	HistogramZeroThreshold = 1.0 / (1 << 20)

	perOctave = 1 << HistogramSchema
	// minBucket and maxBucket bound the memory: values above 2^28, which is
	// eight years in seconds, counts for the last one.
	minBucket = -20*perOctave + 1
	maxBucket = 28 * perOctave
)

// octaveTable has the upper bounds of the buckets between one half and one, each
// 2^(1/8) times the previous one.
var octaveTable = [perOctave]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// Histogram is a distribution of values that are not negative, in classic and in
// exponential buckets.
type Histogram struct {
	Count uint64
	Sum   float64
	// Bounds are the upper bounds of the classic buckets, the values included.
	// Buckets counts the values of each bucket alone, the last one those above all
	// bounds.
	Bounds  []float64
	Buckets []uint64
	// Zero counts the values up to [HistogramZeroThreshold]. Native[n] counts those
	// of the exponential bucket First+n, which reaches up to 2^((First+n)/8).
	Zero   uint64
	First  int
	Native []uint64
}

// Bounds of the classic buckets, in seconds. Those of the RTT have the limits of
// rtt_high.
var (
	rttBoundTable         = []float64{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2}
	OutstandingBoundTable = []float64{0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300}
	LifetimeBoundTable    = []float64{1, 5, 15, 60, 300, 900, 3600, 14400, 86400}
)

// Distribution collects a [Histogram]. Snapshots of it are immutable.
type Distribution struct {
	Histogram

	// copied is the last snapshot, nil if it is outdated.
	copied *Histogram
}

// NewDistribution returns an empty distribution with classic buckets of the given
// upper bounds.
func NewDistribution(bounds []float64) Distribution {
	return Distribution{Histogram: Histogram{Bounds: bounds, Buckets: make([]uint64, len(bounds)+1)}}
}

// Observe adds a value that is not negative.
func (h *Distribution) Observe(v float64) {
	h.copied = nil
	h.Count++
	h.Sum += v
	h.Buckets[firstAtLeast(h.Bounds, v)]++

	if v <= HistogramZeroThreshold {
		h.Zero++

		return
	}

	h.Native[h.reach(bucketOf(v))]++
}

// bucketOf returns the index of the exponential bucket of a value.
func bucketOf(v float64) int {
	fraction, exponent := math.Frexp(v)
	bucket := firstAtLeast(octaveTable[:], fraction) + (exponent-1)*perOctave

	return min(max(bucket, minBucket), maxBucket)
}

// firstAtLeast returns the index of the first of a few rising bounds that v does
// not exceed, their number if it exceeds all.
func firstAtLeast(bounds []float64, v float64) int {
	for i, bound := range bounds {
		if v <= bound {
			return i
		}
	}

	return len(bounds)
}

// reach returns where a bucket is counted, after it has made room for it.
func (h *Distribution) reach(bucket int) int {
	switch {
	case len(h.Native) == 0:
		h.First, h.Native = bucket, make([]uint64, 1)
	case bucket < h.First:
		h.Native = slices.Insert(h.Native, 0, make([]uint64, h.First-bucket)...)
		h.First = bucket
	case bucket >= h.First+len(h.Native):
		h.Native = append(h.Native, make([]uint64, bucket-h.First-len(h.Native)+1)...)
	}

	return bucket - h.First
}

// Snapshot returns the current state, which never changes afterwards.
func (h *Distribution) Snapshot() *Histogram {
	if h.copied == nil {
		c := h.Histogram
		c.Buckets, c.Native = slices.Clone(c.Buckets), slices.Clone(c.Native)
		h.copied = &c
	}

	return h.copied
}
