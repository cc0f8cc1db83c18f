package collector

import (
	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// How many of the kernel's units make a base unit. Dividing, unlike multiplying
// by a fraction, gives the shortest decimals.
const (
	plain   = 1
	micros  = 1e6
	millis  = 1e3
	unit256 = 256
)

// field is a connection family that shows one field of tcp_info.
func field(set Set, kind dto.MetricType, name, help string, f sampler.Field, unit float64) connectionFamily {
	return connectionFamily{
		name: "connection_" + name, help: help, kind: kind, set: set, source: "tcpi_" + f.String(),
		series: func(c *health.Connection, to *series) {
			if v, ok := c.Row.Info.Get(f); ok {
				to.add(float64(v) / unit)
			}
		},
	}
}

// row is a connection family that shows a figure of the row outside tcp_info,
// where the part has came with it.
func row(set Set, name, help, source string, has sampler.Attrs, value func(*sampler.Socket) float64) connectionFamily {
	f := gauge(set, name, help, func(c *health.Connection) (float64, bool) {
		return value(&c.Row), c.Row.Has(has)
	})
	f.source = source

	return f
}

// What is counted of the peer's receive window.
const (
	zeroWindowHelp = "Times the peer's receive window closed while data waited to be sent."
	shrinkHelp     = "Times the right edge of the peer's receive window moved back between two samples."
)

const (
	counter      = dto.MetricType_COUNTER
	gaugeValue   = dto.MetricType_GAUGE
	distribution = dto.MetricType_HISTOGRAM
)

// tcpFamilyTable are the figures of the kernel that most users look at.
var tcpFamilyTable = []connectionFamily{
	{
		name: "connection_info", help: "Connection metadata, constant 1.",
		kind: gaugeValue, set: SetTCP, labels: []string{"state", "congestion_algorithm", "options", "uid", "group", "network", "network_namespace"},
		series: func(c *health.Connection, to *series) { to.add(1, to.info(c)...) },
	},
	field(SetTCP, gaugeValue, "rtt_seconds", "Smoothed round-trip time.", sampler.FieldRTT, micros),
	field(SetTCP, gaugeValue, "rttvar_seconds", "Mean deviation of the round-trip time.", sampler.FieldRTTVar, micros),
	field(SetTCP, gaugeValue, "min_rtt_seconds", "Minimum round-trip time, as the kernel measured it recently.", sampler.FieldMinRTT, micros),
	field(SetTCP, gaugeValue, "rto_seconds", "Retransmission timeout, including back-off.", sampler.FieldRTO, micros),
	field(SetTCP, gaugeValue, "cwnd_segments", "Congestion window.", sampler.FieldSndCwnd, plain),
	field(SetTCP, gaugeValue, "ssthresh_segments", "Slow start threshold, absent until it is set.", sampler.FieldSndSsthresh, plain),
	field(SetTCP, gaugeValue, "unacked_segments", "Segments in flight.", sampler.FieldUnacked, plain),
	row(SetTCP, "send_queue_bytes", "Bytes not yet acknowledged or not yet sent.", "idiag_wqueue", 0,
		func(s *sampler.Socket) float64 { return float64(s.SendQueue) }),
	row(SetTCP, "receive_queue_bytes", "Bytes not yet read by the local application.", "idiag_rqueue", 0,
		func(s *sampler.Socket) float64 { return float64(s.RecvQueue) }),
	field(SetTCP, gaugeValue, "notsent_bytes", "Bytes queued and not yet sent.", sampler.FieldNotsentBytes, plain),
	field(SetTCP, gaugeValue, "snd_wnd_bytes", "Receive window of the peer.", sampler.FieldSndWnd, plain),
	{
		name: "connection_zero_window_events_total", help: zeroWindowHelp, kind: counter, set: SetTCP,
		series: func(c *health.Connection, to *series) { to.add(float64(c.Windows.Zero)) },
	},
	{
		name: "connection_window_shrinks_total", help: shrinkHelp, kind: counter, set: SetTCP, since: sampler.FieldSndWnd.Since(),
		series: func(c *health.Connection, to *series) {
			if c.Row.Info.Has(sampler.FieldSndWnd) {
				to.add(float64(c.Windows.Shrunk))
			}
		},
	},
	field(SetTCP, gaugeValue, "delivery_rate_bytes_per_second", "Most recent delivery rate.", sampler.FieldDeliveryRate, plain),
	field(SetTCP, counter, "sent_bytes_total", "Payload bytes sent, including retransmissions.", sampler.FieldBytesSent, plain),
	field(SetTCP, counter, "acked_bytes_total", "Bytes acknowledged by the peer, with SYN and FIN counting one each.", sampler.FieldBytesAcked, plain),
	field(SetTCP, counter, "received_bytes_total", "Payload bytes received, with the peer's FIN counting one.", sampler.FieldBytesReceived, plain),
	field(SetTCP, counter, "retransmitted_bytes_total", "Payload bytes retransmitted.", sampler.FieldBytesRetrans, plain),
	field(SetTCP, counter, "retransmitted_segments_total", "Segments retransmitted.", sampler.FieldTotalRetrans, plain),
}
