package health

import (
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
)

// Activation is the last activation of a flag: the connection and the time. It is zero
// before the first one.
type Activation struct {
	export.Identity

	At time.Time
}

// flagEvents counts the activations of flags.
type flagEvents struct {
	counts [judge.NumFlags]uint64
	last   [judge.NumFlags]Activation
	// unnamed are the flags whose last connection is known by its tuple only; it is
	// named in the next snapshot.
	unnamed judge.Flags
	tuples  [judge.NumFlags]export.Tuple
	// at has the times of the last activations in ms on the tracker's clock.
	at [judge.NumFlags]int64
}

// activate counts activations on a connection at a time in ms on the tracker's clock.
func (e *flagEvents) activate(flags judge.Flags, key export.Tuple, at int64) {
	e.unnamed |= flags

	for f := range flags.All() {
		e.counts[f]++
		e.tuples[f], e.at[f] = key, at
	}
}

// newest returns the last activation of each flag, at times on the wall clock as it is set
// now.
func (e *flagEvents) newest(clock *times) [judge.NumFlags]Activation {
	for f := range e.unnamed.All() {
		e.last[f].Identity = e.tuples[f].Identity()
	}

	e.unnamed = 0

	for f, at := range e.at {
		if at != 0 {
			e.last[f].At = clock.wall(at)
		}
	}

	return e.last
}
