package health

import (
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// Snapshot is the state after one sample. It is immutable: readers of any
// number and age share it.
type Snapshot struct {
	// At is when the sample was complete.
	At time.Time
	// Sockets is the number of different rows, listeners included, States
	// counts them by state.
	Sockets int
	States  [sampler.NumStates]int
	// Statuses, FlagCounts and Idle count the connections of this sample.
	Statuses   [judge.NumStatuses]int
	FlagCounts [judge.NumFlags]int
	Idle       int
	// FlagEvents counts the activations of each flag, LastActivated is the last
	// one.
	FlagEvents    [judge.NumFlags]uint64
	LastActivated [judge.NumFlags]Activation
	// Totals are the sums over all connections, Groups those of each group that is
	// shown, of which the first one is for the rest. GroupLabels are the names of
	// their labels.
	Totals      group.Totals
	Groups      []group.Group
	GroupLabels []string
	// GroupsFolded counts the groups of followed connections that have no place of
	// their own.
	GroupsFolded int
	// Outstanding has for how long the oldest outstanding byte had waited, of each
	// connection that had any at each sample; Lifetimes how long connections lived
	// that were opened and ended while all were watched, from the first sample to
	// the last one with them. Both are in seconds.
	Outstanding, Lifetimes *group.Histogram

	Tracker   TrackerStats
	Listeners []Listener
	// Connections are those that are shown one by one, ended ones included.
	Connections []Connection
	// Unexported counts the followed connections that are not shown.
	Unexported int
}

// TrackerStats describes the tracker itself.
type TrackerStats struct {
	// Live and Ended count the connections in the table, Untracked those of
	// the last sample that found no place in it. Twins counts connections that
	// were not shown because another living one has the same addresses and ports.
	Live, Ended, Untracked, Twins int
	// Suspicious counts the connections that were looked at again before this sample.
	Suspicious int
	// ActiveOpens and PassiveOpens are those of Opened that were opened from here and
	// to a listener.
	ActiveOpens, PassiveOpens uint64
	// Opened counts connections that appeared, but not while the table is
	// crowded, nor in the tick after: who gets its turn is not new. Closed counts followed connections
	// that ended, Overflow rows that found no place, Duplicates rows that came
	// twice in a dump.
	Opened, Closed, Overflow, Duplicates uint64
	// Bytes is the memory of the table.
	Bytes int
}

// Connection is one shown connection at the time of the sample.
type Connection struct {
	export.Identity

	Cookie uint64
	// Group has the values of the labels of the connection's group, joined by
	// slashes, Network is the name of the network of the remote address.
	Group, Network string
	// Row is the last row in which the connection was seen.
	Row sampler.Socket

	Status      judge.Status
	StatusSince time.Time
	// Score is 100 for perfect, 0 for worst.
	Score      int
	Points     int
	Flags      judge.Flags
	Cause      judge.Cause
	SafeToSend bool
	Idle       bool

	Trend judge.Trend
	// Windows counts what happened to the peer's receive window.
	Windows judge.WindowEvents
	// FirstSeen is when the tracker first saw the connection.
	FirstSeen time.Time
	// Ended is when the connection was last seen, zero while it lives.
	Ended time.Time
}

// Listener is a listening address and port. Sockets that share it (SO_REUSEPORT)
// are added up.
type Listener struct {
	LocalAddress, LocalPort string
	// AcceptQueue holds the connections waiting to be accepted, Limit is how
	// many may wait, Max the most that waited at a sample in the last one to
	// two minutes.
	AcceptQueue, Limit, Max uint32
}
