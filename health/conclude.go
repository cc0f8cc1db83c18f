package health

import (
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// conclude returns why a connection that has vanished ended. A connection that its process
// closes stays visible in other states until all data is acknowledged.
func conclude(c *connection) EndReason {
	gaveUp := judge.FlagSet(judge.SynUnanswered, judge.HalfOpenConfirmed, judge.StaleConfirmedSend, judge.StaleConfirmedRecv,
		judge.KeepaliveUnanswered, judge.MTUBlackholeSuspect)

	switch {
	case c.judged.Verdict().Flags&gaveUp != 0:
		return EndTimedOut
	case c.state == sampler.StateSynSent: // refused, or opened and closed since the last sample
		return EndUnknown
	case c.state != sampler.StateEstablished && c.state != sampler.StateCloseWait:
		return EndClosed
	case c.unfinished:
		return EndReset
	default:
		return EndUnknown
	}
}
