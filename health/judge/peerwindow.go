package judge

import "tcphealth_exporter/sampler"

// WindowEvents counts events of the peer's receive window.
type WindowEvents struct {
	// Zero counts how often the window closed while data waited to be sent.
	Zero uint64
	// Shrunk counts how often the right edge of the window moved back between two
	// samples, which RFC 9293, 3.8.6 discourages. A window that gets smaller as data
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

// rightEdge returns up to which byte the peer allows sending, counted as bytes_acked is.
func rightEdge(bytesAcked uint64, window uint32) uint64 { return bytesAcked + uint64(window) }

// followEdge counts when the right edge of the peer's window moves back. Differences
// below the resolution of the window scale do not count, and neither does the change
// from the unscaled window of the SYN to the first scaled one.
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
