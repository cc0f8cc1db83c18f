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
}

// activate counts activations on a connection.
func (e *flagEvents) activate(flags judge.Flags, key export.Tuple, at time.Time) {
	e.unnamed |= flags

	for f := range flags.All() {
		e.counts[f]++
		e.tuples[f], e.last[f].At = key, at
	}
}

// newest returns the last activation of each flag.
func (e *flagEvents) newest() [judge.NumFlags]Activation {
	for f := range e.unnamed.All() {
		e.last[f].Identity = e.tuples[f].Identity()
	}

	e.unnamed = 0

	return e.last
}
