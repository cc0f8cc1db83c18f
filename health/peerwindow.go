package health

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

// edgeKnown tells whether a kernel tells the right edge, by any tcp_info of it.
func edgeKnown(info *sampler.TCPInfo) bool {
	return info.Has(sampler.FieldSndWnd) && info.Has(sampler.FieldBytesAcked)
}

func (w *WindowEvents) add(other *WindowEvents) {
	w.Zero += other.Zero
	w.Shrunk += other.Shrunk
}

// since returns what was added after before.
func (w *WindowEvents) since(before *WindowEvents) WindowEvents {
	return WindowEvents{Zero: w.Zero - before.Zero, Shrunk: w.Shrunk - before.Shrunk}
}

// rightEdge is how far the peer lets us send, counted as bytes_acked is.
func rightEdge(bytesAcked uint64, window uint32) uint64 { return bytesAcked + uint64(window) }

// followEdge notes when the right edge of the peer's window moves back. It may do so
// by less than what the scale of the window can tell, and when the window of the
// SYN, which is not scaled, gives way to the first one that is.
func (c *connection) followEdge(m *moment, first bool) {
	info := &m.row.Info
	if !edgeKnown(info) {
		return
	}

	const synAcked = 1

	scale, _ := info.Get(sampler.FieldSndWscale)
	last, now := rightEdge(c.bytesAcked, c.sndWnd), rightEdge(info.BytesAcked(), info.SndWnd())
	if !first && c.bytesAcked > synAcked && now+1<<scale <= last {
		c.windows.Shrunk++
	}

	c.sndWnd = info.SndWnd()
}

// countWindows counts for the connection's group what happened to the peer's
// window. One without a group is counted when it joins one.
func (t *Tracker) countWindows(c *connection, before WindowEvents) {
	if c.windows != before && c.group != noGroup {
		added := c.windows.since(&before)
		t.groups.of(c).Windows.add(&added)
	}
}
