package judge

import (
	"slices"
	"time"
)

// Step is one level of a flag: from Limit on it is raised and adds Points.
type Step struct {
	// Limit is in the unit of the flag's figure, see [Flag.Unit].
	Threshold float64
	// RTTs, if set, lifts a limit in seconds to so many smoothed RTTs.
	RTTs float64
	// Points is 0 to 10.
	Points int
}

// at returns the limit that holds for a connection with the given srtt in seconds.
func (s Step) at(srtt float64) float64 { return max(s.Threshold, s.RTTs*srtt) }

// Thresholds holds every number a verdict depends on.
type Thresholds struct {
	// Steps holds the levels of each flag, mildest first. A flag without levels
	// is never raised.
	Steps [NumFlags][]Step
	// Patience is how long an answer may take before it is overdue, in seconds.
	Patience Step
	// LossWindow is the short window over which loss is looked at as well.
	LossWindow time.Duration
	// LossBurst is the length of the one burst of losses that a sender which fills
	// the path may have in a window.
	LossBurst time.Duration
	// LossMinRetrans and LossMinSamples are the evidence a loss ratio needs:
	// retransmissions, and samples they are spread over.
	LossMinRetrans, LossMinSamples int
	// DriftAbove and DriftAboveSparse are the least rises in seconds that count
	// as drift, the latter with at most SparseSegments in flight.
	DriftAbove, DriftAboveSparse float64
	SparseSegments               uint32
	// JitterAbove is the least RTT deviation in seconds that counts as jitter,
	// JitterDelivered the segments delivered in the window that it needs.
	JitterAbove     float64
	JitterDelivered uint32
	// LimitedBusy is the busy time in seconds within the window that a share of
	// it needs to mean something.
	LimitedBusy float64
	// BaselineAge is how long an RTT minimum counts as the connection's own.
	BaselineAge time.Duration
	// RateAge is how long a delivery rate counts as the connection's own recent
	// one; below RateFall times that, a queue of unsent data speaks against it.
	RateAge  time.Duration
	RateFall float64
	// QueueSpan is for how long a queue must last, QueueRise over what time it
	// must grow.
	QueueSpan, QueueRise time.Duration
	// FullSegment is the share of the MSS from which on segments count as full.
	FullSegment float64
	// FlapSpan is the time within which entries into SUSPECT or worse are counted.
	FlapSpan time.Duration
	// Hold is how long a better status or another cause must last to be
	// believed; at least HoldIntervals sampling intervals.
	Hold          time.Duration
	HoldIntervals int
}

// DefaultThresholds returns the limits of the profile "auto".
func DefaultThresholds() *Thresholds {
	t := &Thresholds{
		Patience:         Step{Threshold: 1, RTTs: 3},
		LossWindow:       2 * time.Second,
		LossBurst:        1500 * time.Millisecond,
		LossMinRetrans:   3,
		LossMinSamples:   2,
		DriftAbove:       0.010,
		DriftAboveSparse: 0.050,
		SparseSegments:   2,
		JitterAbove:      0.010,
		JitterDelivered:  8,
		LimitedBusy:      0.2,
		BaselineAge:      10 * time.Minute,
		RateAge:          time.Minute,
		RateFall:         0.25,
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
