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
}

// Member is what a connection contributes to [Counts].
type Member struct {
	Status judge.Status
	Cause  judge.Cause
	Idle   bool
	State  sampler.State
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
}
