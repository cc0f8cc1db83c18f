package collector

import (
	"tcphealth_exporter/health/group"

	dto "github.com/prometheus/client_model/go"
)

// histogram is the memory of a histogram: classic buckets for all formats, native
// ones for protobuf.
type histogram struct {
	dto *dto.Histogram
	// shown is the distribution rendered: many stay the same for a while.
	shown *group.Histogram
	spans []*dto.BucketSpan
}

func newHistogram() *histogram {
	return &histogram{dto: &dto.Histogram{
		SampleCount:   new(uint64),
		SampleSum:     new(float64),
		Schema:        new(int32(group.HistogramSchema)),
		ZeroThreshold: new(group.HistogramZeroThreshold),
		ZeroCount:     new(uint64),
	}}
}

// show renders a distribution.
func (h *histogram) show(from *group.Histogram) {
	if h.shown == from {
		return
	}

	h.shown = from
	*h.dto.SampleCount, *h.dto.SampleSum, *h.dto.ZeroCount = from.Count, from.Sum, from.Zero

	h.showClassic(from)
	h.showNative(from)
}

// showClassic fills the classic buckets, which count what is in those below, too.
func (h *histogram) showClassic(from *group.Histogram) {
	for len(h.dto.Bucket) < len(from.Bounds) {
		h.dto.Bucket = append(h.dto.Bucket, &dto.Bucket{CumulativeCount: new(uint64)})
	}

	h.dto.Bucket = h.dto.Bucket[:len(from.Bounds)]
	below := uint64(0)

	for i, b := range h.dto.Bucket {
		below += from.Buckets[i]
		*b.CumulativeCount, b.UpperBound = below, &from.Bounds[i]
	}
}

// showNative fills the native buckets: spans that leave out gaps, and the
// difference of each count to the previous one.
func (h *histogram) showNative(from *group.Histogram) {
	// mostGap is the longest gap for which an empty bucket is cheaper than a span.
	const mostGap = 2

	spans := 0
	next := 0 // bucket behind the last one with a count
	previous := int64(0)
	h.dto.PositiveDelta = h.dto.PositiveDelta[:0]

	for i, count := range from.Native {
		if count == 0 {
			continue
		}

		gap := from.First + i - next
		if spans == 0 || gap > mostGap {
			h.span(spans, gap)

			spans++
			gap = 0
		}

		*h.spans[spans-1].Length += uint32(gap + 1)

		for range gap {
			h.dto.PositiveDelta = append(h.dto.PositiveDelta, -previous)
			previous = 0
		}

		h.dto.PositiveDelta = append(h.dto.PositiveDelta, int64(count)-previous)
		previous, next = int64(count), from.First+i+1
	}

	h.dto.PositiveSpan = h.spans[:spans]
}

// span begins a span so many buckets behind the previous one.
func (h *histogram) span(n, offset int) {
	if n == len(h.spans) {
		h.spans = append(h.spans, &dto.BucketSpan{Offset: new(int32), Length: new(uint32)})
	}

	*h.spans[n].Offset, *h.spans[n].Length = int32(offset), 0
}
