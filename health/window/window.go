// Package window keeps the recent samples of one connection, and computes what changed
// between them.
package window

// MaxSamples is the maximum number of samples in a window.
const MaxSamples = 64

// SampleBytes is the size of a [Sample].
const SampleBytes = 72

// Sample is what the window keeps of one moment: levels and counters from which
// trends and shares are computed. The names in parentheses are fields of struct
// tcp_info (uapi/linux/tcp.h).
type Sample struct {
	// At is the time in ms on the tracker's clock.
	At int64
	// BytesSent and BytesRetrans are tcpi_bytes_sent and tcpi_bytes_retrans.
	BytesSent, BytesRetrans uint64
	// SendQueue and RecvQueue are bytes, without a FIN that the kernel counts in
	// the receive queue.
	SendQueue, RecvQueue uint32
	// Notsent is the unsent part of the send queue in bytes (tcpi_notsent_bytes).
	Notsent uint32
	// TotalRetrans, DSACKDups, DataSegsOut, Delivered, DeliveredCE and Cwnd are
	// segments (tcpi_total_retrans, ...).
	TotalRetrans, DSACKDups, DataSegsOut, Delivered, DeliveredCE, Cwnd uint32
	// Busy, ReceiverLimited and SndbufLimited are ms modulo 2^32 (tcpi_busy_time,
	// tcpi_rwnd_limited, tcpi_sndbuf_limited).
	Busy, ReceiverLimited, SndbufLimited uint32
}

// ResetSince reports whether the counters fell: the socket was disconnected and
// reused under the same cookie.
func (s *Sample) ResetSince(prev *Sample) bool {
	return s.BytesSent < prev.BytesSent || s.BytesRetrans < prev.BytesRetrans ||
		int32(s.TotalRetrans-prev.TotalRetrans) < 0 || int32(s.DataSegsOut-prev.DataSegsOut) < 0 ||
		int32(s.Delivered-prev.Delivered) < 0 || int32(s.DSACKDups-prev.DSACKDups) < 0
}

// Geometry is the shape of the windows, the same for all connections. Times are
// in ms.
type Geometry struct {
	// Interval is the time between two samples, Span what a window covers.
	Interval, Span int64
	// Spacing is the time between kept samples. If less than MinSpacing separates the
	// last two samples, a new sample replaces the last one.
	Spacing, MinSpacing int64
	// Length is the number of samples that a window holds.
	Length int
}

// NewGeometry fits a window of a span into at most [MaxSamples] samples. Windows
// of more intervals are thinned.
func NewGeometry(interval, span int64) Geometry {
	spacing := max(interval, (span+MaxSamples-3)/(MaxSamples-2), 1)

	minimum := spacing
	if spacing == interval {
		minimum = spacing * 7 / 8 // ticks come a little early, too
	}

	return Geometry{
		Interval:   interval,
		Span:       span,
		Spacing:    spacing,
		MinSpacing: minimum,
		Length:     min(MaxSamples, int((span+spacing-1)/spacing)+2),
	}
}

// Position is where a window begins in its samples, and how many it holds.
type Position struct{ First, Count uint8 }

// Window is a view of the samples of one connection, oldest first. The samples
// are stored elsewhere. It is small enough to be passed in registers.
type Window struct {
	samples []Sample
	first   uint8
	count   uint8
}

// New returns a view of samples.
func New(samples []Sample, p Position) Window {
	return Window{samples: samples, first: p.First, count: p.Count}
}

// Position returns what [New] needs to return the same view.
func (r *Window) Position() Position { return Position{r.first, r.count} }

// Count returns the number of samples.
func (r *Window) Count() int { return int(r.count) }

// At returns sample i; the oldest is 0.
func (r *Window) At(i int) *Sample {
	if i += int(r.first); i >= len(r.samples) {
		i -= len(r.samples) // a division would cost as much as the rest
	}

	return &r.samples[i]
}

// Oldest returns the oldest sample of a window that is not empty.
func (r *Window) Oldest() *Sample { return r.At(0) }

// Newest returns the newest sample of a window that is not empty.
func (r *Window) Newest() *Sample { return r.At(r.Last()) }

// Push appends a sample and drops what has left the window. A sample that comes
// sooner than the geometry allows replaces its predecessor.
func (r *Window) Push(s Sample, g *Geometry) {
	horizon := s.At - g.Span - g.Spacing/2
	for r.count > 0 && r.Oldest().At < horizon {
		r.drop()
	}

	if r.count >= 2 && r.Newest().At-r.At(int(r.count)-2).At < g.MinSpacing {
		*r.Newest() = s

		return
	}

	if int(r.count) == len(r.samples) {
		r.drop()
	}

	r.count++
	*r.Newest() = s
}

func (r *Window) drop() {
	r.first = uint8((int(r.first) + 1) % len(r.samples))
	r.count--
}

// Clear removes all samples.
func (r *Window) Clear() { r.first, r.count = 0, 0 }

// Last returns the index of the newest sample.
func (r *Window) Last() int { return int(r.count) - 1 }

// Before returns the index of the newest sample that is at least ms older than
// sample k, or the oldest.
func (r *Window) Before(k int, ms int64) int {
	i := k
	limit := r.At(k).At - ms

	for i > 0 && r.At(i).At > limit {
		i--
	}

	return i
}

// Level reports whether all samples are equal, their times aside.
func (r *Window) Level() bool {
	for i := range int(r.count) - 1 {
		if !r.At(i).equal(r.Newest()) {
			return false
		}
	}

	return true
}

// Steady reports whether the newest sample is equal to the oldest one, their times aside.
func (r *Window) Steady() bool { return r.Oldest().equal(r.Newest()) }

func (s *Sample) equal(other *Sample) bool {
	same := *s
	same.At = other.At

	return same == *other
}

// CopyFrom makes the window equal to another one of the same geometry.
func (r *Window) CopyFrom(other *Window) {
	copy(r.samples, other.samples)
	r.first, r.count = other.first, other.count
}
