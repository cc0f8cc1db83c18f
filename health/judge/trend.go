package judge

import (
	"math"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// QueueTrend describes how a queue changed over the window.
type QueueTrend struct {
	// Velocity is the change from the oldest to the newest sample, bytes per
	// second; Acceleration is the difference of the velocities of the newer and
	// the older half of the window, bytes per second squared.
	Velocity, Acceleration float64
	// Stddev is the population standard deviation, bytes.
	Stddev float64
	// ShortAverage is the mean over the newest three tenths of the window,
	// LongAverage over all of it, bytes.
	ShortAverage, LongAverage float64
	// Growing and Shrinking compare the two averages; a difference below a
	// tenth, or below one segment, is neither.
	Growing, Shrinking bool
	// Persistence is for how long, in seconds, the queue has not been empty.
	Persistence float64
}

// Trend is what a window contains beyond its newest sample. A ratio is NaN when the
// window or the kernel does not provide what it is computed from.
type Trend struct {
	// Samples is the number of samples in the window, Span what it covers in seconds.
	Samples int
	Span    float64
	Send    QueueTrend
	Recv    QueueTrend
	// RTTDrift is srtt divided by the connection's baseline, Jitter is rttvar divided
	// by srtt, RTOInflation is the RTO divided by the expected one.
	RTTDrift, Jitter, RTOInflation float64
	// Loss is the retransmitted share of the data sent in the window.
	Loss float64
	// ReceiverLimited and SndbufLimited are shares of the busy time.
	ReceiverLimited, SndbufLimited float64
}

func sendQueueOf(s *window.Sample) uint32 { return s.SendQueue }
func recvQueueOf(s *window.Sample) uint32 { return s.RecvQueue }

// NewTrend computes the trend of a connection whose window holds at least one
// sample, the newest of which is of the socket.
func NewTrend(r *window.Window, st *State, row *sampler.Socket) Trend {
	var e Evidence

	e.fromKernel(row)
	e.baseline = float64(st.baseline.value(minimum)) / usPerSecond
	e.expectedRTO = max(e.expectedRTO, e.srtt+float64(st.rtoVariation)/usPerSecond)

	nan := math.NaN()
	t := Trend{
		Samples:         r.Count(),
		Span:            float64(r.Newest().At-r.Oldest().At) / msPerSecond,
		Send:            queueTrend(r, sendQueueOf, row.Info.SndMSS()),
		Recv:            queueTrend(r, recvQueueOf, row.Info.SndMSS()),
		RTTDrift:        nan,
		Jitter:          nan,
		RTOInflation:    nan,
		Loss:            nan,
		ReceiverLimited: nan,
		SndbufLimited:   nan,
	}

	if e.srtt > 0 {
		t.Jitter = e.rttvar / e.srtt
		t.RTOInflation = e.rto / e.expectedRTO
	}

	if e.srtt > 0 && e.baseline > 0 {
		t.RTTDrift = e.srtt / e.baseline
	}

	w := r.Stats(0, r.Last())
	if loss, ok := w.LossRatio(); ok {
		t.Loss = loss
	}

	if w.Busy > 0 {
		t.ReceiverLimited, t.SndbufLimited = w.ReceiverLimited, w.SndbufLimited
	}

	return t
}

// queueTrend computes the trend of one queue.
func queueTrend(r *window.Window, queue func(*window.Sample) uint32, mss uint32) QueueTrend {
	var t QueueTrend

	n, newest := r.Count(), r.Newest()
	shortSince := newest.At - 3*(newest.At-r.Oldest().At)/10
	emptySince := r.Oldest().At

	var sum, sumSquares, short, shortCount float64

	for i := range n {
		s := r.At(i)
		q := float64(queue(s))
		sum += q
		sumSquares += q * q

		if s.At > shortSince || i == n-1 {
			short += q
			shortCount++
		}

		if q == 0 {
			emptySince = s.At
		}
	}

	t.LongAverage = sum / float64(n)
	t.ShortAverage = short / shortCount
	t.Stddev = math.Sqrt(max(0, sumSquares/float64(n)-t.LongAverage*t.LongAverage))
	t.Persistence = float64(newest.At-emptySince) / msPerSecond

	least := max(t.LongAverage/10, float64(mss))
	t.Growing = t.ShortAverage-t.LongAverage > least
	t.Shrinking = t.LongAverage-t.ShortAverage > least
	t.Velocity, t.Acceleration = motion(r, queue)

	return t
}

// motion returns velocity and acceleration of a queue over the window.
func motion(r *window.Window, queue func(*window.Sample) uint32) (velocity, acceleration float64) {
	last := r.Count() - 1
	slope := func(i, j int) float64 {
		from, to := r.At(i), r.At(j)
		seconds := float64(to.At-from.At) / msPerSecond

		if seconds <= 0 {
			return 0
		}

		return (float64(queue(to)) - float64(queue(from))) / seconds
	}

	velocity = slope(0, last)
	if last < 2 {
		return velocity, 0
	}

	middle := last / 2
	// The two velocities hold at the middles of the halves, half a window apart.
	apart := float64(r.At(last).At-r.At(0).At) / msPerSecond / 2
	if apart <= 0 {
		return velocity, 0
	}

	return velocity, (slope(middle, last) - slope(0, middle)) / apart
}
