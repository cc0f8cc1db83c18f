package judge

import (
	"iter"
	"math"
	"math/bits"
)

// Flag is one observation that indicates a problem. Conditions, points, causes and
// sentences are in the rule table.
type Flag uint8

// The flags.
const (
	SynUnanswered Flag = iota
	HalfOpenSuspect
	HalfOpenConfirmed
	StaleSuspectSend
	StaleConfirmedSend
	StaleSuspectRecv
	StaleConfirmedRecv
	KeepaliveUnanswered
	MTUBlackholeSuspect
	LossDetected
	LossHigh
	RTOInflation
	RTTHigh
	RTTDrift
	JitterHigh
	CongestionSuspected
	CongestionConfirmed
	CongestionRecovering
	QueueGrowing
	QueuePersistent
	QueueAccelerating
	QueueVolatile
	ZeroWindow
	RecvLimited
	SndbufLimited
	RecvQueueStuck
	Flapping
	SendQueueHigh
	CwndExhausted
	CloseWaitStuck

	// NumFlags is the number of flags.
	NumFlags
)

// String returns the name as metrics show it.
func (f Flag) String() string {
	if f < NumFlags {
		return ruleTable[f].name
	}

	return "unknown"
}

// Cause returns the cause that the flag indicates.
func (f Flag) Cause() Cause { return ruleTable[f].cause }

// Unit returns the unit of the figure that is compared with the flag's thresholds.
func (f Flag) Unit() Unit { return ruleTable[f].unit }

// Reach returns the maximum of the flag's figure, +Inf if it is unbounded.
func (f Flag) Reach() float64 {
	if most := ruleTable[f].maximum; most > 0 {
		return most
	}

	return math.Inf(1)
}

// Condition describes what is compared with the flag's thresholds, and when.
func (f Flag) Condition() string { return ruleTable[f].condition }

// ParseFlag finds a flag by its name.
func ParseFlag(name string) (Flag, bool) {
	for f := range NumFlags {
		if ruleTable[f].name == name {
			return f, true
		}
	}

	return 0, false
}

// Flags is a set of flags.
type Flags uint32

// FlagSet returns the set of the given flags.
func FlagSet(flags ...Flag) Flags {
	var s Flags
	for _, f := range flags {
		s |= 1 << f
	}

	return s
}

// Has reports whether f is in the set.
func (s Flags) Has(f Flag) bool { return s&(1<<f) != 0 }

// All iterates over the flags of the set.
func (s Flags) All() iter.Seq[Flag] {
	return func(yield func(Flag) bool) {
		for rest := s; rest != 0; rest &= rest - 1 {
			if !yield(Flag(bits.TrailingZeros32(uint32(rest)))) {
				return
			}
		}
	}
}
