package health

import (
	"cmp"
	"slices"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// Query selects connections in the table, see [Tracker.Search].
type Query struct {
	// Match selects by what identifies a connection, nil for all. Of the socket, only
	// the cookie, the addresses and ports, the interface, the family, the cgroup and the
	// mark are set.
	Match func(*sampler.Socket) bool
	// Cookie selects one connection, and returns its window as well; zero for any.
	Cookie uint64
	// MinStatus is the mildest status to select.
	MinStatus judge.Status
	// Ended also selects connections that have ended.
	Ended bool
	// Limit is the maximum number of connections returned, the worst ones.
	Limit int
}

// Answer is the result of a [Search].
type Answer struct {
	// SampledAt is when the newest sample behind the answer was complete, zero if
	// there was none yet.
	SampledAt time.Time
	// Total counts the connections that the query selects.
	Total int
	// Found are the worst of them, the worst first, the oldest first among equals.
	Found []*Found
	// Kernel is any tcp_info: figures of a sample are unknown if it lacks their fields.
	Kernel sampler.TCPInfo
}

// Found is one connection of an [Answer]. Its socket was read for the answer; the
// verdict is that of the last sample. If it could not be read, the socket is that of the
// last sample if the connection is exported, else there is none.
type Found struct {
	Connection

	// State is the TCP state in the last sample.
	State sampler.State
	// Reasons has a sentence for each active flag.
	Reasons []string
	// RowAt is when Row was read, zero if there is none, in which case the trend lacks
	// the ratios that depend on it.
	RowAt time.Time
	// Window has the samples behind the verdict, oldest first, for a query by cookie.
	Window []Sample
}

// Sample is one sample of a window. Queues are in bytes.
type Sample struct {
	At                   time.Time
	SendQueue, RecvQueue uint32
	// Notsent is the unsent part of the send queue (tcpi_notsent_bytes).
	Notsent uint32
	// BytesSent and BytesRetrans are tcpi_bytes_sent and tcpi_bytes_retrans.
	BytesSent, BytesRetrans uint64
	// TotalRetrans, DSACKDups, DataSegsOut, Delivered, DeliveredCE and Cwnd are the
	// fields of tcp_info of the same names, segments.
	TotalRetrans, DSACKDups, DataSegsOut, Delivered, DeliveredCE, Cwnd uint32
	// Busy, ReceiverLimited and SndbufLimited are tcpi_busy_time, tcpi_rwnd_limited
	// and tcpi_sndbuf_limited in ms, modulo 2^32.
	Busy, ReceiverLimited, SndbufLimited uint32
}

// compare orders by severity, then by age, the worst and oldest first.
func (f *Found) compare(other *Found) int {
	return cmp.Or(
		cmp.Compare(other.Status, f.Status),
		cmp.Compare(other.Points, f.Points),
		f.FirstSeen.Compare(other.FirstSeen),
		cmp.Compare(f.Cookie, other.Cookie),
	)
}

// Answer returns the answer of a search that is done. It may be called on any goroutine.
func (s *Search) Answer() *Answer {
	slices.SortFunc(s.answer.Found, (*Found).compare)

	return &s.answer
}

// look copies the state of a connection.
func (t *Tracker) look(i uint32, c *connection, subject *sampler.Socket) *Found {
	r := t.windowOf(i, c)
	last := t.times.wall(r.Newest().At)
	tuple := t.tupleOf(subject)
	f := &Found{
		Connection: Connection{
			Identity: tuple.Identity(),
			Cookie:   c.cookie,
		},
		State:   c.state,
		Reasons: t.reasons(c),
	}
	f.adopt(c.judged.Verdict(), &t.times)

	t.setLife(i, c, &f.Connection)

	if c.place != export.NoPlace {
		f.Row, f.RowAt = t.exported[c.place].Row, last
	}

	return f
}

// window copies the samples of a connection.
func (t *Tracker) window(r *window.Window) []Sample {
	samples := make([]Sample, r.Count())

	for i := range samples {
		s := r.At(i)
		samples[i] = Sample{
			At:              t.times.wall(s.At),
			SendQueue:       s.SendQueue,
			RecvQueue:       s.RecvQueue,
			Notsent:         s.Notsent,
			BytesSent:       s.BytesSent,
			BytesRetrans:    s.BytesRetrans,
			TotalRetrans:    s.TotalRetrans,
			DSACKDups:       s.DSACKDups,
			DataSegsOut:     s.DataSegsOut,
			Delivered:       s.Delivered,
			DeliveredCE:     s.DeliveredCE,
			Cwnd:            s.Cwnd,
			Busy:            s.Busy,
			ReceiverLimited: s.ReceiverLimited,
			SndbufLimited:   s.SndbufLimited,
		}
	}

	return samples
}
