package health

import (
	"math"
	"time"
)

// queueStats describes the unsent data over the window, in bytes and seconds.
type queueStats struct {
	now float64
	// rate is how fast data was delivered lately, bytes per second; zero if the
	// kernel does not tell.
	rate float64
	// rise is by how much the queue grew lately, riseBefore in the time before.
	rise, riseBefore float64
	// least is the least of late, lasting tells that the window covers the span.
	least   float64
	lasting bool
	// mean and stddev are over the window.
	mean, stddev float64
}

// deliveryRate returns the bytes delivered per second over the last ms, zero if
// unknown. Segments are taken for full.
func (r *ring) deliveryRate(ms int64, mss float64) float64 {
	from, to := r.at(r.before(r.last(), ms)), r.newest()
	if to.at <= from.at {
		return 0
	}

	return float64(to.delivered-from.delivered) * mss * msPerSecond / float64(to.at-from.at)
}

// queue describes the unsent data.
func (r *ring) queue(l *Limits, mss float64) queueStats {
	k, span := r.last(), l.QueueSpan.Milliseconds()
	rise := r.before(k, l.QueueRise.Milliseconds())
	riseBefore := r.before(rise, l.QueueRise.Milliseconds())

	q := queueStats{
		now:        float64(r.at(k).notsent),
		rate:       r.deliveryRate(span, mss),
		rise:       float64(r.at(k).notsent) - float64(r.at(rise).notsent),
		riseBefore: float64(r.at(rise).notsent) - float64(r.at(riseBefore).notsent),
		least:      float64(r.at(k).notsent),
	}

	from := r.before(k, span)
	q.lasting = time.Duration(r.at(k).at-r.at(from).at)*time.Millisecond >= l.QueueSpan

	for i := from; i < k; i++ {
		q.least = min(q.least, float64(r.at(i).notsent))
	}

	var sum, squares float64

	for i := range k + 1 {
		n := float64(r.at(i).notsent)
		sum += n
		squares += n * n
	}

	q.mean = sum / float64(k+1)
	q.stddev = math.Sqrt(max(0, squares/float64(k+1)-q.mean*q.mean))

	return q
}
