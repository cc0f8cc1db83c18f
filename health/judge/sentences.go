package judge

import (
	"fmt"
	"math"

	"tcphealth_exporter/sampler"
)

func saySyn(e *Evidence, _, threshold string) string {
	return fmt.Sprintf("SYN unanswered after %s (threshold %s)", plural(float64(e.timeouts), "retransmission"), threshold)
}

func saySilent(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("nothing received and nothing acknowledged for %s (threshold %s), %s", figure, threshold, e.attempts())
}

// attempts describes what was retried without an answer.
func (e *Evidence) attempts() string {
	switch {
	case e.timer == sampler.TimerKeepalive:
		return plural(float64(e.probes), "keepalive") + " unanswered"
	case e.probes > 0:
		return plural(float64(e.probes), "window probe") + " unanswered"
	case e.timeouts == 0 && e.missedTimeouts >= confirming:
		return "each write restarts the timer, RTO " + seconds(e.rto)
	case e.timeouts == 0:
		return "before the first timeout, RTO " + seconds(e.rto)
	default:
		return plural(float64(e.timeouts), "timeout") + " unanswered, RTO " + seconds(e.rto)
	}
}

func sayUnacknowledged(e *Evidence, figure, threshold string) string {
	if e.reduced {
		return fmt.Sprintf("sent data unacknowledged for at least %s (threshold %s), %s", figure, threshold, plural(float64(e.timeouts), "timeout"))
	}

	return fmt.Sprintf("sent data unacknowledged for %s (threshold %s), last received from the peer %s ago", figure, threshold, seconds(e.silence))
}

func sayOverdueAnswer(e *Evidence, figure, threshold string) string {
	if e.finOnly {
		return fmt.Sprintf("FIN unacknowledged for %s (threshold %s)", figure, threshold)
	}

	return fmt.Sprintf("%s unanswered for %s (threshold %s)", plural(float64(e.probes), "keepalive"), figure, threshold)
}

func sayKeepalives(e *Evidence, _, threshold string) string {
	return fmt.Sprintf("%s unanswered (threshold %s), last received from the peer %s ago",
		plural(float64(e.probes), "keepalive"), threshold, seconds(e.silence))
}

func sayMTU(e *Evidence, _, threshold string) string {
	passes := "data from the peer arrives"
	if e.sacked > 0 || e.smallAcked {
		passes = "smaller segments are acknowledged, which counts as one more"
	}

	return fmt.Sprintf("%s in a row for segments of %s on average at an MSS of %s, while %s (threshold %s)",
		plural(float64(e.timeouts), "timeout"), bytes(e.segment), bytes(e.mss), passes, threshold)
}

func sayRetransmissions(e *Evidence, _, threshold string) string {
	return fmt.Sprintf("%s that no DSACK explains in the last %s (threshold %s)",
		plural(float64(e.window.Retrans), "retransmission"), seconds(e.windowSpan), threshold)
}

func sayLoss(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("at least %s of the recently sent data was retransmitted (threshold %s), %s in the last %s",
		figure, threshold, plural(float64(e.window.Retrans), "segment"), seconds(e.windowSpan))
}

func sayRTO(e *Evidence, figure, threshold string) string {
	if e.unacked > 0 && math.Exp2(float64(e.backoff)) > e.rto/e.expectedRTO {
		return fmt.Sprintf("RTO of %s after %s, %s times the expected one (threshold %s times)",
			seconds(e.rto), plural(float64(e.backoff), "back-off"), figure, threshold)
	}

	return fmt.Sprintf("RTO of %s is %s times the expected %s (threshold %s times)", seconds(e.rto), figure, seconds(e.expectedRTO), threshold)
}

func sayRTT(_ *Evidence, figure, threshold string) string {
	return fmt.Sprintf("smoothed RTT of %s (threshold %s)", figure, threshold)
}

func sayDrift(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("smoothed RTT of %s is %s times the connection's own minimum of %s (threshold %s times)",
		seconds(e.srtt), figure, seconds(e.baseline), threshold)
}

func sayJitter(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("RTT deviation of %s is %s times the smoothed RTT of %s (threshold %s times)",
		seconds(e.rttvar), figure, seconds(e.srtt), threshold)
}

func sayCongestion(e *Evidence, _, _ string) string {
	if e.caState == sampler.CACWR {
		return fmt.Sprintf("cwnd is being reduced, currently %s", plural(float64(e.cwnd), "segment"))
	}

	return fmt.Sprintf("cwnd fell to %s, with %s and %s in the last %s", plural(float64(e.cwnd), "segment"),
		plural(float64(e.window.Retrans), "retransmission"), plural(float64(e.window.DeliveredCE), "CE mark"), seconds(e.windowSpan))
}

func sayRecovery(e *Evidence, _, _ string) string {
	return fmt.Sprintf("recovering from loss (%v), cwnd %s", e.caState, plural(float64(e.cwnd), "segment"))
}

func sayRegained(e *Evidence, _, _ string) string {
	return fmt.Sprintf("cwnd grows again after loss or CE marks, currently %s", plural(float64(e.cwnd), "segment"))
}

func sayGrowing(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("%s unsent and growing, %s to drain at the current rate (threshold %s), %s", bytes(e.queue.now), figure, threshold, e.slowness())
}

func sayPersistent(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("never less than %s unsent for seconds, %s to drain at the current rate (threshold %s), %s", bytes(e.queue.minimum), figure, threshold, e.slowness())
}

func sayAccelerating(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("%s unsent and growing at an accelerating rate, %s to drain at the current rate (threshold %s), %s",
		bytes(e.queue.now), figure, threshold, e.slowness())
}

// slowness compares the delivery rate with the recent one.
func (e *Evidence) slowness() string {
	return fmt.Sprintf("which is %s of the connection's own recent rate", percent(e.queue.rate/e.ownRate))
}

func sayVolatile(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("standard deviation of the unsent data is %s times its mean of %s (threshold %s times)", figure, bytes(e.queue.mean), threshold)
}

func sayZeroWindow(e *Evidence, figure, threshold string) string {
	if e.queue.now == 0 { // not provided by the kernel
		return fmt.Sprintf("peer's receive window closed for %s (threshold %s)", figure, threshold)
	}

	return fmt.Sprintf("peer's receive window closed for %s (threshold %s), %s unsent", figure, threshold, bytes(e.queue.now))
}

func sayReceiverLimited(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("peer's receive window limited sending for %s of the busy time (threshold %s), which was %s in the window",
		figure, threshold, seconds(e.window.Busy))
}

func saySndbufLimited(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("send buffer was too small for %s of the busy time (threshold %s), which was %s in the window",
		figure, threshold, seconds(e.window.Busy))
}

func sayUnread(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("local application has read nothing for at least %s (threshold %s), %s unread", figure, threshold, bytes(e.recvQueue))
}

func sayCloseWait(_ *Evidence, figure, threshold string) string {
	return fmt.Sprintf("closed by the peer for %s (threshold %s), but not by the local application", figure, threshold)
}

func sayFlaps(_ *Evidence, figure, threshold string) string {
	return fmt.Sprintf("status became SUSPECT or worse at least %s times recently (threshold %s times), the worst status is held", figure, threshold)
}

func sayHeldQueue(_ *Evidence, figure, threshold string) string {
	return fmt.Sprintf("%s queued without progress (threshold %s)", figure, threshold)
}

func sayCwnd(e *Evidence, figure, threshold string) string {
	return fmt.Sprintf("%s of cwnd in flight (threshold %s), %s unsent", figure, threshold, bytes(e.queue.now))
}
