package health

import (
	"slices"
	"time"
)

// Step is one level of a flag: from Limit on it is raised and adds Points.
type Step struct {
	// Limit is in the unit of the flag's figure, see the rule table.
	Limit float64
	// RTTs, if set, lifts a limit in seconds to so many smoothed RTTs.
	RTTs   float64
	Points int
}

// at returns the limit that holds for a connection with the given srtt in seconds.
func (s Step) at(srtt float64) float64 { return max(s.Limit, s.RTTs*srtt) }

// Limits holds every number a verdict depends on.
type Limits struct {
	// Steps holds the levels of each flag, mildest first.
	Steps [NumFlags][]Step
	// Patience is how long an answer may take before it is overdue.
	Patience Step
	// LossWindow is the short window over which loss is looked at as well.
	LossWindow time.Duration
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
	// Hold is how long a better status or another cause must last to be
	// believed; at least HoldIntervals sampling intervals.
	Hold          time.Duration
	HoldIntervals int
}

// DefaultLimits returns the limits of the profile "auto".
func DefaultLimits() *Limits {
	l := &Limits{
		Patience:         Step{Limit: 1, RTTs: 3},
		LossWindow:       2 * time.Second,
		LossMinRetrans:   3,
		LossMinSamples:   2,
		DriftAbove:       0.010,
		DriftAboveSparse: 0.050,
		SparseSegments:   2,
		JitterAbove:      0.010,
		JitterDelivered:  8,
		LimitedBusy:      0.2,
		BaselineAge:      10 * time.Minute,
		Hold:             time.Second,
		HoldIntervals:    2,
	}
	for f := range ruleTable {
		l.Steps[f] = slices.Clone(ruleTable[f].steps)
	}

	return l
}
