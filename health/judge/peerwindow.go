package judge

import "tcphealth_exporter/sampler"

// WindowEvents counts what was seen to happen to the peer's receive window.
type WindowEvents struct {
	// Zero is how often it was found closed while there was something to send,
	// after it had been open.
	Zero uint64
	// Shrunk is how often its right edge had moved back since the last look: the
	// peer took back a promise (RFC 9293, 3.8.6). A window that gets smaller as data
	// arrives keeps its edge.
	Shrunk uint64
}

// EdgeKnown reports whether the kernel behind any tcp_info reports the window's right
// edge.
func EdgeKnown(info *sampler.TCPInfo) bool {
	return info.Has(sampler.FieldSndWnd) && info.Has(sampler.FieldBytesAcked)
}

// Add adds other to w.
func (w *WindowEvents) Add(other *WindowEvents) {
	w.Zero += other.Zero
	w.Shrunk += other.Shrunk
}

// Since returns the events after before.
func (w *WindowEvents) Since(before *WindowEvents) WindowEvents {
	return WindowEvents{Zero: w.Zero - before.Zero, Shrunk: w.Shrunk - before.Shrunk}
}

// rightEdge is how far the peer lets us send, counted as bytes_acked is.
func rightEdge(bytesAcked uint64, window uint32) uint64 { return bytesAcked + uint64(window) }

// followEdge notes when the right edge of the peer's window moves back. It may do so
// by less than what the scale of the window can tell, and when the window of the
// SYN, which is not scaled, gives way to the first one that is.
func (st *State) followEdge(m *Moment, first bool) {
	info := &m.Socket.Info
	if !EdgeKnown(info) {
		return
	}

	const synAcked = 1

	scale, _ := info.Get(sampler.FieldSndWscale)
	last, now := rightEdge(st.bytesAcked, st.sndWnd), rightEdge(info.BytesAcked(), info.SndWnd())
	if !first && st.bytesAcked > synAcked && now+1<<scale <= last {
		st.windows.Shrunk++
	}

	st.sndWnd = info.SndWnd()
}
