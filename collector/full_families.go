package collector

import (
	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// fullFamilyTable are all other figures that the kernel provides about a connection.
var fullFamilyTable = []connectionFamily{
	field(SetFull, gaugeValue, "ca_state", "State of congestion control: 0 Open, 1 Disorder, 2 CWR, 3 Recovery, 4 Loss.", sampler.FieldCAState, plain),
	field(SetFull, gaugeValue, "retransmits", "Consecutive retransmission timeouts of the head segment.", sampler.FieldRetransmits, plain),
	field(SetFull, gaugeValue, "probes", "Unanswered keepalive or zero-window probes.", sampler.FieldProbes, plain),
	field(SetFull, gaugeValue, "backoff", "Back-off exponent.", sampler.FieldBackoff, plain),
	row(SetFull, "timer", "Pending timer: 0 none, 1 retransmission, 2 keepalive, 4 zero-window probe, 5 delayed ACK.", "idiag_timer", 0,
		func(s *sampler.Socket) float64 { return float64(s.Timer) }),
	row(SetFull, "timer_expires_seconds", "Time until the pending timer expires.", "idiag_expires", 0,
		func(s *sampler.Socket) float64 { return float64(s.Expires) / millis }),
	row(SetFull, "timer_retransmits", "Timeouts or probes of the pending timer.", "idiag_retrans", 0,
		func(s *sampler.Socket) float64 { return float64(s.TimerRetrans) }),
	row(SetFull, "state", "TCP state, as the kernel numbers it.", "idiag_state", 0,
		func(s *sampler.Socket) float64 { return float64(s.State) }),
	row(SetFull, "shutdown", "Sides shut down: 1 receiving, 2 sending, 3 both.", "INET_DIAG_SHUTDOWN", sampler.HasShutdown,
		func(s *sampler.Socket) float64 { return float64(s.Shutdown) }),
	field(SetFull, gaugeValue, "snd_wscale", "Window scale of the peer's window.", sampler.FieldSndWscale, plain),
	field(SetFull, gaugeValue, "rcv_wscale", "Window scale of the local window.", sampler.FieldRcvWscale, plain),
	field(SetFull, gaugeValue, "delivery_rate_app_limited", "Whether the delivery rate was limited by the application (1) or not (0).", sampler.FieldAppLimited, plain),
	field(SetFull, gaugeValue, "fastopen_client_fail", "Reason why TCP Fast Open failed: 0 unknown, 1 no cookie, 2 data not acknowledged, 3 SYN retransmitted.", sampler.FieldFastopenClientFail, plain),
	field(SetFull, gaugeValue, "ato_seconds", "Delayed acknowledgment timeout.", sampler.FieldATO, micros),
	field(SetFull, gaugeValue, "snd_mss_bytes", "Sending maximum segment size.", sampler.FieldSndMSS, plain),
	field(SetFull, gaugeValue, "rcv_mss_bytes", "Estimate of the peer's segment size.", sampler.FieldRcvMSS, plain),
	field(SetFull, gaugeValue, "advmss_bytes", "Advertised maximum segment size.", sampler.FieldAdvMSS, plain),
	field(SetFull, gaugeValue, "pmtu_bytes", "Path MTU.", sampler.FieldPMTU, plain),
	field(SetFull, gaugeValue, "sacked_segments", "Segments in flight that are selectively acknowledged.", sampler.FieldSacked, plain),
	field(SetFull, gaugeValue, "lost_segments", "Segments in flight that are considered lost.", sampler.FieldLost, plain),
	field(SetFull, gaugeValue, "retrans_segments", "Retransmitted segments in flight.", sampler.FieldRetrans, plain),
	field(SetFull, gaugeValue, "last_data_sent_seconds", "Time since data was sent.", sampler.FieldLastDataSent, millis),
	field(SetFull, gaugeValue, "last_data_received_seconds", "Time since data was received.", sampler.FieldLastDataRecv, millis),
	field(SetFull, gaugeValue, "last_ack_received_seconds", "Time since an acknowledgment was received.", sampler.FieldLastAckRecv, millis),
	field(SetFull, gaugeValue, "rcv_ssthresh_bytes", "Current limit of the advertised window.", sampler.FieldRcvSsthresh, plain),
	field(SetFull, gaugeValue, "rcv_rtt_seconds", "The receiver's estimate of the round-trip time.", sampler.FieldRcvRTT, micros),
	field(SetFull, gaugeValue, "rcv_space_bytes", "Target of the receive buffer's autotuning.", sampler.FieldRcvSpace, plain),
	field(SetFull, gaugeValue, "rcv_wnd_bytes", "Advertised receive window.", sampler.FieldRcvWnd, plain),
	field(SetFull, gaugeValue, "reordering_segments", "Expected reordering of the path.", sampler.FieldReordering, plain),
	field(SetFull, gaugeValue, "pacing_rate_bytes_per_second", "Pacing rate, absent while unlimited.", sampler.FieldPacingRate, plain),
	field(SetFull, gaugeValue, "max_pacing_rate_bytes_per_second", "Limit of the pacing rate, absent while unlimited.", sampler.FieldMaxPacingRate, plain),
	field(SetFull, counter, "sent_segments_total", "Segments sent, including pure acknowledgments.", sampler.FieldSegsOut, plain),
	field(SetFull, counter, "received_segments_total", "Segments received.", sampler.FieldSegsIn, plain),
	field(SetFull, counter, "sent_data_segments_total", "Segments with data sent.", sampler.FieldDataSegsOut, plain),
	field(SetFull, counter, "received_data_segments_total", "Segments with data received.", sampler.FieldDataSegsIn, plain),
	field(SetFull, counter, "busy_seconds_total", "Time with data waiting to be sent or in flight.", sampler.FieldBusyTime, micros),
	field(SetFull, counter, "receiver_limited_seconds_total", "Busy time limited by the peer's receive window.", sampler.FieldRwndLimited, micros),
	field(SetFull, counter, "sndbuf_limited_seconds_total", "Busy time limited by a send buffer that was too small.", sampler.FieldSndbufLimited, micros),
	field(SetFull, counter, "delivered_segments_total", "Segments delivered to the peer, including the SYN.", sampler.FieldDelivered, plain),
	field(SetFull, counter, "delivered_ce_segments_total", "Segments delivered with a congestion mark (ECN).", sampler.FieldDeliveredCE, plain),
	field(SetFull, counter, "dsack_segments_total", "Duplicates reported by the peer.", sampler.FieldDSACKDups, plain),
	field(SetFull, counter, "reordering_events_total", "Reordering events.", sampler.FieldReordSeen, plain),
	field(SetFull, counter, "out_of_order_segments_total", "Segments received out of order.", sampler.FieldRcvOOOPack, plain),
	field(SetFull, counter, "rehashes_total", "Changes of the socket's hash after timeouts.", sampler.FieldRehash, plain),
	field(SetFull, counter, "rto_timeouts_total", "Retransmission timeouts, including the SYN.", sampler.FieldTotalRTO, plain),
	field(SetFull, counter, "rto_recoveries_total", "Recoveries from retransmission timeouts.", sampler.FieldTotalRTORecoveries, plain),
	field(SetFull, counter, "rto_recovery_seconds_total", "Time spent recovering from timeouts, including the current recovery.", sampler.FieldTotalRTOTime, millis),
	field(SetFull, counter, "received_ce_segments_total", "Segments received with a congestion mark.", sampler.FieldReceivedCE, plain),
	field(SetFull, gaugeValue, "delivered_e1_bytes", "AccECN: bytes delivered as ECT(1), modulo 2^32.", sampler.FieldDeliveredE1Bytes, plain),
	field(SetFull, gaugeValue, "delivered_e0_bytes", "AccECN: bytes delivered as ECT(0), modulo 2^32.", sampler.FieldDeliveredE0Bytes, plain),
	field(SetFull, gaugeValue, "delivered_ce_bytes", "AccECN: bytes delivered with a mark, modulo 2^32.", sampler.FieldDeliveredCEBytes, plain),
	field(SetFull, gaugeValue, "received_e1_bytes", "AccECN: bytes received as ECT(1), modulo 2^32.", sampler.FieldReceivedE1Bytes, plain),
	field(SetFull, gaugeValue, "received_e0_bytes", "AccECN: bytes received as ECT(0), modulo 2^32.", sampler.FieldReceivedE0Bytes, plain),
	field(SetFull, gaugeValue, "received_ce_bytes", "AccECN: bytes received with a mark, modulo 2^32.", sampler.FieldReceivedCEBytes, plain),
	field(SetFull, gaugeValue, "accecn_fail_mode", "AccECN failures: bit 1 ACE sending, 2 ACE receiving, 4 option sending, 8 option receiving.", sampler.FieldAccECNFailMode, plain),
	field(SetFull, gaugeValue, "accecn_option_seen", "AccECN option: 0 not seen, 1 empty, 2 counters, 3 failed.", sampler.FieldAccECNOptSeen, plain),
	memory("receive_memory_bytes", "Memory of received data.", func(m *sampler.SkMem) uint32 { return m.RmemAlloc }),
	memory("receive_buffer_bytes", "Limit of the receive buffer.", func(m *sampler.SkMem) uint32 { return m.Rcvbuf }),
	memory("send_memory_bytes", "Memory of data passed to the lower layers.", func(m *sampler.SkMem) uint32 { return m.WmemAlloc }),
	memory("send_buffer_bytes", "Limit of the send buffer.", func(m *sampler.SkMem) uint32 { return m.Sndbuf }),
	memory("forward_memory_bytes", "Memory reserved for later use.", func(m *sampler.SkMem) uint32 { return m.FwdAlloc }),
	memory("queued_memory_bytes", "Memory of the send queue.", func(m *sampler.SkMem) uint32 { return m.WmemQueued }),
	memory("option_memory_bytes", "Memory of socket options.", func(m *sampler.SkMem) uint32 { return m.Optmem }),
	memory("backlog_memory_bytes", "Memory of packets in the socket's backlog.", func(m *sampler.SkMem) uint32 { return m.Backlog }),
	dropped(),
	row(SetFull, "bbr_bandwidth_bytes_per_second", "BBR: bandwidth estimate.", "bbr_bw", sampler.HasBBR,
		func(s *sampler.Socket) float64 { return float64(s.BBR.Bandwidth) }),
	measured("bbr_min_rtt_seconds", "BBR: minimum round-trip time.", "bbr_min_rtt",
		func(s *sampler.Socket) uint32 { return s.BBR.MinRTT }),
	row(SetFull, "bbr_pacing_gain_ratio", "BBR: gain of the pacing rate.", "bbr_pacing_gain", sampler.HasBBR,
		func(s *sampler.Socket) float64 { return float64(s.BBR.PacingGain) / unit256 }),
	row(SetFull, "bbr_cwnd_gain_ratio", "BBR: gain of the congestion window.", "bbr_cwnd_gain", sampler.HasBBR,
		func(s *sampler.Socket) float64 { return float64(s.BBR.CwndGain) / unit256 }),
	measured("vegas_rtt_seconds", "Vegas: minimum round-trip time of the connection.", "tcpv_rtt",
		func(s *sampler.Socket) uint32 { return s.Vegas.RTT }),
	measured("vegas_min_rtt_seconds", "Vegas: minimum round-trip time of the last round.", "tcpv_minrtt",
		func(s *sampler.Socket) uint32 { return s.Vegas.MinRTT }),
	row(SetFull, "dctcp_alpha_ratio", "DCTCP: estimate of the share of marked bytes.", "dctcp_alpha", sampler.HasDCTCP,
		func(s *sampler.Socket) float64 { return float64(s.DCTCP.Alpha) / 1024 }),
	row(SetFull, "dctcp_marked_bytes", "DCTCP: acknowledged bytes with a mark in this round.", "dctcp_ab_ecn", sampler.HasDCTCP,
		func(s *sampler.Socket) float64 { return float64(s.DCTCP.ABECN) }),
	row(SetFull, "dctcp_acked_bytes", "DCTCP: acknowledged bytes in this round.", "dctcp_ab_tot", sampler.HasDCTCP,
		func(s *sampler.Socket) float64 { return float64(s.DCTCP.ABTotal) }),
}

func memory(name, help string, value func(*sampler.SkMem) uint32) connectionFamily {
	return row(SetFull, name, help, "INET_DIAG_SKMEMINFO", sampler.HasSkMem,
		func(s *sampler.Socket) float64 { return float64(value(&s.SkMem)) })
}

// measured shows a time in µs that is zero until the first measurement.
func measured(name, help, source string, value func(*sampler.Socket) uint32) connectionFamily {
	f := gauge(SetFull, name, help, func(c *health.Connection) (float64, bool) {
		v := value(&c.Row)

		return float64(v) / micros, v > 0
	})
	f.source = source

	return f
}

func dropped() connectionFamily {
	return connectionFamily{
		name: "connection_dropped_packets_total", help: "Packets dropped by the socket.",
		kind: counter, set: SetFull, source: "SK_MEMINFO_DROPS",
		series: func(c *health.Connection, to *series) {
			if c.Row.Has(sampler.HasDrops) {
				to.add(float64(c.Row.SkMem.Drops))
			}
		},
	}
}
