package judge

import (
	"math"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// Evidence is all that the rules are evaluated on. Times are in seconds, sizes in
// bytes. A figure that the kernel does not provide is zero, which activates nothing.
type Evidence struct {
	// reduced: the socket is one of /proc/net/tcp, see State.followReduced.
	reduced bool
	state   sampler.State
	timer   sampler.Timer
	caState sampler.CAState
	// synchronized is any state after the handshake.
	synchronized bool

	// outstanding: sent and not acknowledged, or an unanswered SYN, FIN or probe.
	outstanding bool
	// finOnly: nothing but a FIN is outstanding.
	finOnly bool
	// answered: something arrived from the peer after data was last sent or
	// retransmitted, if there was time for an answer; ackAnswered: a bare ACK did.
	answered, ackAnswered bool
	unacked, sacked       uint32
	// inFlight are the bytes in flight.
	inFlight float64
	// segment is the mean size of the segments in flight that were not SACKed, mss the
	// maximum.
	segment, mss float64
	sizeUnknown  bool // the kernel does not provide it
	// sentSize is the mean size of the same data in the segments in which it was first
	// sent; zero before the first timeout, or if unknown.
	sentSize float64
	// fullAcked: a full-size segment was acknowledged, as far as is known; smallAcked:
	// data was acknowledged, and no full-size segment was. firstFlight: see its method.
	fullAcked, smallAcked, firstFlight bool
	// age is how long the oldest outstanding byte has waited without progress.
	age float64
	// overdue: the age exceeds the patience.
	overdue bool
	// silence is the time since anything arrived, dataSilence since data did.
	silence, dataSilence float64
	// timeouts are consecutive retransmission timeouts, probes are unanswered
	// keepalive or zero-window probes, backoff is the RTO's exponent.
	timeouts, probes, backoff uint8
	// missedTimeouts are those that fit into the silence. The kernel has fewer while each
	// write restarts the timer of the loss probe. sinceTimeout is the time in
	// seconds since the last one, zero before the first.
	missedTimeouts int
	sinceTimeout   float64

	// sentAgo and ackAgo are the times in ms since data was last sent and an ACK last
	// arrived, quietFor that without any traffic. timerAge is a lower bound of the age
	// in seconds, probedFor is for how many ms a closed window has been probed.
	sentAgo, ackAgo, quietFor int64
	timerAge                  float64
	probedFor                 int64
	// unread is what the application has not read, in bytes.
	unread uint32

	// reordered: packets arrived out of order at the peer.
	reordered         bool
	srtt, rttvar, rto float64
	// handshakeRTT: the RTT is mainly that of a handshake which was retransmitted.
	handshakeRTT bool
	// expectedRTO is the result of the kernel's formula without back-off.
	expectedRTO float64
	// bbr: the congestion control algorithm is a version of BBR. queued: see followQueue.
	bbr, queued bool
	// baseline is the connection's own minimum srtt, zero while unknown.
	baseline float64
	// progress: the peer acknowledged new bytes within the window.
	progress bool

	cwnd          uint32
	zeroWindow    bool
	zeroWindowFor float64
	// unreadFor is how long the local application has read nothing of a receive
	// queue that is not empty; bufferFull: so much is unread that nothing more arrives.
	recvQueue  float64
	unreadFor  float64
	bufferFull bool
	// usualPause is for how long this application may read nothing of a full buffer and
	// then go on: the longest time so far, or as long as it takes at its own rate.
	usualPause float64
	// hadQueue: something is in flight, and at the previous sample, or within burstRTTs,
	// more was waiting.
	hadQueue bool
	// closeWaitFor is for how long the peer has closed while the application has not.
	closeWaitFor float64
	// heldQueue is what remained in the send queue from one sample to the next
	// without progress.
	heldQueue float64
	queue     queueStats
	// ownRate is the maximum recent delivery rate in bytes per second.
	ownRate float64
	// entries counts how often the status recently became SUSPECT or worse.
	entries int

	// window covers the whole window, settled the part whose losses count, half its
	// newer half, recent its last part; see followLoss.
	window, settled, half, recent window.Stats
	// noNewLoss: nothing was lost since the share of losses was lastLoss.
	noNewLoss bool
	lastLoss  float64
	// byChance: chance explains the losses at their share before the window.
	byChance bool
	// windowSpan is what the window covers.
	windowSpan float64
	// afterGap: the first sample after a gap in sampling.
	afterGap bool
}

// Outstanding reports whether something sent is unacknowledged, or a SYN, FIN or
// probe is unanswered.
func (e *Evidence) Outstanding() bool { return e.outstanding }

// Age returns for how many seconds the oldest outstanding byte has waited.
func (e *Evidence) Age() float64 { return e.age }

// SRTT returns the smoothed round-trip time in seconds (uapi/linux/tcp.h:
// tcpi_rtt), zero if unknown.
func (e *Evidence) SRTT() float64 { return e.srtt }

// Reduced reports whether the socket is one of /proc/net/tcp.
func (e *Evidence) Reduced() bool { return e.reduced }

// Waits reports whether something has been outstanding for more than so many
// seconds, or the peer's receive window is closed.
func (e *Evidence) Waits(seconds float64) bool {
	return e.outstanding && e.age > seconds || e.zeroWindow
}

// Still reports whether nothing is in progress, nor was within the window.
func (e *Evidence) Still() bool {
	return !e.outstanding && !e.progress && !e.zeroWindow && e.recvQueue == 0 && e.queue.now == 0
}

const (
	usPerSecond = 1e6
	msPerSecond = 1e3
	// minRTOVar is the minimum variation in seconds in the kernel's RTO formula
	// (TCP_RTO_MIN).
	minRTOVar = 0.2
)

// fromKernel sets what a single socket provides.
func (e *Evidence) fromKernel(s *sampler.Socket) {
	info := &s.Info
	e.state, e.timer, e.caState = s.State, s.Timer, info.CAState()
	e.synchronized = s.State != sampler.StateSynSent && s.Info.Len() > 0
	e.unacked, e.sacked, e.cwnd = info.Unacked(), info.Sacked(), info.SndCwnd()
	e.timeouts, e.probes, e.backoff = info.Retransmits(), info.Probes(), info.Backoff()
	e.srtt = float64(info.RTT()) / usPerSecond
	e.rttvar = float64(info.RTTVar()) / usPerSecond
	e.rto = float64(info.RTO()) / usPerSecond
	e.expectedRTO = e.srtt + max(minRTOVar, 4*e.rttvar)
	e.outstanding = e.unacked > 0 || e.probes > 0 || s.State == sampler.StateSynSent
	e.finOnly = e.unacked > 0 && s.SendQueue <= 1 && finSent(s.State)
	e.unread = unread(s)
	e.recvQueue = float64(e.unread)
	e.sentAgo, e.ackAgo = sentAgo(s), int64(info.LastAckRecv())
	e.probedFor = probedFor(s)
	if e.timeouts > 0 {
		e.timerAge, e.sinceTimeout = timerAge(s), sinceTimeout(s)
	}

	e.zeroWindow = atZeroWindow(s)
	e.queue.now = float64(info.NotsentBytes())
	e.mss = float64(info.SndMSS())

	e.sizeUnknown = !info.Has(sampler.FieldNotsentBytes)
	e.inFlight = max(0, float64(s.SendQueue)-e.queue.now)
	if lost := e.unacked - min(e.unacked, e.sacked); lost > 0 && !e.sizeUnknown {
		// What was SACKed may be tiny.
		e.segment = min(e.mss, max(0, e.inFlight-float64(e.sacked))/float64(lost))
	}

	e.bbr = [3]byte(s.Congestion[:3]) == [3]byte{'b', 'b', 'r'}
	e.handshakeRTT = info.TotalRetrans() > 0 && handshakeRTT(info)

	e.quietFor = quietFor(s, e.outstanding)

	if e.synchronized {
		e.dataSilence = float64(info.LastDataRecv()) / msPerSecond
		e.silence = min(e.dataSilence, float64(info.LastAckRecv())/msPerSecond)
	}
}

// finSent reports whether the local side has sent a FIN that is unacknowledged.
func finSent(s sampler.State) bool {
	return s == sampler.StateFinWait1 || s == sampler.StateLastAck || s == sampler.StateClosing
}

// handshakeRTT reports whether the smoothed RTT of a connection with retransmissions may be
// mainly that of the handshake, which includes the time to the retransmission: each further sample takes an
// eighth of it away. Where the kernel does not count what is delivered (before 4.18), the
// deviation, which is half of the first sample, shows it.
func handshakeRTT(info *sampler.TCPInfo) bool {
	const samples = 16

	if !info.Has(sampler.FieldDelivered) {
		return info.RTTVar() >= info.RTT()/2
	}

	return info.Delivered() < samples
}

// timerAge returns a lower bound in seconds of the outstanding age, derived from the
// kernel's retransmission timer: the elapsed timeouts and the elapsed part of the
// pending one. It is zero before the first timeout.
func timerAge(s *sampler.Socket) float64 {
	info := &s.Info
	doublings := min(info.Backoff(), info.Retransmits())

	if info.Retransmits() == 0 || s.Timer != sampler.TimerRetransmit {
		return 0
	}

	first := float64(info.RTO()) / usPerSecond / float64(uint64(1)<<min(info.Backoff(), 63))

	return first*float64(uint64(1)<<min(doublings, 63)-1) + sinceTimeout(s)
}

// sinceTimeout returns the time in seconds since the last retransmission timeout, zero
// before the first one.
func sinceTimeout(s *sampler.Socket) float64 {
	if s.Info.Retransmits() == 0 || s.Timer != sampler.TimerRetransmit {
		return 0
	}

	return max(0, float64(s.Info.RTO())/usPerSecond-float64(s.Expires)/msPerSecond)
}

// probedFor returns for how many ms a closed window has been probed: the intervals
// of the probes sent, and the elapsed part of the pending timer.
func probedFor(s *sampler.Socket) int64 {
	if s.Timer != sampler.TimerProbe {
		return 0
	}

	const most = 120_000 // TCP_RTO_MAX

	sum, wait := int64(0), max(int64(s.Info.RTO())/1000, minRTOVar*msPerSecond)
	for range s.Info.Backoff() {
		sum += wait
		wait = min(2*wait, most)
	}

	return sum + max(0, wait-int64(s.Expires))
}

// sentAgo returns a lower bound in ms of the age of what is outstanding: the time
// since data was last sent. A SYN or FIN does not reset that clock.
func sentAgo(s *sampler.Socket) int64 {
	switch s.State {
	case sampler.StateEstablished, sampler.StateCloseWait:
		return int64(s.Info.LastDataSent())
	default:
		return 0
	}
}

// atZeroWindow reports whether the peer's receive window blocks unsent data.
func atZeroWindow(s *sampler.Socket) bool {
	if s.State == sampler.StateSynSent || s.Info.Len() == 0 {
		return false
	}

	if !s.Info.Has(sampler.FieldSndWnd) {
		return s.Timer == sampler.TimerProbe
	}

	unsent, window := s.Info.NotsentBytes(), s.Info.SndWnd()
	// The probe timer also runs for a partial segment that TCP_CORK holds back,
	// though the window has room for it.
	probed := s.Timer == sampler.TimerProbe && window < min(unsent, s.Info.SndMSS())

	return probed || unsent > 0 && window == 0
}

// quietFor returns for how many ms nothing has been outstanding or unsent, and no data
// was sent or received.
func quietFor(s *sampler.Socket, outstanding bool) int64 {
	switch {
	case outstanding || s.SendQueue > 0 || s.State == sampler.StateSynSent:
		return 0
	case s.Info.Len() == 0:
		return math.MaxInt64
	default:
		return int64(min(s.Info.LastDataSent(), s.Info.LastDataRecv()))
	}
}
