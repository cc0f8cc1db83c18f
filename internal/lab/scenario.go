package lab

import (
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/netlab"
)

// Scenario is a connection, what travels on it, and what becomes of it.
type Scenario struct {
	Name string
	// RTT and the rest of the path while it is in order.
	RTT  time.Duration
	Path netlab.Conditions
	// Cable has the connection over a veth pair instead of a path, for rates that a path can't carry.
	Cable bool
	// OwnPath says that only a path of ours can do what the scenario needs.
	OwnPath bool
	// Network and Congestion are those of the connection: tcp4 unless set, and cubic.
	Network    Network
	Congestion string
	// Traffic starts what travels on the connection. It ends with the scene.
	Traffic func(s *Scene)

	// Fault breaks something, Repair mends it; nil for a healthy scenario.
	Fault  func(s *Scene)
	Repair func(s *Scene)
	// Seen reports whether the fault can be seen by now; nil for the moment of Fault.
	Seen func(s *Scene) bool
	// FaultFor is how long the fault lasts, 10 s unless set.
	FaultFor time.Duration
	// Expect is what the watchers should say of the fault.
	Expect Expectation

	// Pause, if set, has the watchers stand still for so long in the middle; Late makes their dumps late by up to so much.
	Pause, Late time.Duration
	// Exclusive scenarios take the machine for themselves.
	Exclusive bool
	// MinInfo is the size of tcp_info in bytes without which the scenario can't be judged.
	MinInfo int
	// Long scenarios show what they should only after longer than the short form has.
	Long bool
}

// Healthy reports whether nothing is to be found.
func (s *Scenario) Healthy() bool { return s.Fault == nil }

// Network is the kind of address a connection has.
type Network int

// The kinds of addresses.
const (
	IPv4   Network = iota
	IPv6           // Over IPv6.
	Mapped         // Over IPv4, on a dual-stack socket.
)

// Expectation is what a watcher should say of a fault.
type Expectation struct {
	Status judge.Status  // At least.
	Never  judge.Status  // Never this or worse; 0 for no bound.
	Before judge.Status  // The worst that may be said before the fault, CAUTION unless set.
	Causes []judge.Cause // One of them.
	Flags  []judge.Flag  // One of them is raised at the detection or later.
	Limit  time.Duration // From when the fault can be seen, at the default interval.
	Fast   time.Duration // The same at 250 ms, Limit unless set.
	Share  float64       // The share of the time to the end of the fault for which it must hold, 0.8 unless set.
	Then   []Expectation // Further things that should be said of the same fault.
}
