package judge

import (
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// Moment is a connection's socket as it was read at one time.
type Moment struct {
	Socket *sampler.Socket
	// At is the time of reading on the tracker's clock in ms. Now is the same on
	// the judging clock, which stands still during gaps in sampling.
	At  int64
	Now Stamp
	// Sampled is the time that the window records: that of the dump's first row. FirstSeen
	// is the time of the connection's first sample, on the same clock as At.
	Sampled, FirstSeen int64
	// AfterGap reports whether sampling paused before this moment. Usual is the
	// time in ms that the pause counts for.
	AfterGap bool
	Usual    int64
}

// State is what judging remembers about one connection. The zero value is a
// connection that was never observed. It holds no pointers, so that a hundred
// thousand of them cost the garbage collector nothing.
type State struct {
	// Levels with a duration: since when they hold.
	outstandingSince, zeroWindowSince, unreadSince Stamp
	lastProgress                                   Stamp
	// unansweredSince is the time of the first known transmission after which nothing
	// was received, unackedSince that after which no bare ACK was.
	unansweredSince, unackedSince Stamp
	// queuedAt is when the RTT last showed a queue.
	queuedAt                  Stamp
	bytesAcked, bytesReceived uint64 // bytesReceived without what is unread
	// readAtFirst is bytesReceived at the first moment.
	readAtFirst uint64
	unacked     uint32
	// segmentBase are the segments with data that were sent for the first time, less those
	// delivered and those in flight, when that was last known (modulo 2^32).
	segmentBase uint32
	pureAcks    uint32
	// sndWnd is the peer's window at the last moment, windows counts its events.
	sndWnd uint32
	// closeWaitSince is since when the peer has closed while the local application has
	// not, see [State.CloseWaitSince].
	closeWaitSince uint32
	// longestPause is the longest time in ms, up to maxPause, that the application read
	// nothing although there was something, and then went on.
	longestPause uint16
	// lostByChance: see Evidence.byChance.
	lostByChance bool
	// timeouts are those at the last moment, if the socket had no tcp_info.
	timeouts uint8
	windows  WindowEvents
	// rtoVariation is the minimum difference in µs of RTO and smoothed RTT without
	// back-off: a route or a socket may have a minimum of its own.
	rtoVariation uint32

	loss   lossMemory
	outage outage
	// outageLasts: the outage is not over.
	outageLasts bool
	// progressed: it made progress since the last call of TakeProgress.
	progressed bool
	// fullAcked, smallAcked: see Evidence.
	fullAcked, smallAcked bool
	baseline              aged // minimum smoothed RTT in µs
	rate                  aged // maximum delivery rate while there was more to send, bytes per second
	verdict               verdict
}

// Assessment is what one observation changed.
type Assessment struct {
	// Activated are the flags that became active.
	Activated Flags
	// Entered reports whether the status changed.
	Entered bool
	// Windows counts the events of the peer's receive window.
	Windows WindowEvents
}

// Observe adds a moment to the window and judges the connection. It stores the
// evidence behind the verdict in e, for [Explain].
func (st *State) Observe(m *Moment, w *window.Window, g *window.Geometry, t *Thresholds, e *Evidence) Assessment {
	status, windows := st.verdict.Status, st.windows

	st.follow(m, w, g, t, e)

	a := Assessment{
		Activated: st.verdict.settle(assess(e, t), m.Now, t.holdMS(g.Interval), m.At),
		Windows:   st.windows.Since(&windows),
	}
	a.Entered = st.verdict.Status != status
	st.verdict.Idle = e.quietFor >= g.Span

	return a
}

// Verdict returns the current verdict, which the next moment overwrites. Reading a field
// costs less than a copy would just after the fields were written one by one.
func (st *State) Verdict() *Verdict { return &st.verdict.Verdict }

// Spotless reports whether the verdict is HEALTHY and idle, with no flag active
// and nothing held from before.
func (st *State) Spotless() bool {
	return st.verdict.spotless() && st.verdict.assessed == Healthy
}

// Windows returns the events of the peer's receive window since the first moment.
func (st *State) Windows() WindowEvents { return st.windows }

// AckedBytes returns the acknowledged bytes at the last moment
// (uapi/linux/tcp.h: tcpi_bytes_acked).
func (st *State) AckedBytes() uint64 { return st.bytesAcked }

// TakeProgress reports whether the peer acknowledged data since the last call.
func (st *State) TakeProgress() bool {
	progressed := st.progressed
	st.progressed = false

	return progressed
}

// forget drops everything that was learned about an earlier use of the socket.
func (st *State) forget() {
	st.outstandingSince, st.zeroWindowSince, st.unreadSince, st.lastProgress = 0, 0, 0, 0
	st.unansweredSince, st.unackedSince, st.queuedAt = 0, 0, 0
	st.bytesAcked, st.bytesReceived, st.unacked, st.segmentBase, st.pureAcks = 0, 0, 0, 0, 0
	st.rtoVariation, st.longestPause, st.readAtFirst = 0, 0, 0
	st.fullAcked, st.smallAcked, st.lostByChance, st.outageLasts = false, false, false, false
	st.baseline, st.rate, st.loss, st.outage = aged{}, aged{}, lossMemory{}, outage{}
}

// Touch reads a word of each cache line of the state, so that several states can
// be fetched at once.
func (st *State) Touch() uint64 {
	return st.bytesAcked + uint64(st.outage.to) + uint64(st.rate.current) + uint64(st.verdict.otherSince)
}
