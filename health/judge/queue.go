package judge

import (
	"math"
	"time"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// queueStats describes the unsent data over the window, in bytes and seconds.
type queueStats struct {
	now float64
	// rate is the recent delivery rate in bytes per second, zero if the kernel does
	// not provide it.
	rate float64
	// rise is the recent growth of the queue, riseBefore its growth before that.
	rise, riseBefore float64
	// minimum is the recent minimum; lasting: the window covers the span.
	minimum float64
	lasting bool
	// mean and stddev are over the window.
	mean, stddev float64
}

// newQueueStats returns the statistics of the unsent data.
func newQueueStats(r *window.Window, t *Thresholds, mss float64) queueStats {
	k, span := r.Last(), t.QueueSpan.Milliseconds()
	rise := r.Before(k, t.QueueRise.Milliseconds())
	riseBefore := r.Before(rise, t.QueueRise.Milliseconds())

	q := queueStats{
		now:        float64(r.At(k).Notsent),
		rate:       r.DeliveryRate(span, mss),
		rise:       float64(r.At(k).Notsent) - float64(r.At(rise).Notsent),
		riseBefore: float64(r.At(rise).Notsent) - float64(r.At(riseBefore).Notsent),
		minimum:    float64(r.At(k).Notsent),
	}

	from := r.Before(k, span)
	q.lasting = time.Duration(r.At(k).At-r.At(from).At)*time.Millisecond >= t.QueueSpan

	for i := from; i < k; i++ {
		q.minimum = min(q.minimum, float64(r.At(i).Notsent))
	}

	var sum, squares float64

	for i := range k + 1 {
		n := float64(r.At(i).Notsent)
		sum += n
		squares += n * n
	}

	q.mean = sum / float64(k+1)
	q.stddev = math.Sqrt(max(0, squares/float64(k+1)-q.mean*q.mean))

	return q
}

// followQueue sets queued if the RTT is at least 1.5 times its minimum, or was within 2 s or
// an interval: every ten seconds, BBR drains the queue for 200 ms.
func (st *State) followQueue(m *Moment, e *Evidence, r *window.Window) {
	minRTT, _ := m.Socket.Info.Get(sampler.FieldMinRTT)
	if minRTT > 0 && 2*uint64(m.Socket.Info.RTT()) >= 3*minRTT {
		st.queuedAt = m.Now
	}

	interval := Stamp(r.Newest().At - r.At(max(0, r.Last()-1)).At)
	e.queued = st.queuedAt > 0 && m.Now-st.queuedAt <= max(2*msPerSecond, interval)
}
