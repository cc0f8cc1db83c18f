package health

import (
	"iter"
	"math/bits"
)

// Flag names one observation that speaks against a connection. Conditions,
// points and causes are in the rule table.
type Flag uint8

// The flags.
const (
	SynUnanswered Flag = iota
	HalfOpenSuspect
	HalfOpenConfirmed
	StaleSuspectSend
	StaleConfirmedSend
	KeepaliveUnanswered
	LossDetected
	LossHigh
	RTOInflation
	RTTHigh
	RTTDrift
	JitterHigh
	CongestionSuspected
	CongestionConfirmed
	CongestionRecovering
	ZeroWindow
	RecvLimited
	SndbufLimited
	RecvQueueStuck

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

// Cause returns what the flag points at.
func (f Flag) Cause() Cause { return ruleTable[f].cause }

// Flags is a set of flags.
type Flags uint32

func flagSet(flags ...Flag) Flags {
	var s Flags
	for _, f := range flags {
		s |= 1 << f
	}

	return s
}

// Has tells whether f is in the set.
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
