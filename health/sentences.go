package health

import (
	"fmt"

	"tcphealth_exporter/sampler"
)

func saySyn(_ *evidence, figure, limit string) string {
	return fmt.Sprintf("SYN retransmitted %s times without an answer (limit %s)", figure, limit)
}

func saySilent(e *evidence, figure, limit string) string {
	return fmt.Sprintf("nothing heard and nothing acknowledged for %s (limit %s), %s", figure, limit, e.attempts())
}

// attempts says what was tried again in vain.
func (e *evidence) attempts() string {
	switch {
	case e.timer == sampler.TimerKeepalive:
		return plural(float64(e.probes), "keepalive") + " unanswered"
	case e.probes > 0:
		return plural(float64(e.probes), "window probe") + " unanswered"
	default:
		return plural(float64(e.timeouts), "time-out") + " unanswered, RTO " + seconds(e.rto)
	}
}

func sayUnacknowledged(e *evidence, figure, limit string) string {
	return fmt.Sprintf("sent data unacknowledged for %s (limit %s), last heard of the peer %s ago", figure, limit, seconds(e.silence))
}

func sayOwed(e *evidence, figure, limit string) string {
	if e.finOnly {
		return fmt.Sprintf("FIN unacknowledged for %s (limit %s)", figure, limit)
	}

	return fmt.Sprintf("%s unanswered for %s (limit %s)", plural(float64(e.probes), "keepalive"), figure, limit)
}

func sayKeepalives(e *evidence, figure, limit string) string {
	return fmt.Sprintf("%s keepalives unanswered (limit %s), last heard of the peer %s ago", figure, limit, seconds(e.silence))
}

func sayMTU(e *evidence, _, _ string) string {
	passes := "the peer's data arrives"
	if e.sacked > 0 {
		passes = "smaller segments are acknowledged"
	}

	return fmt.Sprintf("%s of segments of %s (MSS %s) in a row while %s",
		plural(float64(e.timeouts), "time-out"), bytes(e.segment), bytes(e.mss), passes)
}

func sayRetransmissions(e *evidence, figure, limit string) string {
	return fmt.Sprintf("%s segments retransmitted in the last %s (limit %s)", figure, seconds(e.windowSpan), limit)
}

func sayLoss(e *evidence, figure, limit string) string {
	return fmt.Sprintf("at least %s of the sent data retransmitted (limit %s), %s in the last %s",
		figure, limit, plural(float64(e.window.retrans), "segment"), seconds(e.windowSpan))
}

func sayRTO(e *evidence, figure, limit string) string {
	return fmt.Sprintf("RTO of %s is %s times the expected %s or backed off so often (limit %s times), back-off %d",
		seconds(e.rto), figure, seconds(e.expectedRTO), limit, e.backoff)
}

func sayRTT(_ *evidence, figure, limit string) string {
	return fmt.Sprintf("smoothed RTT of %s (limit %s)", figure, limit)
}

func sayDrift(e *evidence, figure, limit string) string {
	return fmt.Sprintf("smoothed RTT of %s is %s times the connection's own least of %s (limit %s times)",
		seconds(e.srtt), figure, seconds(e.baseline), limit)
}

func sayJitter(e *evidence, figure, limit string) string {
	return fmt.Sprintf("RTT deviation of %s is %s times the smoothed RTT of %s (limit %s times)",
		seconds(e.rttvar), figure, seconds(e.srtt), limit)
}

func sayCongestion(e *evidence, _, _ string) string {
	if e.caState == sampler.CACWR {
		return fmt.Sprintf("cwnd is being reduced, %s now", plural(float64(e.cwnd), "segment"))
	}

	return fmt.Sprintf("cwnd fell to %s after %s and %s", plural(float64(e.cwnd), "segment"),
		plural(float64(e.window.retrans), "retransmission"), plural(float64(e.window.deliveredCE), "CE mark"))
}

func sayRecovery(e *evidence, _, _ string) string {
	return fmt.Sprintf("recovering from losses (%v), cwnd %s", e.caState, plural(float64(e.cwnd), "segment"))
}

func sayRegained(e *evidence, _, _ string) string {
	return fmt.Sprintf("cwnd grows again after losses or CE marks, %s now", plural(float64(e.cwnd), "segment"))
}

func sayQueue(e *evidence, figure, limit string) string {
	return fmt.Sprintf("%s unsent, which takes %s at the present rate (limit %s), %s of the connection's own recent rate",
		bytes(e.queue.now), figure, limit, percent(e.queue.rate/e.ownRate))
}

func sayVolatile(e *evidence, figure, limit string) string {
	return fmt.Sprintf("unsent data varies by %s times its mean of %s (limit %s times)", figure, bytes(e.queue.mean), limit)
}

func sayZeroWindow(e *evidence, figure, limit string) string {
	return fmt.Sprintf("peer's receive window closed for %s (limit %s), %s unsent", figure, limit, bytes(e.queue.now))
}

func sayReceiverLimited(e *evidence, figure, limit string) string {
	return fmt.Sprintf("peer's receive window held up sending for %s of the busy time (limit %s), %s in the window",
		figure, limit, seconds(e.window.busy))
}

func saySndbufLimited(e *evidence, figure, limit string) string {
	return fmt.Sprintf("too small a send buffer held up sending for %s of the busy time (limit %s), %s in the window",
		figure, limit, seconds(e.window.busy))
}

func sayUnread(e *evidence, figure, limit string) string {
	return fmt.Sprintf("local application has read nothing for %s or more (limit %s), %s waiting", figure, limit, bytes(e.recvQueue))
}

func sayFlaps(_ *evidence, figure, limit string) string {
	return fmt.Sprintf("became SUSPECT or worse %s times in short order (limit %s times); the worst status is held", figure, limit)
}

func sayHeldQueue(_ *evidence, figure, limit string) string {
	return fmt.Sprintf("%s queued without progress (limit %s)", figure, limit)
}

func sayCwnd(e *evidence, figure, limit string) string {
	return fmt.Sprintf("%s of cwnd in flight (limit %s), %s unsent", figure, limit, bytes(e.queue.now))
}
