package judge

import (
	"math"
	"slices"
	"time"
)

// Step is one level of a flag: at its threshold and above, the flag is active with
// its points.
type Step struct {
	// Threshold is in the unit of the flag's figure, see [Flag.Unit].
	Threshold float64
	// RTTs, if set, raises a threshold in seconds to at least so many smoothed RTTs.
	RTTs float64
	// Points is 0 to 10.
	Points int
}

// at returns the threshold for a connection with an srtt in seconds.
func (s Step) at(srtt float64) float64 { return max(s.Threshold, s.RTTs*srtt) }

// Thresholds are the numbers that a verdict depends on.
type Thresholds struct {
	// Steps are the levels of each flag, mildest first. A flag without steps is never
	// active.
	Steps [NumFlags][]Step
	// Patience is how long an answer may take before it is overdue, in seconds.
	Patience Step
	// LossWindow is the short window over which loss is evaluated as well.
	LossWindow time.Duration
	// LossBurst is the length of the one burst of losses per window that is accepted
	// from a sender that fills the path.
	LossBurst time.Duration
	// LossMinRetrans and LossMinSamples are the minimum evidence for a loss ratio:
	// retransmissions, and the samples in which they appear.
	LossMinRetrans, LossMinSamples int
	// DriftAbove and DriftAboveSparse are the minimum increases in seconds that count
	// as drift, the latter with at most SparseSegments in flight.
	DriftAbove, DriftAboveSparse float64
	SparseSegments               uint32
	// JitterAbove is the minimum RTT deviation in seconds that counts as jitter,
	// JitterDelivered the minimum of segments delivered in the window.
	JitterAbove     float64
	JitterDelivered uint32
	// LimitedBusy is the minimum busy time in seconds within the window for which
	// its shares are evaluated.
	LimitedBusy float64
	// BaselineAge is how long a minimum RTT counts as the connection's own.
	BaselineAge time.Duration
	// RateAge is how long a delivery rate counts as the connection's own recent
	// one; below RateFall times that rate, unsent data indicates congestion.
	RateAge  time.Duration
	RateFall float64
	// QueueSpan is for how long a queue must last, QueueRise over what time it
	// must grow.
	QueueSpan, QueueRise time.Duration
	// FullSegment is the share of the MSS at which segments count as full-size.
	FullSegment float64
	// FlapSpan is the time within which entries into SUSPECT or worse are counted.
	FlapSpan time.Duration
	// Hold is how long a better status or another cause must last before it is
	// reported; at least HoldIntervals sampling intervals.
	Hold          time.Duration
	HoldIntervals int
}

// DefaultThresholds returns the thresholds of the profile "auto".
func DefaultThresholds() *Thresholds {
	t := &Thresholds{
		Patience:         Step{Threshold: 1, RTTs: 3},
		LossWindow:       3 * time.Second,
		LossBurst:        1500 * time.Millisecond,
		LossMinRetrans:   4,
		LossMinSamples:   2,
		DriftAbove:       0.010,
		DriftAboveSparse: 0.050,
		SparseSegments:   2,
		JitterAbove:      0.010,
		JitterDelivered:  8,
		LimitedBusy:      0.2,
		BaselineAge:      10 * time.Minute,
		RateAge:          20 * time.Second,
		RateFall:         0.06,
		QueueSpan:        3 * time.Second,
		QueueRise:        time.Second,
		FullSegment:      0.75,
		FlapSpan:         30 * time.Second,
		Hold:             time.Second,
		HoldIntervals:    2,
	}
	for f := range ruleTable {
		t.Steps[f] = slices.Clone(ruleTable[f].steps)
	}

	return t
}

// holdMS returns in ms how long a better status must last at an interval in ms.
func (t *Thresholds) holdMS(interval int64) int64 {
	return max(t.Hold.Milliseconds(), int64(t.HoldIntervals)*interval)
}

// firstLevel returns a figure of a flag, lowered if necessary so that only the first level
// counts.
func (t *Thresholds) firstLevel(f Flag, figure float64) float64 {
	if steps := t.Steps[f]; len(steps) > 1 {
		figure = min(figure, max(steps[0].Threshold, math.Nextafter(steps[1].Threshold, 0)))
	}

	return figure
}
