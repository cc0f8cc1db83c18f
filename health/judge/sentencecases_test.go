package judge

import (
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// sentenceCase is evidence that raises a flag at a level, and that a kernel
// could give.
type sentenceCase struct {
	flag   Flag
	points int
	// variant distinguishes cases of one level.
	variant string
	set     func(e *Evidence)
}

// sentenceCases are all flags at all levels, in all their words. They begin
// with [calm].
var sentenceCases = []sentenceCase{
	{SynUnanswered, 3, "", func(e *Evidence) { connecting(e, 1) }},
	{SynUnanswered, 3, "again", func(e *Evidence) { connecting(e, 2) }},
	{SynUnanswered, 7, "", func(e *Evidence) { connecting(e, 5) }},

	{HalfOpenSuspect, 4, "", func(e *Evidence) { e.age, e.silence, e.timeouts, e.rto = 1.24, 1.31, 1, 0.44 }},
	{HalfOpenSuspect, 4, "no timeout yet", func(e *Evidence) { e.age, e.silence, e.rto = 1.05, 1.31, 1.2 }},
	{HalfOpenSuspect, 4, "a long path", func(e *Evidence) { e.srtt, e.age, e.silence, e.timeouts, e.rto = 0.62, 1.9, 2.4, 1, 1.8 }},
	{HalfOpenSuspect, 4, "a window probe", func(e *Evidence) {
		e.timer, e.unacked, e.probes, e.age, e.silence = sampler.TimerProbe, 0, 1, 1.1, 1.1
	}},
	{HalfOpenSuspect, 4, "keepalives", func(e *Evidence) { keptAlive(e, 2, 1.2) }},
	{HalfOpenConfirmed, 8, "", func(e *Evidence) { e.age, e.silence, e.timeouts, e.rto = 1.42, 3600, 2, 0.82 }},
	{HalfOpenConfirmed, 8, "writes without end", func(e *Evidence) { e.age, e.silence, e.missedTimeouts, e.rto = 1.06, 1.06, 2, 0.304 }},
	{HalfOpenConfirmed, 8, "minutes", func(e *Evidence) { e.age, e.silence, e.timeouts, e.rto = 812.4, 814, 13, 120 }},
	{HalfOpenConfirmed, 8, "window probes", func(e *Evidence) {
		e.timer, e.unacked, e.probes, e.age, e.silence = sampler.TimerProbe, 0, 3, 2.1, 2.1
	}},
	{HalfOpenConfirmed, 8, "keepalives", func(e *Evidence) { keptAlive(e, 3, 2.2) }},

	{StaleSuspectSend, 3, "", func(e *Evidence) { e.age, e.silence = 1.66, 0.012 }},
	{StaleConfirmedSend, 7, "", func(e *Evidence) { e.age, e.silence = 3.2, 0.16 }},
	{StaleSuspectRecv, 3, "a FIN", func(e *Evidence) { e.state, e.finOnly, e.age = sampler.StateFinWait1, true, 1.72 }},
	{StaleSuspectRecv, 3, "a keepalive", func(e *Evidence) { keptAlive(e, 1, 1.8) }},
	{StaleConfirmedRecv, 7, "a FIN", func(e *Evidence) {
		e.state, e.finOnly, e.age, e.timeouts = sampler.StateLastAck, true, 3.3, 3
	}},
	{StaleConfirmedRecv, 7, "keepalives", func(e *Evidence) { keptAlive(e, 4, 3.5) }},
	{KeepaliveUnanswered, 2, "", func(e *Evidence) { keptAlive(e, 1, 1.3) }},
	{KeepaliveUnanswered, 4, "", func(e *Evidence) { keptAlive(e, 2, 1.1) }},

	{MTUBlackholeSuspect, 7, "the peer's data", func(e *Evidence) { inHole(e, 3) }},
	{MTUBlackholeSuspect, 7, "the first full-size segments", func(e *Evidence) { inHole(e, 2); e.smallAcked, e.sentSize = true, 1448 }},
	{MTUBlackholeSuspect, 7, "smaller segments", func(e *Evidence) { inHole(e, 2); e.sacked = 2 }},

	{LossDetected, 1, "", func(e *Evidence) { retransmitted(e, 1) }},
	{LossDetected, 1, "more", func(e *Evidence) { retransmitted(e, 4) }},
	{LossHigh, 2, "", func(e *Evidence) { lossOf(e, 1000, 25) }},
	{LossHigh, 4, "", func(e *Evidence) { lossOf(e, 200, 20) }},
	{LossHigh, 6, "", func(e *Evidence) { lossOf(e, 200, 60) }},
	{RTOInflation, 1, "", func(e *Evidence) { e.rto = 0.88 }},
	{RTOInflation, 1, "back-off", func(e *Evidence) { e.rto, e.backoff = 120, 12 }},
	{RTOInflation, 1, "one back-off", func(e *Evidence) { e.rto, e.backoff = 0.4, 1 }},

	{RTTHigh, 1, "", func(e *Evidence) { e.srtt = 0.2344 }},
	{RTTHigh, 2, "", func(e *Evidence) { e.srtt = 0.9996 }},
	{RTTHigh, 3, "", func(e *Evidence) { e.srtt = 1.2345 }},
	{RTTDrift, 2, "", func(e *Evidence) { e.srtt, e.baseline = 0.064, 0.0204 }},
	{RTTDrift, 2, "a LAN", func(e *Evidence) { e.srtt, e.baseline = 0.0122, 0.000087 }},
	{JitterHigh, 1, "", func(e *Evidence) { e.rttvar = 0.0412 }},

	{CongestionSuspected, 1, "CWR", func(e *Evidence) { e.caState, e.cwnd = sampler.CACWR, 7 }},
	{CongestionSuspected, 1, "cwnd fell", func(e *Evidence) { retransmitted(e, 3); e.cwnd, e.window.CwndFell = 10, true }},
	{CongestionSuspected, 1, "CE marks", func(e *Evidence) {
		e.windowSpan, e.cwnd, e.window.CwndFell, e.window.DeliveredCE = 10, 1, true, 12
	}},
	{CongestionConfirmed, 2, "", func(e *Evidence) { e.caState, e.cwnd = sampler.CARecovery, 8 }},
	{CongestionConfirmed, 2, "timeouts", func(e *Evidence) { e.caState, e.cwnd = sampler.CALoss, 1 }},
	{CongestionRecovering, 0, "", func(e *Evidence) { retransmitted(e, 3); e.cwnd, e.window.CwndRose = 14, true }},
	{QueueGrowing, 1, "", func(e *Evidence) {
		backlog(e)
		e.queue.now, e.queue.rise = 48_000, 2_000
		e.queue.rate, e.ownRate = 60_000, 2.4e6
	}},
	{QueuePersistent, 3, "", func(e *Evidence) {
		backlog(e)
		e.queue.now, e.queue.minimum, e.queue.lasting = 500_000, 90_000, true
		e.queue.rate, e.ownRate = 60_000, 1.5e6
	}},
	{QueueAccelerating, 1, "", func(e *Evidence) {
		backlog(e)
		e.queue.now, e.queue.rise, e.queue.riseBefore = 48_000, 20_000, 2_000
		e.queue.rate, e.ownRate = 60_000, 2.4e6
	}},
	{QueueVolatile, 0, "", func(e *Evidence) { backlog(e); e.queue.mean, e.queue.stddev = 12_000, 8_123 }},

	{ZeroWindow, 1, "", func(e *Evidence) { e.zeroWindow, e.queue.now = true, 9_000 }},
	{ZeroWindow, 3, "", func(e *Evidence) { e.zeroWindow, e.zeroWindowFor, e.queue.now = true, 1.25, 9_000 }},
	{ZeroWindow, 5, "", func(e *Evidence) { e.zeroWindow, e.zeroWindowFor, e.queue.now = true, 4, 626_592 }},
	{ZeroWindow, 5, "an old kernel", func(e *Evidence) { e.zeroWindow, e.zeroWindowFor = true, 4 }},
	{RecvLimited, 2, "", func(e *Evidence) { e.window.ReceiverLimited = 0.634 }},
	{SndbufLimited, 1, "", func(e *Evidence) { e.window.SndbufLimited = 1 }},
	{RecvQueueStuck, 2, "", func(e *Evidence) { e.recvQueue, e.unreadFor = 255, 86_400 }},
	{RecvQueueStuck, 2, "a byte", func(e *Evidence) { e.recvQueue, e.unreadFor = 1, 1.25 }},
	{RecvQueueStuck, 3, "", func(e *Evidence) { e.recvQueue, e.unreadFor, e.bufferFull = 65_000, 20.5, true }},

	{Flapping, 0, "", func(e *Evidence) { e.entries = 4 }},
	{SendQueueHigh, 1, "", func(e *Evidence) { e.heldQueue = 1_500 }},
	{SendQueueHigh, 3, "", func(e *Evidence) { e.heldQueue = 2_048 }},
	{SendQueueHigh, 5, "", func(e *Evidence) { e.heldQueue = 12_000 }},
	{CwndExhausted, 1, "", func(e *Evidence) { e.cwnd, e.unacked, e.queue.now = 10, 6, 700 }},
	{CwndExhausted, 3, "", func(e *Evidence) { e.cwnd, e.unacked, e.queue.now = 10, 10, 3_000 }},
	{CloseWaitStuck, 2, "", func(e *Evidence) { e.state, e.closeWaitFor = sampler.StateCloseWait, 18_000 }},
}

// connecting has a SYN retransmitted so many times, the last time a second ago.
func connecting(e *Evidence, times uint8) {
	*e = Evidence{state: sampler.StateSynSent, unacked: 1, outstanding: true, timeouts: times, sinceTimeout: 1}
}

// retransmitted notes so many retransmissions in a window of ten seconds.
func retransmitted(e *Evidence, segments uint32) {
	e.windowSpan, e.window.Retrans, e.window.RetransAll = 10, segments, segments
}

// lossOf has some of the segments sent in ten seconds retransmitted.
func lossOf(e *Evidence, sent, again uint32) {
	e.windowSpan = 10
	e.window = window.Stats{
		DataSegsOut: sent, Retrans: again, RetransAll: again, RetransSamples: 4,
		BytesSent: uint64(sent) * 300, BytesRetrans: uint64(again) * 300, Busy: 5,
	}
	e.settled = e.window
}
