package health

import (
	"math"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// Snapshot is the state after one sample. It is immutable, so any number of readers can
// share it.
type Snapshot struct {
	// At is when the last sample of the exporter's own network namespace was complete, zero
	// if there was none yet.
	At time.Time
	// Sockets is the number of different sockets, including listeners, States counts
	// them by TCP state.
	Sockets int
	States  [sampler.NumStates]int
	// Statuses, FlagCounts and Idle count the connections of this sample.
	Statuses   [judge.NumStatuses]int
	FlagCounts [judge.NumFlags]int
	Idle       int
	// FlagEvents counts the activations of each flag, LastActivated is the last one of
	// each.
	FlagEvents    [judge.NumFlags]uint64
	LastActivated [judge.NumFlags]Activation
	// Totals are the sums over all connections, Groups the state of each exported group,
	// beginning with [group.Other]. GroupLabels are the names of their labels.
	Totals      group.Totals
	Groups      []group.Group
	GroupLabels []string
	// GroupsFolded counts the groups without a place of their own.
	GroupsFolded int
	// Outstanding is the distribution of the outstanding age of each connection with
	// anything outstanding in each sample, Lifetimes that of the time from the first to
	// the last sample of connections that opened and ended while tracked. Both are in
	// seconds.
	Outstanding, Lifetimes *group.Histogram

	Tracker   TrackerStats
	Listeners []Listener
	// ListenersUnexported is the number of listeners without series of their own.
	ListenersUnexported int
	// Connections are the exported ones, including ended ones.
	Connections []Connection
	// Unexported counts the tracked connections that are not exported.
	Unexported int
}

// TrackerStats describes the tracker itself.
type TrackerStats struct {
	// Live and Ended count the connections in the table, Untracked those of the last
	// sample that did not fit. Twins counts connections that are not exported because
	// another living one has the same addresses and ports.
	Live, Ended, Untracked, Twins int
	// Suspicious counts the connections that were rechecked before this sample.
	Suspicious int
	// ActiveOpens and PassiveOpens divide Opened into locally initiated connections and
	// connections to listeners.
	ActiveOpens, PassiveOpens uint64
	// Opened counts connections that appeared, except while the table is crowded and in
	// the sample after that, when connections that get their turn are not new. Closed
	// counts connections that ended, Overflow sockets that did not fit, Duplicates
	// sockets that a dump contained twice.
	Opened, Closed, Overflow, Duplicates uint64
	// Bytes is the memory of the table.
	Bytes int
}

// Connection is an exported connection at the time of the sample.
type Connection struct {
	export.Identity

	Cookie uint64
	// Group is the name of the connection's group, Network that of the network of the
	// remote address.
	Group, Network string
	// NetworkNamespace is the name of the network namespace, empty for the exporter's own.
	NetworkNamespace string
	// Row is the last socket seen. Cgroup is the id of the cgroup of the first one, which
	// the kernel does not report of a minisock (FIN_WAIT2, TIME_WAIT).
	Row    sampler.Socket
	Cgroup uint64

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
	// Windows counts events of the peer's receive window.
	Windows judge.WindowEvents
	// CloseWait is for how many seconds the connection has been in CLOSE_WAIT at least,
	// zero in other states. AbortsIn is the time in seconds until the kernel gives up the
	// connection if nothing more arrives, AbortKnown reports whether that is known.
	CloseWait, AbortsIn float64
	AbortKnown          bool
	// FirstSeen is the time of the first sample with the connection.
	FirstSeen time.Time
	// Ended is the time of the last sample with it, zero while it is alive. EndReason is
	// why it ended.
	Ended     time.Time
	EndReason EndReason
}

// Listener is a listening address and port. Of the sockets that share it (SO_REUSEPORT),
// it is the one with the fullest accept queue.
type Listener struct {
	LocalAddress, LocalPort string
	// AcceptQueue is the number of connections waiting to be accepted, Limit its
	// maximum or [LimitUnknown], Max the highest number in any sample of the last one to two
	// minutes.
	AcceptQueue, Limit, Max uint32
}

// LimitUnknown is the limit of a listener of which the kernel reports none, in /proc/net/tcp.
const LimitUnknown = math.MaxUint32
