package health

import (
	"fmt"

	"tcphealth_exporter/sampler"
)

// describe renders what verdicts depend on, for messages of failed tests.
func describe(s *sampler.Socket) string {
	info := &s.Info

	return fmt.Sprintf("%v timer %v/%d ms unacked %d rto %d retransmits %d backoff %d probes %d retrans %d"+
		" last_data_sent %d last_data_recv %d last_ack_recv %d rtt %d/%d notsent %d snd_wnd %d queues %d/%d",
		s.State, s.Timer, s.Expires, info.Unacked(), info.RTO(), info.Retransmits(), info.Backoff(), info.Probes(),
		info.TotalRetrans(), info.LastDataSent(), info.LastDataRecv(), info.LastAckRecv(), info.RTT(), info.RTTVar(),
		info.NotsentBytes(), info.SndWnd(), s.RecvQueue, s.SendQueue)
}

// causes tells whether a flag of the set points at c.
func (s Flags) causes(c Cause) bool {
	for f := range s.All() {
		if f.Cause() == c {
			return true
		}
	}

	return false
}
