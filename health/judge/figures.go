package judge

import (
	"math"

	"tcphealth_exporter/sampler"
)

// Attempts in vain that make sure that silence is no accident: time-outs, window
// probes, or keepalives but one. A keepalive is not repeated at once as a segment
// is, so a lone lost one says little. On a path that is known to lose much,
// two in a row are nothing special.
const (
	confirming      = 2
	confirmingLossy = 4
)

// excused tells whether losses explain that an answer is missing.
func (e *Evidence) excused(t *Thresholds) bool {
	return e.unanswered() < confirmingLossy && e.lossy(t)
}

// lossy tells whether the path loses so much that it is felt.
func (e *Evidence) lossy(t *Thresholds) bool {
	points, _ := level(lossShare, e, t, t.Steps[LossHigh])

	return points >= leastPointTable[Suspect]
}

func synRetransmissions(e *Evidence, _ *Thresholds) (float64, bool) {
	return float64(e.timeouts), e.state == sampler.StateSynSent
}

// unanswered counts what was tried again in vain.
func (e *Evidence) unanswered() int {
	if e.timer == sampler.TimerKeepalive {
		return int(e.probes) - 1
	}

	return int(max(e.timeouts, e.probes))
}

// silentSeconds is how long the peer has owed an answer and sent nothing at all.
func silentSeconds(e *Evidence, t *Thresholds) (float64, bool) {
	awaited := e.unacked > 0 && !e.answered || e.unacked == 0 && e.unanswered() >= 1

	return min(e.age, e.silence), e.synchronized && awaited && !e.excused(t)
}

func silentSecondsConfirmed(e *Evidence, t *Thresholds) (float64, bool) {
	silent, ok := silentSeconds(e, t)

	return silent, ok && e.unanswered() >= confirming
}

func unacknowledgedSeconds(e *Evidence, t *Thresholds) (float64, bool) {
	awaited := e.unacked > 0 && !e.ackAnswered && !e.finOnly && !e.zeroWindow
	// Where the size of segments is not told, data that arrives may mean an MTU hole.
	mayBeHole := e.sizeUntold && e.dataSilence < e.age

	return e.age, e.synchronized && awaited && !mayBeHole && !e.inMTUHole(t) && !e.excused(t)
}

// inMTUHole tells whether mtu_blackhole_suspect is raised.
func (e *Evidence) inMTUHole(t *Thresholds) bool {
	_, raised := level(fullSizeTimeouts, e, t, t.Steps[MTUBlackholeSuspect])

	return raised
}

// owedSeconds is how long the peer has owed an answer that its kernel gives
// without its application: the ACK of a FIN, the answer to a keepalive.
func owedSeconds(e *Evidence, t *Thresholds) (float64, bool) {
	if e.finOnly {
		return e.age, !e.excused(t)
	}

	return min(e.age, e.silence), e.synchronized && e.timer == sampler.TimerKeepalive && e.unanswered() >= 1
}

func owedSecondsConfirmed(e *Evidence, t *Thresholds) (float64, bool) {
	owed, ok := owedSeconds(e, t)

	return owed, ok && e.unanswered() >= confirming
}

// unansweredKeepalives counts the probes out; the first counts once its answer
// is overdue.
func unansweredKeepalives(e *Evidence, t *Thresholds) (float64, bool) {
	overdue := e.probes > 1 || min(e.age, e.silence) >= t.Patience.at(e.srtt)

	return float64(e.probes), e.timer == sampler.TimerKeepalive && e.probes > 0 && overdue
}

// fullSizeTimeouts counts time-outs of full-size segments while the path lets
// other things through: data of the peer, or smaller segments of ours, which
// prove it better and count one more.
func fullSizeTimeouts(e *Evidence, t *Thresholds) (float64, bool) {
	full := e.segment > 0 && e.segment >= t.FullSegment*e.mss
	smallerPass := e.smallerPass(t)
	arrives := e.dataSilence < e.age && e.dataSilence < t.Patience.at(e.srtt)

	figure := float64(e.timeouts)
	if smallerPass {
		figure++
	}

	return figure, e.synchronized && e.timeouts > 0 && full && (smallerPass || arrives) && !e.zeroWindow
}

// smallerPass tells whether smaller segments were SACKed. SACKs prove it if not
// all that is in flight has full size: a bulk sender may have been recovering
// when its path died.
func (e *Evidence) smallerPass(t *Thresholds) bool {
	shortBy := (e.mss - e.segment) * float64(e.unacked)

	return e.sacked > 0 && shortBy >= (1-t.FullSegment)*e.mss
}

func retransmissions(e *Evidence, _ *Thresholds) (float64, bool) {
	return float64(e.window.retrans), e.window.retrans > 0
}

// lossShare is the lower bound of the share of retransmitted data, over the
// window, its newer half and its recent part, the worst. What is sent into a
// closed window is not lost on the path, and what a full queue drops is
// congestion: the RTT tells. Nor does a path get worse because what went well
// is longer ago than what did not: without a new loss the share does not rise.
func lossShare(e *Evidence, t *Thresholds) (float64, bool) {
	worst, ok := e.worstLoss(t)
	if !ok || e.zeroWindow {
		return 0, false
	}

	if e.noNewLoss {
		worst = min(worst, e.lastLoss)
	}

	_, drifted := level(rttDrift, e, t, t.Steps[RTTDrift])

	return worst, !e.bulk() || !drifted
}

// bulk tells whether there is more to send than the path takes at once.
func (e *Evidence) bulk() bool { return e.queue.now > 0 }

// rtoInflation is the RTO over what srtt and rttvar make it. A back-off counts
// even while the kernel has clamped the RTO. An idle connection keeps its last
// RTO, which says nothing.
func rtoInflation(e *Evidence, _ *Thresholds) (float64, bool) {
	ratio := e.rto / e.expectedRTO
	if e.unacked > 0 {
		ratio = max(ratio, math.Ldexp(1, int(e.backoff)))
	}

	return ratio, e.srtt > 0 && e.timer != sampler.TimerProbe && (e.progress || e.unacked > 0)
}

func rttSeconds(e *Evidence, _ *Thresholds) (float64, bool) { return e.srtt, e.progress }

func rttDrift(e *Evidence, t *Thresholds) (float64, bool) {
	above := t.DriftAbove
	if e.unacked <= t.SparseSegments {
		above = t.DriftAboveSparse
	}

	return e.srtt / e.baseline, e.progress && e.baseline > 0 && e.srtt-e.baseline > above
}

func jitterRatio(e *Evidence, t *Thresholds) (float64, bool) {
	return e.rttvar / e.srtt, e.progress && e.srtt > 0 && e.rttvar > t.JitterAbove &&
		e.window.delivered >= t.JitterDelivered
}

func congestionSigns(e *Evidence, _ *Thresholds) (float64, bool) {
	signs := e.caState == sampler.CACWR ||
		e.window.cwndFell && (e.window.retrans > 0 || e.window.deliveredCE > 0)

	return 1, signs
}

func inRecovery(e *Evidence, _ *Thresholds) (float64, bool) {
	return 1, e.caState == sampler.CARecovery || e.caState == sampler.CALoss
}

func cwndRegained(e *Evidence, _ *Thresholds) (float64, bool) {
	return 1, e.window.cwndRose && e.caState == sampler.CAOpen &&
		(e.window.retrans > 0 || e.window.deliveredCE > 0)
}

// slowed tells whether data goes at a fraction of the connection's own recent
// rate though there is more to send and the peer would take it.
func (e *Evidence) slowed(t *Thresholds) bool {
	if e.queue.rate <= 0 || e.queue.rate >= t.RateFall*e.ownRate || e.zeroWindow {
		return false
	}

	_, limited := reached(e.window.receiverLimited, t.Steps[RecvLimited], e.srtt)

	return !limited
}

func growingDrain(e *Evidence, t *Thresholds) (float64, bool) {
	return e.queue.now / e.queue.rate, e.slowed(t) && e.queue.rise > 0
}

func persistentDrain(e *Evidence, t *Thresholds) (float64, bool) {
	return e.queue.least / e.queue.rate, e.slowed(t) && e.queue.lasting
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
	return e.window.receiverLimited, e.window.busy >= t.LimitedBusy
}

func sndbufLimitedShare(e *Evidence, t *Thresholds) (float64, bool) {
	return e.window.sndbufLimited, e.window.busy >= t.LimitedBusy
}

// unreadSeconds is for how long the application has read nothing. What an idle
// client never asks for, as the tickets that a TLS server sends on its own, may
// wait for ever: beyond the first level only what grows beyond that counts.
func unreadSeconds(e *Evidence, t *Thresholds) (float64, bool) {
	unread := e.unreadFor
	if steps := t.Steps[RecvQueueStuck]; !e.unreadGrows && len(steps) > 1 {
		unread = min(unread, max(steps[0].Threshold, math.Nextafter(steps[1].Threshold, 0)))
	}

	return unread, e.unreadFor > 0
}

func flaps(e *Evidence, _ *Thresholds) (float64, bool) { return float64(e.entries), e.entries > 0 }

func heldQueue(e *Evidence, _ *Thresholds) (float64, bool) { return e.heldQueue, e.heldQueue > 0 }

func cwndUse(e *Evidence, _ *Thresholds) (float64, bool) {
	return float64(e.unacked) / float64(e.cwnd), e.cwnd > 0 && e.bulk() && !e.zeroWindow
}
