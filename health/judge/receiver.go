package judge

import "tcphealth_exporter/sampler"

// followReceiver records a closed window of the peer, and a local application that
// does not read.
func (st *State) followReceiver(m *Moment, e *Evidence, first bool) {
	switch {
	case !e.zeroWindow:
		st.zeroWindowSince = 0
	case st.zeroWindowSince == 0 || st.lastProgress == m.Now: // it was open in between
		st.zeroWindowSince = m.Now
		st.windows.Zero++
	}

	if e.zeroWindow {
		st.zeroWindowSince = min(st.zeroWindowSince, m.Now-Stamp(e.probedFor))
	}

	e.zeroWindowFor = st.zeroWindowSince.seconds(m.Now)

	st.followUnread(m, e, first)
}

// followUnread records for how long the local application has read nothing.
func (st *State) followUnread(m *Moment, e *Evidence, first bool) {
	received := m.Socket.Info.BytesReceived() - uint64(m.Socket.RecvQueue)
	read := received != st.bytesReceived || first

	if read && st.unreadSince != 0 {
		st.longestPause = max(st.longestPause, uint16(min(m.Now-st.unreadSince, maxPause*msPerSecond)))
	}

	if first {
		st.readAtFirst = received
	}

	switch {
	case e.unread == 0 || !m.Socket.Info.Has(sampler.FieldBytesReceived):
		st.unreadSince = 0
	case st.unreadSince == 0 || read:
		st.unreadSince = m.Now
	}

	st.bytesReceived = received
	e.unreadFor = st.unreadSince.seconds(m.Now)
	e.bufferFull = e.unreadFor > 0 && bufferFull(m.Socket)

	if e.bufferFull {
		e.usualPause = max(float64(st.longestPause)/msPerSecond, st.ownPause(m, e.unread))
	}
}

// maxPause is the longest time in seconds that an application may read nothing and be taken
// for one that limits its rate.
const maxPause = 30

// ownPause returns the time in seconds, up to maxPause, in which the application reads what
// is unread at its own average rate since the first sample. It is maxPause while that rate
// is not known, and 0 if the application has never read.
func (st *State) ownPause(m *Moment, unread uint32) float64 {
	if st.bytesReceived == 0 {
		return 0
	}

	read := float64(st.bytesReceived - st.readAtFirst)
	seconds := float64(m.At-m.FirstSeen) / msPerSecond

	return min(float64(unread)*seconds/max(read, 1), maxPause)
}

// unread returns the bytes that the application has not read, without the FIN that
// the kernel counts in the receive queue.
func unread(s *sampler.Socket) uint32 {
	switch s.State {
	case sampler.StateCloseWait, sampler.StateLastAck, sampler.StateClosing:
		return s.RecvQueue - min(1, s.RecvQueue)
	default:
		return s.RecvQueue
	}
}

// bufferFull reports whether so much is unread that nothing more arrives: the receive
// buffer or the advertised window is nearly full, and the peer has been waiting.
func bufferFull(s *sampler.Socket) bool {
	const waiting = 1000 // ms

	window, known := s.Info.Get(sampler.FieldRcvWnd)
	noWindow := known && window < uint64(unread(s)/8)
	noMemory := s.Has(sampler.HasSkMem) && s.SkMem.RmemAlloc >= s.SkMem.Rcvbuf/8*7

	return (noMemory || noWindow) && s.Info.LastDataRecv() >= waiting
}
