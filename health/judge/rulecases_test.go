package judge

import (
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// ruleCase raises a flag at a level.
type ruleCase struct {
	name   string
	flag   Flag
	points int
	limit  float64
	// set makes the evidence whose figure is v.
	set func(e *Evidence, v float64)
	// without lists premises, each of which keeps the flag down.
	without []func(e *Evidence)
}

// ruleCases are all flags at all levels.
var ruleCases = []ruleCase{
	{
		"one SYN again", SynUnanswered, 3, 1,
		func(e *Evidence, v float64) {
			e.state, e.synchronized, e.timeouts, e.sinceTimeout = sampler.StateSynSent, false, uint8(v), 0.7
		},
		[]func(*Evidence){
			func(e *Evidence) { e.state = sampler.StateEstablished },
			func(e *Evidence) { e.timeouts, e.sinceTimeout = 1, 0.6 },
		},
	},
	{
		"three SYNs again", SynUnanswered, 7, 3,
		func(e *Evidence, v float64) {
			e.state, e.synchronized, e.timeouts = sampler.StateSynSent, false, uint8(v)
		},
		nil,
	},
	{
		"silence", HalfOpenSuspect, 4, 1,
		func(e *Evidence, v float64) { e.age, e.silence = v, v+1 },
		[]func(*Evidence){
			func(e *Evidence) { e.synchronized = false },
			func(e *Evidence) { e.unacked = 0 },
			func(e *Evidence) { e.silence = 0.9 },
			func(e *Evidence) { e.answered = true },
			func(e *Evidence) { lossy(e, 0.05); e.timeouts = 3 },
		},
	},
	{
		"silence on a long path", HalfOpenSuspect, 4, 3,
		func(e *Evidence, v float64) { e.srtt, e.baseline, e.age, e.silence = 1, 0.9, v+5, v }, nil,
	},
	{
		"silence and two timeouts", HalfOpenConfirmed, 8, 1,
		func(e *Evidence, v float64) { e.age, e.silence, e.timeouts = v, v, 2 },
		[]func(*Evidence){
			func(e *Evidence) { e.timeouts = 1 },
			func(e *Evidence) { e.synchronized = false },
			func(e *Evidence) { e.silence = 0 },
			func(e *Evidence) { lossy(e, 0.05) },
			func(e *Evidence) { e.timer, e.sinceTimeout = sampler.TimerRetransmit, 0.13 }, // the RTT may be 140 ms
		},
	},
	{
		"silence for as long as two timeouts take", HalfOpenConfirmed, 8, 1,
		func(e *Evidence, v float64) { e.age, e.silence, e.missedTimeouts = v, v, 2 },
		[]func(*Evidence){func(e *Evidence) { e.missedTimeouts = 1 }},
	},
	{
		"silence and six timeouts on a path that loses a sixth", HalfOpenConfirmed, 8, 1,
		func(e *Evidence, v float64) { lossy(e, 0.16); e.age, e.silence, e.timeouts = v, v, 7 },
		[]func(*Evidence){func(e *Evidence) { e.timeouts = 6 }},
	},
	{
		"silence and four timeouts on a path that loses much", HalfOpenConfirmed, 8, 1,
		func(e *Evidence, v float64) { lossy(e, 0.05); e.age, e.silence, e.timeouts = v, v, 4 },
		[]func(*Evidence){func(e *Evidence) { e.timeouts = 3 }},
	},
	{
		"silence and three keepalives", HalfOpenConfirmed, 8, 1,
		func(e *Evidence, v float64) {
			e.timer, e.age, e.silence, e.probes, e.unacked = sampler.TimerKeepalive, v, v, 3, 0
		},
		[]func(*Evidence){func(e *Evidence) { e.probes = 2 }},
	},
	{
		"silence and two probes", HalfOpenConfirmed, 8, 1,
		func(e *Evidence, v float64) { e.age, e.silence, e.probes, e.unacked = v, v, 2, 0 },
		[]func(*Evidence){func(e *Evidence) { e.probes = 1 }},
	},
	{
		"unacknowledged for 1.5 s", StaleSuspectSend, 3, 1.5,
		func(e *Evidence, v float64) { e.age = v },
		[]func(*Evidence){
			func(e *Evidence) { e.synchronized = false },
			func(e *Evidence) { e.unacked = 0 },
			func(e *Evidence) { e.zeroWindow = true },
			func(e *Evidence) { e.ackAnswered = true },
			func(e *Evidence) { e.finOnly = true },
			func(e *Evidence) { lossy(e, 0.05); e.timeouts = 3 },
			func(e *Evidence) { inHole(e, 3) },
		},
	},
	{
		"unacknowledged for 3 RTTs", StaleSuspectSend, 3, 3,
		func(e *Evidence, v float64) { e.srtt, e.baseline, e.age = 1, 0.9, v }, nil,
	},
	{
		"unacknowledged for 3 s", StaleConfirmedSend, 7, 3,
		func(e *Evidence, v float64) { e.age = v },
		[]func(*Evidence){
			func(e *Evidence) { e.unacked = 0 },
			func(e *Evidence) { e.zeroWindow = true },
		},
	},
	{
		"unacknowledged for 6 RTTs", StaleConfirmedSend, 7, 6,
		func(e *Evidence, v float64) { e.srtt, e.baseline, e.age = 1, 0.9, v }, nil,
	},
	{
		"a FIN for 1.5 s", StaleSuspectRecv, 3, 1.5,
		func(e *Evidence, v float64) { e.state, e.finOnly, e.age = sampler.StateFinWait1, true, v },
		[]func(*Evidence){
			func(e *Evidence) { e.finOnly = false },
			func(e *Evidence) { lossy(e, 0.05); e.timeouts = 3 },
		},
	},
	{
		"a FIN for 3 RTTs", StaleSuspectRecv, 3, 3,
		func(e *Evidence, v float64) { e.srtt, e.baseline, e.finOnly, e.age = 1, 0.9, true, v }, nil,
	},
	{
		"one keepalive for 1.5 s", StaleSuspectRecv, 3, 1.5,
		func(e *Evidence, v float64) { keptAlive(e, 1, v) },
		[]func(*Evidence){
			func(e *Evidence) { e.probes = 0 },
			func(e *Evidence) { e.silence = 1.4 },
			func(e *Evidence) { e.timer = sampler.TimerProbe },
			func(e *Evidence) { e.synchronized = false },
		},
	},
	{
		"a FIN for 3 s", StaleConfirmedRecv, 7, 3,
		func(e *Evidence, v float64) {
			e.state, e.finOnly, e.age, e.timeouts = sampler.StateFinWait1, true, v, 2
		},
		[]func(*Evidence){
			func(e *Evidence) { e.timeouts = 1 },
			func(e *Evidence) { lossy(e, 0.05) },
		},
	},
	{
		"a FIN for 6 RTTs", StaleConfirmedRecv, 7, 6,
		func(e *Evidence, v float64) { e.srtt, e.baseline, e.finOnly, e.age, e.timeouts = 1, 0.9, true, v, 2 }, nil,
	},
	{
		"three keepalives for 3 s", StaleConfirmedRecv, 7, 3,
		func(e *Evidence, v float64) { keptAlive(e, 3, v) },
		[]func(*Evidence){func(e *Evidence) { e.probes = 2 }},
	},
	{
		"two keepalives", KeepaliveUnanswered, 4, 2,
		func(e *Evidence, v float64) { e.timer, e.unacked, e.probes = sampler.TimerKeepalive, 0, uint8(v) },
		[]func(*Evidence){
			func(e *Evidence) { e.timer = sampler.TimerProbe },
			func(e *Evidence) { e.timer = sampler.TimerRetransmit },
		},
	},
	{
		"one keepalive for a second", KeepaliveUnanswered, 2, 1,
		func(e *Evidence, v float64) {
			e.timer, e.unacked, e.probes, e.age, e.silence = sampler.TimerKeepalive, 0, uint8(v), 1, v
		},
		[]func(*Evidence){
			func(e *Evidence) { e.probes = 0 },
			func(e *Evidence) { e.silence = 0.5 },
		},
	},
	{
		"full-size segments while data arrives", MTUBlackholeSuspect, 7, 3,
		func(e *Evidence, v float64) { inHole(e, v) },
		[]func(*Evidence){
			func(e *Evidence) { e.segment = 0.74 * e.mss },
			func(e *Evidence) { e.segment = 0 }, // notsent_bytes is unknown
			func(e *Evidence) { e.zeroWindow = true },
			func(e *Evidence) { e.synchronized = false },
			func(e *Evidence) { e.dataSilence = 1 },
			func(e *Evidence) { e.dataSilence, e.age = 0.9, 0.9 },
			func(e *Evidence) { lossy(e, 0.05); e.fullAcked = true },
		},
	},
	{
		"full-size segments, the first ones, while the peer is silent", MTUBlackholeSuspect, 7, 3,
		func(e *Evidence, v float64) {
			inHole(e, v-1)
			e.smallAcked, e.sentSize, e.dataSilence = true, 1448, e.age
		},
		[]func(*Evidence){
			func(e *Evidence) { e.smallAcked = false },
			func(e *Evidence) { e.segment = 0.74 * e.mss },
		},
	},
	{
		"full-size segments while smaller ones pass", MTUBlackholeSuspect, 7, 3,
		func(e *Evidence, v float64) { inHole(e, v-1); e.sacked, e.dataSilence = 1, e.age },
		[]func(*Evidence){
			func(e *Evidence) { e.sacked = 0 },
			func(e *Evidence) { e.segment = 0.74 * e.mss },
			func(e *Evidence) { e.zeroWindow = true },
		},
	},
	{
		"one retransmission", LossDetected, 1, 1,
		func(e *Evidence, v float64) { e.window.Retrans = uint32(v) }, nil,
	},
	{"1 % loss", LossHigh, 2, 0.01, lossy, []func(*Evidence){
		func(e *Evidence) { e.settled.Retrans = 2 },
		func(e *Evidence) { e.settled.RetransSamples = 1 },
		func(e *Evidence) { e.settled.DataSegsOut = 0 },
		func(e *Evidence) { e.zeroWindow = true },
		func(e *Evidence) { e.queue.now, e.baseline = 1, 0.03 }, // the RTT shows a full queue
	}},
	{"3.5 % loss", LossHigh, 4, 0.035, lossy, nil},
	{"8 % loss", LossHigh, 6, 0.08, lossy, nil},
	{"a fifth lost by BBR, which fills the path", LossHigh, 6, 0.2, func(e *Evidence, v float64) {
		lossy(e, v)
		e.bbr, e.queue.now, e.windowSpan = true, 1, 60*e.srtt
	}, nil},
	{
		"8 % loss recently", LossHigh, 6, 0.08,
		func(e *Evidence, v float64) { lossy(e, v); e.recent, e.settled = e.window, window.Stats{} }, nil,
	},
	{
		"8 % loss in the newer half", LossHigh, 6, 0.08,
		func(e *Evidence, v float64) { lossy(e, v); e.half, e.settled = e.window, window.Stats{} }, nil,
	},
	{
		"double RTO", RTOInflation, 1, 0.6,
		func(e *Evidence, v float64) { e.rto = v },
		[]func(*Evidence){
			func(e *Evidence) { e.srtt = 0 },
			func(e *Evidence) { e.timer = sampler.TimerProbe },
			func(e *Evidence) { e.progress, e.unacked = false, 0 },
		},
	},
	{
		"back-off with a clamped RTO", RTOInflation, 1, 1,
		func(e *Evidence, v float64) { e.backoff, e.progress = uint8(v), false },
		[]func(*Evidence){func(e *Evidence) { e.unacked = 0 }},
	},
	{
		"200 ms", RTTHigh, 1, 0.2,
		func(e *Evidence, v float64) { e.srtt, e.baseline = v, v },
		[]func(*Evidence){func(e *Evidence) { e.progress = false }},
	},
	{"500 ms", RTTHigh, 2, 0.5, func(e *Evidence, v float64) { e.srtt, e.baseline = v, v }, nil},
	{
		"one second", RTTHigh, 3, 1, func(e *Evidence, v float64) { e.srtt, e.baseline = v, v },
		[]func(*Evidence){func(e *Evidence) { e.handshakeRTT = true }},
	},
	{
		"two seconds, half of them in its own queue", RTTHigh, 3, 2,
		func(e *Evidence, v float64) { e.srtt, e.baseline, e.queue.now = v, 0.6, 1 }, nil,
	},
	{
		"one second without a queue in front of it", RTTHigh, 3, 1,
		func(e *Evidence, v float64) { e.srtt, e.baseline, e.queue.now = 1.2, v, 1 }, nil,
	},
	{
		"thrice the baseline", RTTDrift, 2, 0.09,
		func(e *Evidence, v float64) { e.srtt, e.baseline = v, 0.03 },
		[]func(*Evidence){
			func(e *Evidence) { e.progress = false },
			func(e *Evidence) { e.handshakeRTT = true },
			func(e *Evidence) { e.baseline = 0 },
			func(e *Evidence) { e.unacked, e.srtt, e.baseline = 2, 0.06, 0.01 },
			func(e *Evidence) { e.srtt, e.baseline = 0.014, 0.0041 },
		},
	},
	{
		"thrice the baseline with little in flight", RTTDrift, 2, 0.09,
		func(e *Evidence, v float64) { e.srtt, e.baseline, e.unacked = v, 0.03, 2 }, nil,
	},
	{
		"jitter", JitterHigh, 1, 0.035,
		func(e *Evidence, v float64) { e.rttvar = v },
		[]func(*Evidence){
			func(e *Evidence) { e.progress = false },
			func(e *Evidence) { e.window.Delivered = 7 },
			func(e *Evidence) { e.srtt, e.rttvar = 0.02, 0.01 },
			func(e *Evidence) { e.srtt = 0 },
		},
	},
	{
		"CWR", CongestionSuspected, 1, 2,
		func(e *Evidence, v float64) { e.caState = sampler.CAState(v) }, nil,
	},
	{
		"cwnd fell and losses", CongestionSuspected, 1, 1,
		func(e *Evidence, v float64) { e.window.CwndFell, e.window.Retrans = true, uint32(v) },
		[]func(*Evidence){
			func(e *Evidence) { e.window.CwndFell = false },
			func(e *Evidence) { e.window.Retrans = 0 },
		},
	},
	{
		"cwnd fell and CE marks", CongestionSuspected, 1, 1,
		func(e *Evidence, v float64) { e.window.CwndFell, e.window.DeliveredCE = true, uint32(v) }, nil,
	},
	{
		"loss recovery", CongestionConfirmed, 2, 3,
		func(e *Evidence, v float64) { e.caState = sampler.CAState(v) }, nil,
	},
	{
		"cwnd grows again", CongestionRecovering, 0, 1,
		func(e *Evidence, v float64) { e.window.CwndRose, e.window.Retrans = true, uint32(v) },
		[]func(*Evidence){
			func(e *Evidence) { e.window.CwndRose = false },
			func(e *Evidence) { e.caState = sampler.CARecovery },
		},
	},
	{
		"a queue that grows", QueueGrowing, 1, 0.2,
		func(e *Evidence, v float64) { backlog(e); e.queue.now, e.queue.rise = v*e.queue.rate, 1 },
		append(unhurried(), func(e *Evidence) { e.queue.rise = 0 }),
	},
	{
		"a queue that lasts", QueuePersistent, 3, 1,
		func(e *Evidence, v float64) { backlog(e); e.queue.minimum, e.queue.lasting = v*e.queue.rate, true },
		append(unhurried(), func(e *Evidence) { e.queue.lasting = false }),
	},
	{
		"a queue that grows faster and faster", QueueAccelerating, 1, 0.2,
		func(e *Evidence, v float64) {
			backlog(e)
			e.queue.now, e.queue.rise, e.queue.riseBefore = v*e.queue.rate, 2, 1
		},
		append(unhurried(),
			func(e *Evidence) { e.queue.rise = 1 },
			func(e *Evidence) { e.queue.riseBefore = 0 },
		),
	},
	{
		"a queue that varies", QueueVolatile, 0, 0.5,
		func(e *Evidence, v float64) { backlog(e); e.queue.mean, e.queue.stddev = 1000, v*1000 },
		append(unhurried(), func(e *Evidence) { e.queue.mean = 0 }),
	},
	{
		"zero window", ZeroWindow, 1, 0,
		func(e *Evidence, v float64) { e.zeroWindow, e.zeroWindowFor = v >= 0, v },
		[]func(*Evidence){func(e *Evidence) { e.zeroWindow = false }},
	},
	{"zero window for 1 s", ZeroWindow, 3, 1, func(e *Evidence, v float64) { e.zeroWindow, e.zeroWindowFor = true, v }, nil},
	{"zero window for 3 s", ZeroWindow, 5, 3, func(e *Evidence, v float64) { e.zeroWindow, e.zeroWindowFor = true, v }, nil},
	{
		"receiver-limited", RecvLimited, 2, 0.4,
		func(e *Evidence, v float64) { e.window.ReceiverLimited = v },
		[]func(*Evidence){func(e *Evidence) { e.window.Busy = 0.19 }},
	},
	{
		"sndbuf-limited", SndbufLimited, 1, 0.4,
		func(e *Evidence, v float64) { e.window.SndbufLimited = v },
		[]func(*Evidence){func(e *Evidence) { e.window.Busy = 0.19 }},
	},
	{"unread for 1 s", RecvQueueStuck, 2, 1, func(e *Evidence, v float64) { e.unreadFor, e.bufferFull = v, true }, nil},
	{"unread for 20 s", RecvQueueStuck, 3, 20, func(e *Evidence, v float64) { e.unreadFor, e.bufferFull, e.usualPause = v, true, 10 }, nil},
	{
		"four entries", Flapping, 0, 4, func(e *Evidence, v float64) { e.entries = int(v) },
		[]func(*Evidence){func(e *Evidence) { e.entries = 0 }},
	},
	{
		"1 KB held", SendQueueHigh, 1, 1 << 10, func(e *Evidence, v float64) { e.heldQueue = v },
		[]func(*Evidence){func(e *Evidence) { e.heldQueue = 0 }},
	},
	{"2 KB held", SendQueueHigh, 3, 2 << 10, func(e *Evidence, v float64) { e.heldQueue = v }, nil},
	{"4 KB held", SendQueueHigh, 5, 4 << 10, func(e *Evidence, v float64) { e.heldQueue = v }, nil},
	{
		"closed by the peer for 5 min", CloseWaitStuck, 2, 300, func(e *Evidence, v float64) { e.closeWaitFor = v },
		[]func(*Evidence){func(e *Evidence) { e.closeWaitFor = 0 }},
	},
	{
		"half of cwnd", CwndExhausted, 1, 0.5,
		func(e *Evidence, v float64) { e.cwnd, e.unacked, e.queue.now = 10, uint32(v*10), 1 },
		[]func(*Evidence){
			func(e *Evidence) { e.queue.now = 0 },
			func(e *Evidence) { e.cwnd = 0 },
			func(e *Evidence) { e.zeroWindow = true },
		},
	},
	{
		"0.7 of cwnd", CwndExhausted, 3, 0.7,
		func(e *Evidence, v float64) { e.cwnd, e.unacked, e.queue.now = 10, uint32(v*10), 1 }, nil,
	},
}

// keptAlive makes so many keepalives unanswered for a time.
func keptAlive(e *Evidence, probes uint8, seconds float64) {
	e.timer, e.unacked, e.probes, e.age, e.silence = sampler.TimerKeepalive, 0, probes, seconds, seconds
}

// inHole has segments of three quarters of the MSS time out so often while the
// peer's data arrives.
func inHole(e *Evidence, timeouts float64) {
	e.timeouts, e.segment, e.mss = uint8(timeouts), 1086, 1448
	e.age, e.silence, e.dataSilence = 2, 0.5, 0.5
}

// backlog has data wait while it goes at just less than 6 % of
// the connection's own rate.
func backlog(e *Evidence) {
	e.queue = queueStats{now: 1, rate: 1000}
	e.ownRate = 16_667
}

// unhurried lists what keeps down each flag about the queue.
func unhurried() []func(*Evidence) {
	return []func(*Evidence){
		func(e *Evidence) { e.ownRate = 16_666 },
		func(e *Evidence) { e.queue.rate = 0 },
		func(e *Evidence) { e.zeroWindow = true },
		func(e *Evidence) { e.window.ReceiverLimited = 0.4 },
	}
}
