package health

import "tcphealth_exporter/sampler"

// Group is what a snapshot tells of the connections of a group.
type Group struct {
	// Labels are the values for [Snapshot.GroupLabels].
	Labels []string
	// Name is what [Connection.Group] says.
	Name string
	GroupCounts
	Totals

	// RTT has the smoothed round-trip time in seconds (uapi/linux/tcp.h: tcpi_rtt)
	// of each connection at each sample, if it made progress since the one before.
	RTT *Histogram
}

// GroupCounts counts the connections of a group in the last sample.
type GroupCounts struct {
	Statuses [NumStatuses]int
	Causes   [NumCauses]int
	// Ill counts by cause those that are SUSPECT or worse.
	Ill [NumCauses]int
	// Idle counts those that are idle, CloseWait those whose peer is done and
	// waits for the local application to close (CLOSE_WAIT).
	Idle, CloseWait int
}

// count adds a connection, or takes it out (-1).
func (g *GroupCounts) count(c *connection, n int) {
	v := c.judged.Verdict()
	g.Statuses[v.Status] += n
	g.Causes[v.Cause] += n

	if v.Status >= Suspect {
		g.Ill[v.Cause] += n
	}

	if v.Idle {
		g.Idle += n
	}

	if c.state == sampler.StateCloseWait {
		g.CloseWait += n
	}
}
