package collector

import (
	"slices"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// groupLabelTable are the labels of groups without configuration.
var groupLabelTable = group.DefaultGrouping().Labels()

type groupFamily = family[group.Group]

// groupFamilyTable are all families with a series per group.
var groupFamilyTable = slices.Concat([]groupFamily{
	{
		name: "group_connections", help: "Connections of the group by status.",
		kind: gaugeValue, labels: []string{"status"},
		series: func(g *group.Group, to *series) {
			for status, n := range g.Statuses {
				to.add(float64(n), judge.Status(status).String())
			}
		},
	},
	{
		name: "group_connections_by_cause", help: "Connections of the group by cause.",
		kind: gaugeValue, labels: []string{"cause"},
		series: func(g *group.Group, to *series) {
			for cause, n := range g.Causes {
				to.add(float64(n), judge.Cause(cause).String())
			}
		},
	},
	{
		name: "group_unhealthy_connections", help: "Unhealthy connections of the group (SUSPECT or worse) by cause.",
		kind: gaugeValue, labels: []string{"cause"},
		series: func(g *group.Group, to *series) {
			for cause := judge.CauseNone + 1; cause < judge.NumCauses; cause++ {
				to.add(float64(g.Unhealthy[cause]), cause.String())
			}
		},
	},
	{
		name: "group_idle_connections", help: "Idle connections of the group.",
		kind: gaugeValue, series: func(g *group.Group, to *series) { to.add(float64(g.Idle)) },
	},
	{
		name: "group_close_wait_connections", help: "Connections of the group that the peer has closed, but not the local application.",
		kind: gaugeValue, series: func(g *group.Group, to *series) { to.add(float64(g.CloseWait)) },
	},
	{
		name: "group_close_wait_oldest_seconds", help: "Time since the first of these was closed by its peer, 0 if there are none.",
		kind: gaugeValue, series: func(g *group.Group, to *series) { to.add(g.CloseWaitOldest) },
	},
	{
		name: "group_connections_without_keepalive", help: "Established connections of the group with nothing outstanding and no keepalive timer, which cannot detect that their peer is gone.",
		kind: gaugeValue, series: func(g *group.Group, to *series) { to.add(float64(g.WithoutKeepalive)) },
	},
	{
		name: "group_aborts_in_seconds", help: "Time until the kernel aborts the first connection of the group if nothing more arrives, absent where it cannot be known of any.",
		kind: gaugeValue, series: func(g *group.Group, to *series) {
			if g.AbortKnown {
				to.add(g.AbortsIn)
			}
		},
	},
	{
		name: "group_status_entries_total", help: "Transitions of connections of the group into each status, without connections that start HEALTHY.",
		kind: counter, labels: []string{"status"},
		series: func(g *group.Group, to *series) { statusEntries(&g.Totals, to) },
	},
	{
		name: "group_connections_opened_total", help: "Connections of the group that appeared after the first sample.",
		kind: counter, series: func(g *group.Group, to *series) { to.add(float64(g.Opened)) },
	},
	{
		name: "group_connections_closed_total", help: "Connections of the group that ended.",
		kind: counter, series: func(g *group.Group, to *series) { to.add(float64(g.Closed)) },
	},
	{
		name: "group_connections_ended_total", help: "Connections of the group that ended, by reason. Those that were evicted or alive at shutdown are no longer tracked.",
		kind: counter, labels: []string{"reason"},
		series: func(g *group.Group, to *series) {
			for reason, n := range g.Ended {
				to.add(float64(n), health.EndReason(reason).String())
			}
		},
	},
	{
		name: "group_rtt_seconds", help: "Smoothed round-trip time of each connection in each sample, if it made progress since the previous one.",
		kind: distribution, source: "tcpi_rtt", series: func(g *group.Group, to *series) { to.addHistogram(g.RTT) },
	},
	{
		name: "group_zero_window_events_total", help: zeroWindowHelp,
		kind: counter, series: func(g *group.Group, to *series) { zeroWindows(&g.Totals, to) },
	},
	{
		name: "group_window_shrinks_total", help: shrinkHelp, since: sampler.FieldSndWnd.Since(),
		kind: counter, series: func(g *group.Group, to *series) { windowShrinks(&g.Totals, to) },
	},
}, groupTotals())

// total is a counter of the kernel that is added up over connections.
type total struct {
	counter group.Counter
	name    string
	unit    float64
	help    string
}

// totalTable are those of each group and of the host.
var totalTable = []total{
	{group.SentBytes, "sent_bytes_total", plain, "Payload bytes sent, including retransmissions."},
	{group.RetransmittedBytes, "retransmitted_bytes_total", plain, "Payload bytes retransmitted."},
	{group.AckedBytes, "acked_bytes_total", plain, "Bytes acknowledged by the peers, with SYN and FIN counting one each."},
	{group.ReceivedBytes, "received_bytes_total", plain, "Payload bytes received, with the peer's FIN counting one."},
	{group.SentSegments, "sent_segments_total", plain, "Segments with data sent, including retransmissions."},
	{group.RetransmittedSegments, "retransmitted_segments_total", plain, "Segments retransmitted, including SYNs."},
	{group.DeliveredSegments, "delivered_segments_total", plain, "Segments delivered to the peers, including SYNs."},
	{group.DeliveredCESegments, "delivered_ce_segments_total", plain, "Segments delivered with a congestion mark (ECN)."},
	{group.OutOfOrderSegments, "out_of_order_segments_total", plain, "Segments received out of order."},
	{group.BusyTime, "busy_seconds_total", millis, "Time during which connections were sending or waiting for acknowledgments."},
	{group.ReceiverLimitedTime, "receiver_limited_seconds_total", millis, "Busy time during which the peer's receive window limited sending."},
	{group.SndbufLimitedTime, "sndbuf_limited_seconds_total", millis, "Busy time during which the send buffer was too small."},
}

// hostTotalTable are those of the host alone: they are for comparison with the
// kernel's own count of segments.
var hostTotalTable = []total{
	{group.SegmentsOut, "out_segments_total", plain, "Segments of any kind sent, including retransmissions."},
	{group.SegmentsIn, "in_segments_total", plain, "Segments of any kind received."},
}

// series adds what was counted, if the kernel counts it.
func (t *total) series(from *group.Totals, to *series) {
	if v, ok := from.Get(t.counter); ok {
		to.add(float64(v) / t.unit)
	}
}

func groupTotals() []groupFamily {
	all := make([]groupFamily, len(totalTable))

	for i := range totalTable {
		t := &totalTable[i]
		all[i] = groupFamily{
			name: "group_" + t.name, help: t.help, kind: counter, source: "tcpi_" + t.counter.Field().String(),
			series: func(g *group.Group, to *series) { t.series(&g.Totals, to) },
		}
	}

	return all
}

// hostTotalFamilyTable are the same over all groups, those no longer exported
// included.
var hostTotalFamilyTable = slices.Concat([]hostFamily{
	{
		name: "status_entries_total", help: "Transitions of connections into each status, without connections that start HEALTHY.",
		kind: counter, labels: []string{"status"},
		series: func(s *health.Snapshot, to *series) { statusEntries(&s.Totals, to) },
	},
	{
		name: "zero_window_events_total", help: zeroWindowHelp,
		kind: counter, series: func(s *health.Snapshot, to *series) { zeroWindows(&s.Totals, to) },
	},
	{
		name: "window_shrinks_total", help: shrinkHelp, since: sampler.FieldSndWnd.Since(),
		kind: counter, series: func(s *health.Snapshot, to *series) { windowShrinks(&s.Totals, to) },
	},
}, hostTotals())

func hostTotals() []hostFamily {
	tables := slices.Concat(totalTable, hostTotalTable)
	all := make([]hostFamily, len(tables))

	for i := range tables {
		t := &tables[i]
		all[i] = hostFamily{
			name: t.name, help: t.help, kind: counter, source: "tcpi_" + t.counter.Field().String(),
			series: func(s *health.Snapshot, to *series) { t.series(&s.Totals, to) },
		}
	}

	return all
}

func statusEntries(t *group.Totals, to *series) {
	for status, n := range t.StatusEntries {
		to.add(float64(n), judge.Status(status).String())
	}
}

func zeroWindows(t *group.Totals, to *series) { to.add(float64(t.Windows.Zero)) }

func windowShrinks(t *group.Totals, to *series) {
	if t.EdgeKnown {
		to.add(float64(t.Windows.Shrunk))
	}
}
