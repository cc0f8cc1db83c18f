package diagtest

import (
	"fmt"

	"tcphealth_exporter/sampler"
)

// Describe renders the fields that verdicts depend on, for messages of failed tests.
func Describe(s *sampler.Socket) string {
	info := &s.Info

	return fmt.Sprintf("%v timer %v/%d ms unacked %d rto %d retransmits %d backoff %d probes %d retrans %d"+
		" last_data_sent %d last_data_recv %d last_ack_recv %d rtt %d/%d cwnd %d ca %v notsent %d snd_wnd %d queues %d/%d",
		s.State, s.Timer, s.Expires, info.Unacked(), info.RTO(), info.Retransmits(), info.Backoff(), info.Probes(),
		info.TotalRetrans(), info.LastDataSent(), info.LastDataRecv(), info.LastAckRecv(), info.RTT(), info.RTTVar(),
		info.SndCwnd(), info.CAState(), info.NotsentBytes(), info.SndWnd(), s.RecvQueue, s.SendQueue)
}
