package judge

// rule is one row of the rule table.
type rule struct {
	name  string
	cause Cause
	// weak flags, alone or together, don't lift a connection above CAUTION.
	weak bool
	// replaces names the flags that this one takes the place of.
	replaces Flags
	// raised says in words what the figure is and when it counts.
	raised string
	// only has the premises of which one must hold for the rule to be raised.
	only   premises
	figure figureFunc
	unit   Unit
	// most is what the figure can't exceed, zero if there is no bound.
	most float64
	// steps are the levels of the profile "auto", mildest first.
	steps []Step
	// say renders the sentence that explains the flag; figure and limit have
	// their units already.
	say func(e *Evidence, figure, limit string) string
}

// figureFunc returns what is compared with the limits, in the unit, and whether the
// condition's premises hold. A figure the kernel did not give raises nothing.
type figureFunc func(e *Evidence, t *Thresholds) (float64, bool)

// ruleTable is the single truth about flags: condition, cause, limits, points,
// sentence.
var ruleTable = [NumFlags]rule{
	SynUnanswered: {
		name: "syn_unanswered", cause: CauseHandshake, only: ifWaiting, unit: UnitCount, figure: synRetransmissions, say: saySyn,
		raised: "retransmissions of a SYN that nobody answers",
		steps:  []Step{{Threshold: 1, Points: 3}, {Threshold: 3, Points: 7}},
	},
	HalfOpenSuspect: {
		name: "half_open_suspect", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: silentSeconds, say: saySilent,
		raised: "time for which data, a FIN or a second probe is unanswered, the last attempt included, and nothing at all was heard; on a path that loses so much that it is SUSPECT, only from the fourth time-out on",
		steps:  []Step{{Threshold: 1, RTTs: 3, Points: 4}},
	},
	HalfOpenConfirmed: {
		name: "half_open_confirmed", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: silentSecondsConfirmed, say: saySilent,
		raised:   "the same, with two time-outs, two window probes or three keepalives unanswered",
		replaces: FlagSet(HalfOpenSuspect),
		steps:    []Step{{Threshold: 1, RTTs: 3, Points: 8}},
	},
	StaleSuspectSend: {
		name: "stale_suspect_send", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: unacknowledgedSeconds, say: sayUnacknowledged,
		raised: "time for which sent data is unacknowledged and the last attempt not answered by an ACK, whatever else arrives; not at a zero window, nor in an MTU hole, nor excused by losses as above",
		steps:  []Step{{Threshold: 1.5, RTTs: 3, Points: 3}},
	},
	StaleConfirmedSend: {
		name: "stale_confirmed_send", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: unacknowledgedSeconds, say: sayUnacknowledged,
		raised:   "the same",
		replaces: FlagSet(StaleSuspectSend),
		steps:    []Step{{Threshold: 3, RTTs: 6, Points: 7}},
	},
	StaleSuspectRecv: {
		name: "stale_suspect_recv", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: owedSeconds, say: sayOwed,
		raised: "time for which the peer owes the ACK of a FIN, or answers to two keepalives",
		steps:  []Step{{Threshold: 1.5, RTTs: 3, Points: 3}},
	},
	StaleConfirmedRecv: {
		name: "stale_confirmed_recv", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: owedSecondsConfirmed, say: sayOwed,
		raised:   "the same, with two time-outs or three keepalives unanswered",
		replaces: FlagSet(StaleSuspectRecv),
		steps:    []Step{{Threshold: 3, RTTs: 6, Points: 7}},
	},
	KeepaliveUnanswered: {
		name: "keepalive_unanswered", cause: CausePathDead, only: ifWaiting, unit: UnitCount, figure: unansweredKeepalives, say: sayKeepalives,
		raised: "keepalives unanswered; the first one once an answer is overdue",
		steps:  []Step{{Threshold: 1, Points: 2}, {Threshold: 2, Points: 4}},
	},
	MTUBlackholeSuspect: {
		name: "mtu_blackhole_suspect", cause: CauseMTU, only: ifWaiting, unit: UnitCount, figure: fullSizeTimeouts, say: sayMTU,
		raised: "time-outs with full-size segments in flight while the peer's data arrives; one less while smaller segments are acknowledged",
		steps:  []Step{{Threshold: 3, Points: 7}},
	},
	LossDetected: {
		name: "loss_detected", cause: CausePacketLoss, weak: true, only: ifTroubled, unit: UnitCount, figure: retransmissions, say: sayRetransmissions,
		raised: "retransmissions in the window that no DSACK explains",
		steps:  []Step{{Threshold: 1, Points: 1}},
	},
	LossHigh: {
		name: "loss_high", cause: CausePacketLoss, only: ifTroubled, unit: UnitShare, figure: lossShare, say: sayLoss,
		raised: "share of the sent data that was retransmitted (95 % lower bound), over the window, its newer half or its recent part, the worst; without the worst burst of a sender that fills the path; not while the RTT shows a full queue",
		steps:  []Step{{Threshold: 0.01, Points: 2}, {Threshold: 0.05, Points: 4}, {Threshold: 0.08, Points: 6}},
	},
	RTOInflation: {
		name: "rto_inflation", cause: CausePacketLoss, weak: true, only: ifFlowing, unit: UnitFactor, figure: rtoInflation, say: sayRTO,
		raised: "RTO over what smoothed RTT, its deviation and the connection's own least variation make it",
		steps:  []Step{{Threshold: 2, Points: 1}},
	},
	RTTHigh: {
		name: "rtt_high", cause: CausePathDelay, only: ifFlowing, unit: UnitSeconds, figure: rttSeconds, say: sayRTT,
		raised: "smoothed RTT, while data is acknowledged",
		steps:  []Step{{Threshold: 0.2, Points: 1}, {Threshold: 0.5, Points: 2}, {Threshold: 1, Points: 3}},
	},
	RTTDrift: {
		name: "rtt_drift", cause: CausePathDelay, only: ifFlowing, unit: UnitFactor, figure: rttDrift, say: sayDrift,
		raised: "smoothed RTT over the connection's own least one, while data is acknowledged and the rise is more than some ms",
		steps:  []Step{{Threshold: 3, Points: 2}},
	},
	JitterHigh: {
		name: "jitter_high", cause: CausePathDelay, weak: true, only: ifFlowing, unit: UnitFactor, figure: jitterRatio, say: sayJitter,
		raised: "RTT deviation over smoothed RTT, while data is acknowledged and the deviation is more than some ms",
		steps:  []Step{{Threshold: 0.35, Points: 1}},
	},
	CongestionSuspected: {
		name: "congestion_suspected", cause: CauseCongestion, weak: true, only: ifTroubled, figure: congestionSigns, say: sayCongestion,
		raised: "cwnd is being reduced, or fell with retransmissions or CE marks in the window",
		steps:  []Step{{Threshold: 1, Points: 1}},
	},
	CongestionConfirmed: {
		name: "congestion_confirmed", cause: CauseCongestion, weak: true, only: ifTroubled, figure: inRecovery, say: sayRecovery,
		raised:   "the kernel recovers from losses (ca_state Recovery or Loss)",
		replaces: FlagSet(CongestionSuspected),
		steps:    []Step{{Threshold: 1, Points: 2}},
	},
	CongestionRecovering: {
		name: "congestion_recovering", cause: CauseCongestion, weak: true, only: ifTroubled, figure: cwndRegained, say: sayRegained,
		raised: "cwnd grows again after retransmissions or CE marks in the window",
		steps:  []Step{{Threshold: 1, Points: 0}},
	},
	QueueGrowing: {
		name: "queue_growing", cause: CauseCongestion, only: ifQueued, unit: UnitSeconds, figure: growingDrain, say: sayGrowing,
		raised: "time that the unsent data needs, while it grows and data goes at a fraction of the connection's own recent rate",
		steps:  []Step{{Threshold: 0.2, Points: 1}},
	},
	QueuePersistent: {
		name: "queue_persistent", cause: CauseCongestion, only: ifQueued, unit: UnitSeconds, figure: persistentDrain, say: sayPersistent,
		raised: "the least such time over some seconds",
		steps:  []Step{{Threshold: 1, Points: 3}},
	},
	QueueAccelerating: {
		name: "queue_accelerating", cause: CauseCongestion, only: ifQueued, unit: UnitSeconds, figure: acceleratingDrain, say: sayAccelerating,
		raised: "such time, while it grows faster and faster",
		steps:  []Step{{Threshold: 0.2, Points: 1}},
	},
	QueueVolatile: {
		name: "queue_volatile", cause: CauseCongestion, only: ifQueued, unit: UnitFactor, figure: queueVolatility, say: sayVolatile,
		raised: "standard deviation over mean of the unsent data in the window, at such a rate",
		steps:  []Step{{Threshold: 0.5, Points: 0}},
	},
	ZeroWindow: {
		name: "zero_window", cause: CausePeerReceiver, only: ifHalted, unit: UnitSeconds, figure: zeroWindowSeconds, say: sayZeroWindow,
		raised: "time for which the peer's receive window has been closed while there is something to send",
		steps:  []Step{{Threshold: 0, Points: 1}, {Threshold: 1, Points: 3}, {Threshold: 3, Points: 5}},
	},
	RecvLimited: {
		name: "recv_limited", cause: CausePeerReceiver, only: ifBusy, unit: UnitShare, figure: receiverLimitedShare, say: sayReceiverLimited,
		raised: "share of the busy time in the window in which the peer's receive window held up sending",
		steps:  []Step{{Threshold: 0.4, Points: 2}},
	},
	SndbufLimited: {
		name: "sndbuf_limited", cause: CauseLocalSendBuffer, weak: true, only: ifBusy, unit: UnitShare, figure: sndbufLimitedShare, say: saySndbufLimited,
		raised: "share of the busy time in the window in which the send buffer was too small",
		steps:  []Step{{Threshold: 0.4, Points: 1}},
	},
	RecvQueueStuck: {
		name: "recv_queue_stuck", cause: CauseLocalApplication, only: ifHalted, unit: UnitSeconds, figure: unreadSeconds, say: sayUnread,
		raised: "time for which the local application has read nothing of what waits; levels above the first only once more than 16 KiB wait and more has come since the last read",
		steps:  []Step{{Threshold: 1, Points: 2}, {Threshold: 3, Points: 3}},
	},
	Flapping: {
		name: "flapping", only: ifHalted, unit: UnitCount, most: flapEntries, figure: flaps, say: sayFlaps,
		raised: "entries into SUSPECT or worse within half a minute, the last one within the window; holds the worst status",
		steps:  []Step{{Threshold: 4, Points: 0}},
	},
	SendQueueHigh: {
		name: "send_queue_high", cause: CauseCongestion, only: ifQueued, unit: UnitBytes, figure: heldQueue, say: sayHeldQueue,
		raised: "bytes queued at two samples without progress between them; profile messaging",
	},
	CwndExhausted: {
		name: "cwnd_exhausted", cause: CauseCongestion, only: ifQueued, unit: UnitShare, figure: cwndUse, say: sayCwnd,
		raised: "share of cwnd in flight while data is unsent; profile messaging",
	},
}
