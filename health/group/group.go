package group

import (
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// Group is the state of the connections of a group.
type Group struct {
	// Labels are the values of the grouping's labels.
	Labels []string
	// Name is the labels, joined by slashes.
	Name string
	Counts
	Totals

	// CloseWaitSince is since when the connection in CLOSE_WAIT for longest has been
	// so, in seconds on the tracker's clock, zero without any. CloseWaitOldest is the
	// time since then, in seconds.
	CloseWaitSince  uint32
	CloseWaitOldest float64

	// AbortsIn is the time in seconds until the kernel gives up the first of the
	// connections, AbortKnown reports whether that is known of any. The table does not
	// set them.
	AbortsIn   float64
	AbortKnown bool

	// RTT is the distribution of the smoothed round-trip time in seconds
	// (uapi/linux/tcp.h: tcpi_rtt) of each connection in each sample, if the connection
	// made progress since the previous one.
	RTT *Histogram
}

// Counts are numbers of connections in the last sample.
type Counts struct {
	Statuses [judge.NumStatuses]int
	Causes   [judge.NumCauses]int
	// Unhealthy counts by cause the connections that are SUSPECT or worse.
	Unhealthy [judge.NumCauses]int
	// Idle counts those that are idle, CloseWait those whose peer has closed while
	// the local application has not (CLOSE_WAIT).
	Idle, CloseWait int
	// WithoutKeepalive counts those whose dead peer nothing would detect: established,
	// with nothing outstanding and no keepalive timer.
	WithoutKeepalive int
}

// Member is what a connection contributes to [Counts].
type Member struct {
	Status judge.Status
	Cause  judge.Cause
	Idle   bool
	State  sampler.State
	// CloseWaitSince is since when it has been in CLOSE_WAIT, in seconds on the
	// tracker's clock, zero in other states.
	CloseWaitSince   uint32
	WithoutKeepalive bool
}

// Add adds a connection n times; -1 removes it.
func (c *Counts) Add(m Member, n int) {
	c.Statuses[m.Status] += n
	c.Causes[m.Cause] += n

	if m.Status >= judge.Suspect {
		c.Unhealthy[m.Cause] += n
	}

	if m.Idle {
		c.Idle += n
	}

	if m.State == sampler.StateCloseWait {
		c.CloseWait += n
	}

	if m.WithoutKeepalive {
		c.WithoutKeepalive += n
	}
}
