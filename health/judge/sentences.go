package judge

import (
	"fmt"
	"math"

	"tcphealth_exporter/sampler"
)

func saySyn(e *Evidence, _, limit string) string {
	return fmt.Sprintf("SYN unanswered after %s (limit %s)", plural(float64(e.timeouts), "retransmission"), limit)
}

func saySilent(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("nothing heard and nothing acknowledged for %s (limit %s), %s", figure, limit, e.attempts())
}

// attempts says what was tried again in vain.
func (e *Evidence) attempts() string {
	switch {
	case e.timer == sampler.TimerKeepalive:
		return plural(float64(e.probes), "keepalive") + " unanswered"
	case e.probes > 0:
		return plural(float64(e.probes), "window probe") + " unanswered"
	case e.timeouts == 0:
		return "before the first time-out, RTO " + seconds(e.rto)
	default:
		return plural(float64(e.timeouts), "time-out") + " unanswered, RTO " + seconds(e.rto)
	}
}

func sayUnacknowledged(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("sent data unacknowledged for %s (limit %s), last heard from the peer %s ago", figure, limit, seconds(e.silence))
}

func sayOwed(e *Evidence, figure, limit string) string {
	if e.finOnly {
		return fmt.Sprintf("FIN unacknowledged for %s (limit %s)", figure, limit)
	}

	return fmt.Sprintf("%s unanswered for %s (limit %s)", plural(float64(e.probes), "keepalive"), figure, limit)
}

func sayKeepalives(e *Evidence, _, limit string) string {
	return fmt.Sprintf("%s unanswered (limit %s), last heard from the peer %s ago",
		plural(float64(e.probes), "keepalive"), limit, seconds(e.silence))
}

func sayMTU(e *Evidence, _, limit string) string {
	passes := "the peer's data arrives"
	if e.sacked > 0 {
		passes = "smaller ones are acknowledged, which counts as one more"
	}

	return fmt.Sprintf("%s in a row of segments of %s on average, with an MSS of %s, while %s (limit %s)",
		plural(float64(e.timeouts), "time-out"), bytes(e.segment), bytes(e.mss), passes, limit)
}

func sayRetransmissions(e *Evidence, _, limit string) string {
	return fmt.Sprintf("%s that no DSACK explains in the last %s (limit %s)",
		plural(float64(e.window.retrans), "retransmission"), seconds(e.windowSpan), limit)
}

func sayLoss(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("at least %s of what was sent lately had to be sent again (limit %s), %s in the last %s",
		figure, limit, plural(float64(e.window.retrans), "segment"), seconds(e.windowSpan))
}

func sayRTO(e *Evidence, figure, limit string) string {
	if e.unacked > 0 && math.Exp2(float64(e.backoff)) > e.rto/e.expectedRTO {
		return fmt.Sprintf("RTO of %s after %s, a factor of %s (limit %s)",
			seconds(e.rto), plural(float64(e.backoff), "back-off"), figure, limit)
	}

	return fmt.Sprintf("RTO of %s is %s times the expected %s (limit %s times)", seconds(e.rto), figure, seconds(e.expectedRTO), limit)
}

func sayRTT(_ *Evidence, figure, limit string) string {
	return fmt.Sprintf("smoothed RTT of %s (limit %s)", figure, limit)
}

func sayDrift(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("smoothed RTT of %s is %s times the connection's own least of %s (limit %s times)",
		seconds(e.srtt), figure, seconds(e.baseline), limit)
}

func sayJitter(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("RTT deviation of %s is %s times the smoothed RTT of %s (limit %s times)",
		seconds(e.rttvar), figure, seconds(e.srtt), limit)
}

func sayCongestion(e *Evidence, _, _ string) string {
	if e.caState == sampler.CACWR {
		return fmt.Sprintf("cwnd is being reduced, %s now", plural(float64(e.cwnd), "segment"))
	}

	return fmt.Sprintf("cwnd fell to %s, with %s and %s in the last %s", plural(float64(e.cwnd), "segment"),
		plural(float64(e.window.retrans), "retransmission"), plural(float64(e.window.deliveredCE), "CE mark"), seconds(e.windowSpan))
}

func sayRecovery(e *Evidence, _, _ string) string {
	return fmt.Sprintf("recovering from losses (%v), cwnd %s", e.caState, plural(float64(e.cwnd), "segment"))
}

func sayRegained(e *Evidence, _, _ string) string {
	return fmt.Sprintf("cwnd grows again after losses or CE marks, %s now", plural(float64(e.cwnd), "segment"))
}

func sayGrowing(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("%s unsent and growing, %s at the present rate (limit %s), %s", bytes(e.queue.now), figure, limit, e.slowness())
}

func sayPersistent(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("never less than %s unsent of late, %s at the present rate (limit %s), %s", bytes(e.queue.least), figure, limit, e.slowness())
}

func sayAccelerating(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("%s unsent and growing faster and faster, %s at the present rate (limit %s), %s",
		bytes(e.queue.now), figure, limit, e.slowness())
}

// slowness says how the rate compares with what the connection had.
func (e *Evidence) slowness() string {
	return fmt.Sprintf("which is %s of the connection's own recent one", percent(e.queue.rate/e.ownRate))
}

func sayVolatile(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("unsent data deviates by %s times its mean of %s (limit %s times)", figure, bytes(e.queue.mean), limit)
}

func sayZeroWindow(e *Evidence, figure, limit string) string {
	if e.queue.now == 0 { // not told by the kernel
		return fmt.Sprintf("peer's receive window closed for %s (limit %s)", figure, limit)
	}

	return fmt.Sprintf("peer's receive window closed for %s (limit %s), %s unsent", figure, limit, bytes(e.queue.now))
}

func sayReceiverLimited(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("peer's receive window held up sending for %s of the busy time (limit %s), %s in the window",
		figure, limit, seconds(e.window.busy))
}

func saySndbufLimited(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("too small a send buffer held up sending for %s of the busy time (limit %s), %s in the window",
		figure, limit, seconds(e.window.busy))
}

func sayUnread(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("local application has read nothing for %s or more (limit %s), %s waiting", figure, limit, bytes(e.recvQueue))
}

func sayFlaps(_ *Evidence, figure, limit string) string {
	return fmt.Sprintf("became SUSPECT or worse at least %s times in short order (limit %s times); the worst status is held", figure, limit)
}

func sayHeldQueue(_ *Evidence, figure, limit string) string {
	return fmt.Sprintf("%s queued without progress (limit %s)", figure, limit)
}

func sayCwnd(e *Evidence, figure, limit string) string {
	return fmt.Sprintf("%s of cwnd in flight (limit %s), %s unsent", figure, limit, bytes(e.queue.now))
}
