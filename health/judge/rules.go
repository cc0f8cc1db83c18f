package judge

// rule is one row of the rule table.
type rule struct {
	name  string
	cause Cause
	// weak flags, alone or together, cannot raise the status above CAUTION.
	weak bool
	// replaces are the flags that this one supersedes while it is active.
	replaces Flags
	// condition describes the figure and when it counts.
	condition string
	// only are the premises one of which must hold for the flag to be active.
	only   premises
	figure figureFunc
	unit   Unit
	// maximum is what the figure cannot exceed, zero if it is unbounded.
	maximum float64
	// steps are the levels of the profile "auto", mildest first.
	steps []Step
	// say renders the sentence that explains the flag. figure and threshold
	// include their units.
	say func(e *Evidence, figure, threshold string) string
}

// figureFunc returns what is compared with the thresholds, in the rule's unit, and
// reports whether the premises of the condition hold. A figure that the kernel does
// not provide activates nothing.
type figureFunc func(e *Evidence, t *Thresholds) (float64, bool)

// ruleTable defines each flag: cause, condition, thresholds, points and sentence.
var ruleTable = [NumFlags]rule{
	SynUnanswered: {
		name: "syn_unanswered", cause: CauseHandshake, only: ifWaiting, unit: UnitCount, figure: synRetransmissions, say: saySyn,
		condition: "retransmissions of an unanswered SYN; the first one counts after 700 ms",
		steps:     []Step{{Threshold: 1, Points: 3}, {Threshold: 3, Points: 7}},
	},
	HalfOpenSuspect: {
		name: "half_open_suspect", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: silentSeconds, say: saySilent,
		condition: "time since the oldest unanswered data, FIN or second probe was sent, while nothing at all is received; on a path whose loss is SUSPECT, only after as many timeouts as that loss does not explain, from four to eight",
		steps:     []Step{{Threshold: 1, RTTs: 3, Points: 4}},
	},
	HalfOpenConfirmed: {
		name: "half_open_confirmed", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: silentSecondsConfirmed, say: saySilent,
		condition: "the same, with two timeouts, two window probes or three keepalives unanswered, or for as long as two timeouts take, since writes may restart the timer",
		replaces:  FlagSet(HalfOpenSuspect),
		steps:     []Step{{Threshold: 1, RTTs: 3, Points: 8}},
	},
	StaleSuspectSend: {
		name: "stale_suspect_send", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: unacknowledgedSeconds, say: sayUnacknowledged,
		condition: "age of the oldest unacknowledged data, if no ACK followed its last transmission, whatever else arrives; not at a zero window, not in an MTU black hole, and with the same exception for loss",
		steps:     []Step{{Threshold: 1.5, RTTs: 3, Points: 3}},
	},
	StaleConfirmedSend: {
		name: "stale_confirmed_send", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: unacknowledgedSeconds, say: sayUnacknowledged,
		condition: "the same",
		replaces:  FlagSet(StaleSuspectSend),
		steps:     []Step{{Threshold: 3, RTTs: 6, Points: 7}},
	},
	StaleSuspectRecv: {
		name: "stale_suspect_recv", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: overdueAnswerSeconds, say: sayOverdueAnswer,
		condition: "time since an unacknowledged FIN, or the first unanswered keepalive, was sent",
		steps:     []Step{{Threshold: 1.5, RTTs: 3, Points: 3}},
	},
	StaleConfirmedRecv: {
		name: "stale_confirmed_recv", cause: CausePathDead, only: ifWaiting, unit: UnitSeconds, figure: overdueAnswerSecondsConfirmed, say: sayOverdueAnswer,
		condition: "the same, with two timeouts or three keepalives unanswered",
		replaces:  FlagSet(StaleSuspectRecv),
		steps:     []Step{{Threshold: 3, RTTs: 6, Points: 7}},
	},
	KeepaliveUnanswered: {
		name: "keepalive_unanswered", cause: CausePathDead, only: ifWaiting, unit: UnitCount, figure: unansweredKeepalives, say: sayKeepalives,
		condition: "unanswered keepalives; the first one counts once its answer is overdue",
		steps:     []Step{{Threshold: 1, Points: 2}, {Threshold: 2, Points: 4}},
	},
	MTUBlackholeSuspect: {
		name: "mtu_blackhole_suspect", cause: CauseMTU, only: ifWaiting, unit: UnitCount, figure: fullSizeTimeouts, say: sayMTU,
		condition: "timeouts of full-size segments while data from the peer arrives; smaller segments that are acknowledged, while no full-size one ever was, count as one more",
		replaces:  FlagSet(HalfOpenSuspect, HalfOpenConfirmed, StaleSuspectSend, StaleConfirmedSend),
		steps:     []Step{{Threshold: 3, Points: 7}},
	},
	LossDetected: {
		name: "loss_detected", cause: CausePacketLoss, weak: true, only: ifTroubled, unit: UnitCount, figure: retransmissions, say: sayRetransmissions,
		condition: "retransmissions in the window that no DSACK explains",
		steps:     []Step{{Threshold: 1, Points: 1}},
	},
	LossHigh: {
		name: "loss_high", cause: CausePacketLoss, only: ifTroubled, unit: UnitShare, figure: lossShare, say: sayLoss,
		condition: "retransmitted share of the sent data (95 % lower bound), where retransmissions that a DSACK explains count half, or not at all if packets were reordered or the sender fills the path; the worst of the window, its newer half and its most recent part; a sender that fills the path may have one burst, and with BBR only the first level counts if the share is below 20 %, if the RTT is at least 1.5 times its minimum or was within the last 2 s, or if the window spans fewer than 60 RTTs; levels above the first only if chance does not explain the losses on the path as it was before; not while the RTT indicates a full queue",
		steps:     []Step{{Threshold: 0.01, Points: 2}, {Threshold: 0.035, Points: 4}, {Threshold: 0.08, Points: 6}},
	},
	RTOInflation: {
		name: "rto_inflation", cause: CausePacketLoss, weak: true, only: ifFlowing, unit: UnitFactor, figure: rtoInflation, say: sayRTO,
		condition: "RTO divided by the RTO expected from the smoothed RTT, its deviation and the connection's own minimum variation",
		steps:     []Step{{Threshold: 2, Points: 1}},
	},
	RTTHigh: {
		name: "rtt_high", cause: CausePathDelay, only: ifFlowing, unit: UnitSeconds, figure: rttSeconds, say: sayRTT,
		condition: "smoothed RTT while data is acknowledged; half of it, but at least the connection's own minimum, for a sender that fills the path",
		steps:     []Step{{Threshold: 0.2, Points: 1}, {Threshold: 0.5, Points: 2}, {Threshold: 1, Points: 3}},
	},
	RTTDrift: {
		name: "rtt_drift", cause: CausePathDelay, only: ifFlowing, unit: UnitFactor, figure: rttDrift, say: sayDrift,
		condition: "smoothed RTT divided by the connection's own minimum, while data is acknowledged and the increase exceeds a minimum",
		steps:     []Step{{Threshold: 3, Points: 2}},
	},
	JitterHigh: {
		name: "jitter_high", cause: CausePathDelay, weak: true, only: ifFlowing, unit: UnitFactor, figure: jitterRatio, say: sayJitter,
		condition: "RTT deviation divided by the smoothed RTT, while data is acknowledged and the deviation exceeds a minimum",
		steps:     []Step{{Threshold: 0.35, Points: 1}},
	},
	CongestionSuspected: {
		name: "congestion_suspected", cause: CauseCongestion, weak: true, only: ifTroubled, figure: congestionSigns, say: sayCongestion,
		condition: "cwnd is being reduced, or fell with retransmissions or CE marks in the window",
		steps:     []Step{{Threshold: 1, Points: 1}},
	},
	CongestionConfirmed: {
		name: "congestion_confirmed", cause: CauseCongestion, weak: true, only: ifTroubled, figure: inRecovery, say: sayRecovery,
		condition: "the kernel is recovering from loss (ca_state Recovery or Loss)",
		replaces:  FlagSet(CongestionSuspected),
		steps:     []Step{{Threshold: 1, Points: 2}},
	},
	CongestionRecovering: {
		name: "congestion_recovering", cause: CauseCongestion, weak: true, only: ifTroubled, figure: cwndRegained, say: sayRegained,
		condition: "cwnd grows again after retransmissions or CE marks in the window",
		steps:     []Step{{Threshold: 1, Points: 0}},
	},
	QueueGrowing: {
		name: "queue_growing", cause: CauseCongestion, only: ifQueued, unit: UnitSeconds, figure: growingDrain, say: sayGrowing,
		condition: "estimated time to drain the unsent data, while it grows and the delivery rate is a fraction of the connection's own recent rate",
		steps:     []Step{{Threshold: 0.2, Points: 1}},
	},
	QueuePersistent: {
		name: "queue_persistent", cause: CauseCongestion, only: ifQueued, unit: UnitSeconds, figure: persistentDrain, say: sayPersistent,
		condition: "minimum of the estimated drain time over the last seconds",
		steps:     []Step{{Threshold: 1, Points: 3}},
	},
	QueueAccelerating: {
		name: "queue_accelerating", cause: CauseCongestion, only: ifQueued, unit: UnitSeconds, figure: acceleratingDrain, say: sayAccelerating,
		condition: "estimated drain time, while the growth accelerates",
		steps:     []Step{{Threshold: 0.2, Points: 1}},
	},
	QueueVolatile: {
		name: "queue_volatile", cause: CauseCongestion, only: ifQueued, unit: UnitFactor, figure: queueVolatility, say: sayVolatile,
		condition: "standard deviation of the unsent data in the window divided by its mean, at such a delivery rate",
		steps:     []Step{{Threshold: 0.5, Points: 0}},
	},
	ZeroWindow: {
		name: "zero_window", cause: CausePeerReceiver, only: ifHalted, unit: UnitSeconds, figure: zeroWindowSeconds, say: sayZeroWindow,
		condition: "time for which the peer's receive window has been closed while data waits to be sent",
		steps:     []Step{{Threshold: 0, Points: 1}, {Threshold: 1, Points: 3}, {Threshold: 3, Points: 5}},
	},
	RecvLimited: {
		name: "recv_limited", cause: CausePeerReceiver, only: ifBusy, unit: UnitShare, figure: receiverLimitedShare, say: sayReceiverLimited,
		condition: "share of the busy time in the window during which the peer's receive window limited sending",
		steps:     []Step{{Threshold: 0.4, Points: 2}},
	},
	SndbufLimited: {
		name: "sndbuf_limited", cause: CauseLocalSendBuffer, weak: true, only: ifBusy, unit: UnitShare, figure: sndbufLimitedShare, say: saySndbufLimited,
		condition: "share of the busy time in the window during which the send buffer was too small",
		steps:     []Step{{Threshold: 0.4, Points: 1}},
	},
	RecvQueueStuck: {
		name: "recv_queue_stuck", cause: CauseLocalApplication, only: ifHalted, unit: UnitSeconds, figure: unreadSeconds, say: sayUnread,
		condition: "time for which the local application has read nothing of the receive queue; levels above the first also need a nearly full receive buffer, no data from the peer for a second, and twice the application's usual pause: the longer of its longest earlier pause and the time in which it reads the unread data at its average rate, 30 s at most",
		steps:     []Step{{Threshold: 1, Points: 2}, {Threshold: 20, Points: 3}},
	},
	Flapping: {
		name: "flapping", only: ifHalted, unit: UnitCount, maximum: flapEntries, figure: flaps, say: sayFlaps,
		condition: "times the status became SUSPECT or worse within flap_span, the last one within the window; holds the worst status",
		steps:     []Step{{Threshold: 4, Points: 0}},
	},
	SendQueueHigh: {
		name: "send_queue_high", cause: CauseCongestion, only: ifQueued, unit: UnitBytes, figure: heldQueue, say: sayHeldQueue,
		condition: "bytes queued in two consecutive samples without progress between them; profile messaging",
	},
	CwndExhausted: {
		name: "cwnd_exhausted", cause: CauseCongestion, only: ifQueued, unit: UnitShare, figure: cwndUse, say: sayCwnd,
		condition: "share of cwnd in flight while data is unsent; profile messaging",
	},
	CloseWaitStuck: {
		name: "close_wait_stuck", cause: CauseLocalApplication, weak: true, only: ifHalted, unit: UnitSeconds, figure: closeWaitSeconds, say: sayCloseWait,
		condition: "time for which the peer has closed the connection while the local application has not (CLOSE_WAIT)",
		steps:     []Step{{Threshold: 300, Points: 2}},
	},
}
