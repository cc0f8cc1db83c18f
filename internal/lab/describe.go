package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// Describe renders what verdicts depend on.
func Describe(s *sampler.Socket) string {
	info := &s.Info
	return fmt.Sprintf("%v timer %v/%d ms unacked %d rto %d retransmits %d backoff %d probes %d retrans %d"+
		" last_data_sent %d last_data_recv %d last_ack_recv %d rtt %d/%d cwnd %d ca %v notsent %d snd_wnd %d queues %d/%d",
		s.State, s.Timer, s.Expires, info.Unacked(), info.RTO(), info.Retransmits(), info.Backoff(), info.Probes(),
		info.TotalRetrans(), info.LastDataSent(), info.LastDataRecv(), info.LastAckRecv(), info.RTT(), info.RTTVar(),
		info.SndCwnd(), info.CAState(), info.NotsentBytes(), info.SndWnd(), s.RecvQueue, s.SendQueue)
}

// Timeline renders each change of what was said, with times since a moment.
func Timeline(sights []Sight, since time.Time) string {
	var b strings.Builder
	var last health.Connection
	for i, s := range sights {
		c := &s.Conn
		if i > 0 && c.Status == last.Status && c.Cause == last.Cause && c.Flags == last.Flags {
			continue
		}
		last = *c
		fmt.Fprintf(&b, "%8.3f s: %v because of %v, %v: %s\n", s.At.Sub(since).Seconds(), c.Status, c.Cause, slices.Collect(c.Flags.All()), Describe(&c.Row))
	}
	return b.String()
}
