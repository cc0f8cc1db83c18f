package collector

import (
	"cmp"
	"math"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// healthFamilyTable are the verdicts.
var healthFamilyTable = []connectionFamily{
	gauge(SetHealth, "score", "Health score of the connection, 100 is perfect, 0 is worst.",
		func(c *health.Connection) (float64, bool) { return always(float64(c.Score)) }),
	gauge(SetHealth, "status", "Status of the connection: 0 HEALTHY, 1 CAUTION, 2 SUSPECT, 3 DEGRADED, 4 STALE.",
		func(c *health.Connection) (float64, bool) { return always(float64(c.Status)) }),
	gauge(SetHealth, "status_since_timestamp_seconds", "Unix time of the last status change.",
		func(c *health.Connection) (float64, bool) { return unixSeconds(c.StatusSince) }),
	gauge(SetHealth, "safe_to_send", "Whether new data can be expected to arrive (1) or not (0).",
		func(c *health.Connection) (float64, bool) { return always(boolean(c.SafeToSend)) }),
	gauge(SetHealth, "idle", "Whether nothing is outstanding and nothing was sent or received over the window (1) or not (0).",
		func(c *health.Connection) (float64, bool) { return always(boolean(c.Idle)) }),
	gauge(SetHealth, "first_seen_timestamp_seconds", "Unix time of the first sample with the connection.",
		func(c *health.Connection) (float64, bool) { return unixSeconds(c.FirstSeen) }),
	gauge(SetHealth, "ended_timestamp_seconds", "Unix time of the last sample with an ended connection, absent while it is alive.",
		func(c *health.Connection) (float64, bool) { return unixSeconds(c.Ended) }),
	gauge(SetHealth, "close_wait_seconds", "Time since the peer closed the connection while the local application has not (CLOSE_WAIT), absent in other states.",
		func(c *health.Connection) (float64, bool) {
			return c.CloseWait, c.Row.State == sampler.StateCloseWait && c.Ended.IsZero()
		}),
	gauge(SetHealth, "aborts_in_seconds", "Time until the kernel aborts the connection if nothing more arrives, absent where it cannot be known.",
		func(c *health.Connection) (float64, bool) { return c.AbortsIn, c.AbortKnown }),
	{
		name: "connection_end_info", help: "Why an ended connection ended, constant 1, absent while it is alive.",
		kind: gaugeValue, set: SetHealth, labels: []string{"reason"},
		series: func(c *health.Connection, to *series) {
			if !c.Ended.IsZero() {
				to.add(1, c.EndReason.String())
			}
		},
	},
	{
		name: "connection_flag", help: "1 while the flag is active, absent otherwise.",
		kind: gaugeValue, set: SetHealth, labels: []string{"flag"},
		series: func(c *health.Connection, to *series) {
			for f := range c.Flags.All() {
				to.add(1, f.String())
			}
		},
	},
	{
		name: "connection_cause_info", help: "Cause that the active flags indicate, constant 1.",
		kind: gaugeValue, set: SetHealth, labels: []string{"cause"},
		series: func(c *health.Connection, to *series) { to.add(1, c.Cause.String()) },
	},
	{
		name: "connection_owner_info", help: "Owner of the connection by the cgroup of its socket: systemd unit, container or Kubernetes pod, constant 1, absent if unknown.",
		kind: gaugeValue, set: SetHealth, labels: OwnerLabels(),
		series: func(c *health.Connection, to *series) {
			if values := to.owner(cmp.Or(c.Cgroup, c.Row.CgroupID)); values != nil {
				to.add(1, values...)
			}
		},
	},
}

func unixSeconds(t time.Time) (float64, bool) {
	return float64(t.UnixMilli()) / 1000, !t.IsZero()
}

// trendFamilyTable are computed from the window.
var trendFamilyTable = append(append(
	queueFamilies("send_queue", func(c *health.Connection) *judge.QueueTrend { return &c.Trend.Send }),
	queueFamilies("receive_queue", func(c *health.Connection) *judge.QueueTrend { return &c.Trend.Recv })...),
	ratio("rtt_drift_ratio", "Smoothed RTT divided by the minimum smoothed RTT of the connection in the last ten minutes.",
		func(t *judge.Trend) float64 { return t.RTTDrift }),
	ratio("jitter_ratio", "RTT deviation divided by the smoothed RTT.",
		func(t *judge.Trend) float64 { return t.Jitter }),
	ratio("rto_inflation_ratio", "Retransmission timeout divided by the timeout that smoothed RTT and deviation give without back-off.",
		func(t *judge.Trend) float64 { return t.RTOInflation }),
	ratio("loss_ratio", "Retransmitted share of the data sent in the window.",
		func(t *judge.Trend) float64 { return t.Loss }),
	ratio("receiver_limited_ratio", "Share of the busy time in the window during which the peer's receive window limited sending.",
		func(t *judge.Trend) float64 { return t.ReceiverLimited }),
	ratio("sndbuf_limited_ratio", "Share of the busy time in the window during which the send buffer was too small.",
		func(t *judge.Trend) float64 { return t.SndbufLimited }),
	gauge(SetTrend, "window_samples", "Samples in the window.",
		func(c *health.Connection) (float64, bool) { return always(float64(c.Trend.Samples)) }),
	gauge(SetTrend, "window_seconds", "Time span of the window.",
		func(c *health.Connection) (float64, bool) { return always(c.Trend.Span) }),
)

func ratio(name, help string, value func(*judge.Trend) float64) connectionFamily {
	return gauge(SetTrend, name, help, func(c *health.Connection) (float64, bool) {
		v := value(&c.Trend)

		return v, !math.IsNaN(v)
	})
}

func queueFamilies(queue string, of func(*health.Connection) *judge.QueueTrend) []connectionFamily {
	row := func(name, help string, value func(*judge.QueueTrend) float64) connectionFamily {
		return gauge(SetTrend, queue+name, help, func(c *health.Connection) (float64, bool) {
			return always(value(of(c)))
		})
	}

	return []connectionFamily{
		row("_velocity_bytes_per_second", "Rate of change of the queue over the window.",
			func(t *judge.QueueTrend) float64 { return t.Velocity }),
		row("_acceleration_bytes_per_second_squared", "Change of the queue's velocity from the older to the newer half of the window.",
			func(t *judge.QueueTrend) float64 { return t.Acceleration }),
		row("_stddev_bytes", "Standard deviation of the queue over the window.",
			func(t *judge.QueueTrend) float64 { return t.Stddev }),
		row("_short_average_bytes", "Mean of the queue over the newest three tenths of the window.",
			func(t *judge.QueueTrend) float64 { return t.ShortAverage }),
		row("_long_average_bytes", "Mean of the queue over the window.",
			func(t *judge.QueueTrend) float64 { return t.LongAverage }),
		row("_direction", "1 while the queue grows, -1 while it shrinks, 0 otherwise.",
			func(t *judge.QueueTrend) float64 { return boolean(t.Growing) - boolean(t.Shrinking) }),
		row("_persistence_seconds", "Time since the queue was last empty, within the window.",
			func(t *judge.QueueTrend) float64 { return t.Persistence }),
	}
}
