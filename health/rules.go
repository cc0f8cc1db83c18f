package health

import (
	"math"

	"tcphealth_exporter/sampler"
)

// rule is one row of the rule table.
type rule struct {
	name  string
	cause Cause
	// weak flags, alone or together, don't lift a connection above CAUTION.
	weak bool
	// replaces names the flags that this one takes the place of.
	replaces Flags
	// figure returns what is compared with the limits, and whether the
	// condition's premises hold. A figure the kernel did not give raises nothing.
	figure func(e *evidence, l *Limits) (float64, bool)
	// steps are the default levels, mildest first.
	steps []Step
}

// ruleTable is the single truth about flags: condition, cause, limits, points.
var ruleTable = [NumFlags]rule{
	SynUnanswered: {
		name: "syn_unanswered", cause: CauseHandshake, figure: synRetransmissions,
		steps: []Step{{Limit: 1, Points: 3}, {Limit: 3, Points: 7}},
	},
	HalfOpenSuspect: {
		name: "half_open_suspect", cause: CausePathDead, figure: silentSeconds,
		steps: []Step{{Limit: 1, RTTs: 3, Points: 4}},
	},
	HalfOpenConfirmed: {
		name: "half_open_confirmed", cause: CausePathDead, figure: silentSecondsConfirmed,
		replaces: flagSet(HalfOpenSuspect),
		steps:    []Step{{Limit: 1, RTTs: 3, Points: 8}},
	},
	StaleSuspectSend: {
		name: "stale_suspect_send", cause: CausePathDead, figure: unacknowledgedSeconds,
		steps: []Step{{Limit: 1.5, RTTs: 3, Points: 3}},
	},
	StaleConfirmedSend: {
		name: "stale_confirmed_send", cause: CausePathDead, figure: unacknowledgedSeconds,
		replaces: flagSet(StaleSuspectSend),
		steps:    []Step{{Limit: 3, RTTs: 6, Points: 7}},
	},
	KeepaliveUnanswered: {
		name: "keepalive_unanswered", cause: CausePathDead, figure: unansweredKeepalives,
		steps: []Step{{Limit: 2, Points: 4}},
	},
	LossDetected: {
		name: "loss_detected", cause: CausePacketLoss, weak: true, figure: retransmissions,
		steps: []Step{{Limit: 1, Points: 1}},
	},
	LossHigh: {
		name: "loss_high", cause: CausePacketLoss, figure: lossRatio,
		steps: []Step{{Limit: 0.01, Points: 2}, {Limit: 0.05, Points: 4}, {Limit: 0.20, Points: 6}},
	},
	RTOInflation: {
		name: "rto_inflation", cause: CausePacketLoss, weak: true, figure: rtoInflation,
		steps: []Step{{Limit: 2, Points: 1}},
	},
	RTTHigh: {
		name: "rtt_high", cause: CausePathDelay, figure: rttSeconds,
		steps: []Step{{Limit: 0.2, Points: 1}, {Limit: 0.5, Points: 2}, {Limit: 1, Points: 3}},
	},
	RTTDrift: {
		name: "rtt_drift", cause: CausePathDelay, figure: rttDrift,
		steps: []Step{{Limit: 3, Points: 2}},
	},
	JitterHigh: {
		name: "jitter_high", cause: CausePathDelay, weak: true, figure: jitterRatio,
		steps: []Step{{Limit: 0.35, Points: 1}},
	},
	CongestionSuspected: {
		name: "congestion_suspected", cause: CauseCongestion, weak: true, figure: congestionSigns,
		steps: []Step{{Limit: 1, Points: 1}},
	},
	CongestionConfirmed: {
		name: "congestion_confirmed", cause: CauseCongestion, weak: true, figure: inRecovery,
		replaces: flagSet(CongestionSuspected),
		steps:    []Step{{Limit: 1, Points: 2}},
	},
	CongestionRecovering: {
		name: "congestion_recovering", cause: CauseCongestion, weak: true, figure: cwndRegained,
		steps: []Step{{Limit: 1, Points: 0}},
	},
	ZeroWindow: {
		name: "zero_window", cause: CausePeerReceiver, figure: zeroWindowSeconds,
		steps: []Step{{Limit: 0, Points: 1}, {Limit: 1, Points: 3}, {Limit: 3, Points: 5}},
	},
	RecvLimited: {
		name: "recv_limited", cause: CausePeerReceiver, figure: receiverLimitedShare,
		steps: []Step{{Limit: 0.4, Points: 2}},
	},
	SndbufLimited: {
		name: "sndbuf_limited", cause: CauseLocalSendBuffer, weak: true, figure: sndbufLimitedShare,
		steps: []Step{{Limit: 0.4, Points: 1}},
	},
	RecvQueueStuck: {
		name: "recv_queue_stuck", cause: CauseLocalApplication, figure: unreadSeconds,
		steps: []Step{{Limit: 1, Points: 2}, {Limit: 3, Points: 3}},
	},
}

func synRetransmissions(e *evidence, _ *Limits) (float64, bool) {
	return float64(e.timeouts), e.state == sampler.StateSynSent
}

// silentSeconds is how long the peer has owed an answer and sent nothing at all.
func silentSeconds(e *evidence, _ *Limits) (float64, bool) {
	return min(e.age, e.silence), e.synchronized && e.outstanding
}

func silentSecondsConfirmed(e *evidence, l *Limits) (float64, bool) {
	silent, ok := silentSeconds(e, l)

	return silent, ok && max(e.timeouts, e.probes) >= 2
}

func unacknowledgedSeconds(e *evidence, _ *Limits) (float64, bool) {
	return e.age, e.synchronized && e.unacked > 0 && !e.zeroWindow
}

// unansweredKeepalives counts the probes out; one that has been out for longer
// than an answer may take counts as two.
func unansweredKeepalives(e *evidence, l *Limits) (float64, bool) {
	probes := float64(e.probes)
	if e.probes == 1 && min(e.age, e.silence) >= l.Patience.at(e.srtt) {
		probes = 2
	}

	return probes, e.timer == sampler.TimerKeepalive
}

func retransmissions(e *evidence, _ *Limits) (float64, bool) {
	return float64(e.window.retrans), true
}

// lossRatio is the lower bound of the share of retransmitted data, over the
// window and over its recent part, the worse.
func lossRatio(e *evidence, l *Limits) (float64, bool) {
	ratio, ok := e.window.lossLowerBound(l)
	if recent, recentOK := e.recent.lossLowerBound(l); recentOK {
		return max(ratio, recent), true
	}

	return ratio, ok
}

// rtoInflation is the RTO over what srtt and rttvar make it. A back-off counts
// even while the kernel has clamped the RTO. An idle connection keeps its last
// RTO, which says nothing.
func rtoInflation(e *evidence, _ *Limits) (float64, bool) {
	ratio := e.rto / e.expectedRTO
	if e.unacked > 0 {
		ratio = max(ratio, math.Exp2(float64(e.backoff)))
	}

	return ratio, e.srtt > 0 && e.timer != sampler.TimerProbe && (e.progress || e.unacked > 0)
}

func rttSeconds(e *evidence, _ *Limits) (float64, bool) { return e.srtt, e.progress }

func rttDrift(e *evidence, l *Limits) (float64, bool) {
	above := l.DriftAbove
	if e.unacked <= l.SparseSegments {
		above = l.DriftAboveSparse
	}

	return e.srtt / e.baseline, e.progress && e.baseline > 0 && e.srtt-e.baseline > above
}

func jitterRatio(e *evidence, l *Limits) (float64, bool) {
	return e.rttvar / e.srtt, e.progress && e.srtt > 0 && e.rttvar > l.JitterAbove &&
		e.window.delivered >= l.JitterDelivered
}

func congestionSigns(e *evidence, _ *Limits) (float64, bool) {
	signs := e.caState == sampler.CACWR ||
		e.window.cwndFell && (e.window.retrans > 0 || e.window.deliveredCE > 0)

	return 1, signs
}

func inRecovery(e *evidence, _ *Limits) (float64, bool) {
	return 1, e.caState == sampler.CARecovery || e.caState == sampler.CALoss
}

func cwndRegained(e *evidence, _ *Limits) (float64, bool) {
	return 1, e.window.cwndRose && e.caState == sampler.CAOpen &&
		(e.window.retrans > 0 || e.window.deliveredCE > 0)
}

func zeroWindowSeconds(e *evidence, _ *Limits) (float64, bool) {
	return e.zeroWindowFor, e.zeroWindow
}

func receiverLimitedShare(e *evidence, l *Limits) (float64, bool) {
	return e.window.receiverLimited, e.window.busy >= l.LimitedBusy
}

func sndbufLimitedShare(e *evidence, l *Limits) (float64, bool) {
	return e.window.sndbufLimited, e.window.busy >= l.LimitedBusy
}

func unreadSeconds(e *evidence, _ *Limits) (float64, bool) { return e.unreadFor, e.unreadFor > 0 }
