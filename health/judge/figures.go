package judge

import (
	"math"

	"tcphealth_exporter/sampler"
)

// Unanswered attempts that confirm silence: timeouts, window probes, or keepalives
// less one. A keepalive is not repeated at once as a segment is, so a single lost one
// proves little. On a path with high loss, two in a row are common.
const (
	confirming      = 2
	confirmingLossy = 4
)

// excused reports whether losses explain a missing answer: that so many attempts in a
// row are lost is less likely than one in a hundred thousand otherwise.
func (e *Evidence) excused(t *Thresholds) bool {
	const likely, most = 1e-5, 8

	if e.firstFlight {
		return true
	}

	if !e.lossy(t) {
		return false
	}

	attempts := confirmingLossy
	if share, ok := e.settled.LossRatio(); ok && share > 0 {
		attempts = max(attempts, min(most, int(math.Ceil(math.Log(likely)/math.Log(min(share, 0.5))))))
	}

	return e.unanswered() < attempts
}

// lossy reports whether the loss by itself makes the connection SUSPECT.
func (e *Evidence) lossy(t *Thresholds) bool {
	points, _ := level(lostShare, e, t, t.Steps[LossHigh])

	return points >= minPointTable[Suspect]
}

// synRetransmissions counts the retransmissions of a SYN. The first one counts once it has
// had the time to be answered: a lossy path loses a SYN now and then.
func synRetransmissions(e *Evidence, _ *Thresholds) (float64, bool) {
	const answer = 0.7 // seconds

	return float64(e.timeouts), e.state == sampler.StateSynSent && (e.timeouts > 1 || e.sinceTimeout >= answer)
}

// unanswered counts the retries without an answer.
func (e *Evidence) unanswered() int {
	if e.timer == sampler.TimerKeepalive {
		return int(e.probes) - 1
	}

	n := int(max(e.timeouts, e.probes))
	if e.unacked > 0 {
		n = max(n, e.missedTimeouts)
	}

	return n
}

// silentSeconds is for how long an answer is missing and nothing at all arrived.
func silentSeconds(e *Evidence, t *Thresholds) (float64, bool) {
	awaited := e.unacked > 0 && !e.answered || e.unacked == 0 && e.unanswered() >= 1

	return min(e.age, e.silence), e.synchronized && awaited && !e.excused(t)
}

func silentSecondsConfirmed(e *Evidence, t *Thresholds) (float64, bool) {
	silent, ok := silentSeconds(e, t)
	// The answer to the second attempt takes a round trip.
	early := e.timer == sampler.TimerRetransmit && int(e.timeouts) == confirming &&
		e.missedTimeouts < confirming && e.probes < confirming &&
		e.sinceTimeout < e.srtt+4*e.rttvar

	return silent, ok && e.unanswered() >= confirming && !early
}

func unacknowledgedSeconds(e *Evidence, t *Thresholds) (float64, bool) {
	awaited := e.unacked > 0 && !e.ackAnswered && !e.finOnly && !e.zeroWindow
	// Where the size of segments is unknown, arriving data may indicate an MTU black hole.
	mayBeHole := e.sizeUnknown && e.dataSilence < e.age

	return e.age, e.synchronized && awaited && !mayBeHole && !e.inMTUHole(t) && !e.excused(t)
}

// inMTUHole reports whether mtu_blackhole_suspect is active.
func (e *Evidence) inMTUHole(t *Thresholds) bool {
	_, active := level(fullSizeTimeouts, e, t, t.Steps[MTUBlackholeSuspect])

	return active
}

// overdueAnswerSeconds is for how long an answer is missing that the peer's kernel
// sends without its application: the ACK of a FIN, the answer to a keepalive.
func overdueAnswerSeconds(e *Evidence, t *Thresholds) (float64, bool) {
	if e.finOnly {
		return e.age, !e.excused(t)
	}

	return min(e.age, e.silence), e.synchronized && e.timer == sampler.TimerKeepalive && e.probes > 0
}

func overdueAnswerSecondsConfirmed(e *Evidence, t *Thresholds) (float64, bool) {
	owed, ok := overdueAnswerSeconds(e, t)

	return owed, ok && e.unanswered() >= confirming
}

// unansweredKeepalives counts the unanswered probes; the first one counts once its
// answer is overdue.
func unansweredKeepalives(e *Evidence, t *Thresholds) (float64, bool) {
	overdue := e.probes > 1 || min(e.age, e.silence) >= t.Patience.at(e.srtt)

	return float64(e.probes), e.timer == sampler.TimerKeepalive && e.probes > 0 && overdue
}

// fullSizeTimeouts counts timeouts of full-size segments while the path delivers
// other packets: data from the peer, or smaller local segments, which are the better
// proof and count as one more.
func fullSizeTimeouts(e *Evidence, t *Thresholds) (float64, bool) {
	full := e.segment > 0 && e.segment >= t.FullSegment*e.mss
	smallerPass := e.smallerPass(t)
	arrives := e.dataSilence < e.age && e.dataSilence < t.Patience.at(e.srtt)

	figure := float64(e.timeouts)
	if smallerPass {
		figure++
	}

	excused := (e.fullAcked || e.firstFlight) && e.excused(t)

	return figure, e.synchronized && e.timeouts > 0 && full && (smallerPass || arrives) && !e.zeroWindow && !excused
}

// smallerPass reports whether smaller segments were acknowledged while no full-size one
// ever was, or were SACKed. SACKs prove it only if some segments in flight are not
// full-size: a bulk sender may have been recovering when its path died.
func (e *Evidence) smallerPass(t *Thresholds) bool {
	shortBy := e.mss*float64(e.unacked) - e.inFlight

	return e.smallAcked && e.sentSize >= e.mss/2 || e.sacked > 0 && shortBy >= (1-t.FullSegment)*e.mss
}

func retransmissions(e *Evidence, _ *Thresholds) (float64, bool) {
	return float64(e.window.Retrans), e.window.Retrans > 0
}

// bulk reports whether more data waits than the path takes at once, or did at the
// previous sample: the queue is empty for a moment while a large part of it is in flight.
func (e *Evidence) bulk() bool { return e.queue.now > 0 || e.hadQueue }

// rtoInflation is the RTO divided by the RTO expected from srtt and rttvar. A
// back-off counts even while the kernel has clamped the RTO. An idle connection keeps
// its last RTO, which means nothing.
func rtoInflation(e *Evidence, _ *Thresholds) (float64, bool) {
	ratio := e.rto / e.expectedRTO
	if e.unacked > 0 {
		ratio = max(ratio, math.Ldexp(1, int(e.backoff)))
	}

	return ratio, e.srtt > 0 && e.timer != sampler.TimerProbe && (e.progress || e.unacked > 0)
}

// rttSeconds is the smoothed RTT. A sender that fills the path waits in its own queue,
// which doubles the RTT if it holds what the path holds.
func rttSeconds(e *Evidence, _ *Thresholds) (float64, bool) {
	rtt := e.srtt
	if e.bulk() {
		rtt = max(rtt/2, e.baseline)
	}

	return rtt, e.progress && !e.handshakeRTT
}

func rttDrift(e *Evidence, t *Thresholds) (float64, bool) {
	above := t.DriftAbove
	if e.unacked <= t.SparseSegments {
		above = t.DriftAboveSparse
	}

	return e.srtt / e.baseline, e.progress && !e.handshakeRTT && e.baseline > 0 && e.srtt-e.baseline > above
}

func jitterRatio(e *Evidence, t *Thresholds) (float64, bool) {
	return e.rttvar / e.srtt, e.progress && e.srtt > 0 && e.rttvar > t.JitterAbove &&
		e.window.Delivered >= t.JitterDelivered
}

func congestionSigns(e *Evidence, _ *Thresholds) (float64, bool) {
	signs := e.caState == sampler.CACWR ||
		e.window.CwndFell && (e.window.Retrans > 0 || e.window.DeliveredCE > 0)

	return 1, signs
}

func inRecovery(e *Evidence, _ *Thresholds) (float64, bool) {
	return 1, e.caState == sampler.CARecovery || e.caState == sampler.CALoss
}

func cwndRegained(e *Evidence, _ *Thresholds) (float64, bool) {
	return 1, e.window.CwndRose && e.caState == sampler.CAOpen &&
		(e.window.Retrans > 0 || e.window.DeliveredCE > 0)
}

// slowed reports whether data is delivered at a fraction of the connection's own
// recent rate although more waits to be sent and the peer's window is open.
func (e *Evidence) slowed(t *Thresholds) bool {
	if e.queue.rate <= 0 || e.queue.rate >= t.RateFall*e.ownRate || e.zeroWindow {
		return false
	}

	_, limited := reached(e.window.ReceiverLimited, t.Steps[RecvLimited], e.srtt)

	return !limited
}

func growingDrain(e *Evidence, t *Thresholds) (float64, bool) {
	return e.queue.now / e.queue.rate, e.slowed(t) && e.queue.rise > 0
}

func persistentDrain(e *Evidence, t *Thresholds) (float64, bool) {
	return e.queue.minimum / e.queue.rate, e.slowed(t) && e.queue.lasting
}

func acceleratingDrain(e *Evidence, t *Thresholds) (float64, bool) {
	return e.queue.now / e.queue.rate, e.slowed(t) && e.queue.riseBefore > 0 && e.queue.rise > e.queue.riseBefore
}

func queueVolatility(e *Evidence, t *Thresholds) (float64, bool) {
	return e.queue.stddev / e.queue.mean, e.slowed(t) && e.queue.mean > 0
}

func zeroWindowSeconds(e *Evidence, _ *Thresholds) (float64, bool) {
	return e.zeroWindowFor, e.zeroWindow
}

func receiverLimitedShare(e *Evidence, t *Thresholds) (float64, bool) {
	return e.window.ReceiverLimited, e.window.Busy >= t.LimitedBusy
}

func sndbufLimitedShare(e *Evidence, t *Thresholds) (float64, bool) {
	return e.window.SndbufLimited, e.window.Busy >= t.LimitedBusy
}

// unreadSeconds is for how long the application has read nothing. It may wait for the
// rest of a large message, and data that an idle client never asks for, such as the
// session tickets of a TLS server, may stay unread for ever: levels above the first
// count only if the buffer is so full that nothing more arrives. An application that limits
// its rate pauses for the longer the larger the buffer is, and pauses get longer while the
// kernel enlarges it: levels above the first need a pause of twice the usual one.
func unreadSeconds(e *Evidence, t *Thresholds) (float64, bool) {
	unread := e.unreadFor
	usual := !e.bufferFull || unread < 2*e.usualPause

	if usual {
		unread = t.firstLevel(RecvQueueStuck, unread)
	}

	return unread, e.unreadFor > 0
}

func flaps(e *Evidence, _ *Thresholds) (float64, bool) { return float64(e.entries), e.entries > 0 }

func heldQueue(e *Evidence, _ *Thresholds) (float64, bool) { return e.heldQueue, e.heldQueue > 0 }

func cwndUse(e *Evidence, _ *Thresholds) (float64, bool) {
	return float64(e.unacked) / float64(e.cwnd), e.cwnd > 0 && e.bulk() && !e.zeroWindow
}
