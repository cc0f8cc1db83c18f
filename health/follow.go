package health

import "tcphealth_exporter/sampler"

// moment is one sight of a connection.
type moment struct {
	row *sampler.Socket
	// at is on the tracker's clock, now on its judging clock.
	at  int64
	now stamp
	// sampled is the time of what the window gets: that of the first row of a dump.
	sampled int64
	// afterGap: the sampling paused before this moment, usual is what the pause
	// counts for, in ms.
	afterGap bool
	usual    int64
}

// follow takes in a row and gathers the evidence for judging it.
func (c *connection) follow(m *moment, r *ring, g geometry, l *Limits, e *evidence) {
	s := newSample(m.row, m.sampled)
	if r.count > 0 && s.resetSince(r.newest()) {
		r.clear()
		c.forget()
	}

	first := r.count == 0
	held, passed := uint32(0), int64(0)

	if !first {
		held, passed = min(s.sendQueue, r.newest().sendQueue), m.at-c.lastAt
	}

	r.push(s, g)
	c.lastAt = m.at

	*e = evidence{}
	e.fromKernel(m.row)
	c.followEdge(m, first)
	c.followProgress(m, e, first, passed)
	c.followAge(m, e)
	c.followAnswer(m, e, passed)
	c.followReceiver(m, e, first)

	e.progress = c.lastProgress != 0 && int64(m.now-c.lastProgress) <= g.span
	if c.lastProgress != m.now {
		e.heldQueue = float64(held)
	}

	c.followPath(m, e, l)
	e.overdue = e.outstanding && e.age >= l.Patience.at(e.srtt) && !m.afterGap
	e.entries = c.verdict.lateEntries(m.now, l.FlapSpan.Milliseconds(), g.span)
	e.afterGap = m.afterGap
	c.followWindow(m, e, r, l)
}

// jiffyMS is the coarsest unit in ms of the kernel's last_* clocks (HZ=100).
const jiffyMS = 10

// followProgress notes whether the peer acknowledged something new. A kernel
// without bytes_acked (before 4.1) shows it by fewer segments in flight, or by
// an ACK since the last sample, passed ms ago, for what was in flight then.
func (c *connection) followProgress(m *moment, e *evidence, first bool, passed int64) {
	info := &m.row.Info
	acked := info.BytesAcked()
	progress := acked > c.bytesAcked

	if info.Len() > 0 && !info.Has(sampler.FieldBytesAcked) {
		progress = e.timeouts == 0 && (e.unacked < c.unacked || c.unacked > 0 && heardAgo(m.row) < passed)
	}

	if progress && !first {
		c.lastProgress = m.now
		c.outstandingSince = 0
		c.progressed = true
	}

	c.bytesAcked, c.unacked = acked, e.unacked
}

// followAge finds how long the oldest outstanding byte has waited. Where it
// was sent between two samples, the latest moment that is possible counts.
func (c *connection) followAge(m *moment, e *evidence) {
	if m.row.State == sampler.StateSynSent {
		e.outstanding = true
	}

	if !e.outstanding {
		c.outstandingSince = 0

		return
	}

	since := m.now - stamp(sentAgo(m.row))

	switch {
	case e.unacked == 0: // a probe: any answer since makes it another one
		since = m.now
		if heardAgo(m.row) < int64(m.now-c.outstandingSince)+jiffyMS {
			c.outstandingSince = 0
		}
	case c.lastProgress == m.now:
		since = max(since, m.now-stamp(heardAgo(m.row)))
	}

	if m.afterGap { // the kernel's clocks went on while nobody watched
		since = max(since, m.now-stamp(m.usual))
	}

	if c.outstandingSince == 0 {
		c.outstandingSince = since
	}

	e.age = max(c.outstandingSince.seconds(m.now), timerAge(m.row))
}

// followAnswer notes whether the last attempt to get data through was answered
// at all: a peer that drops what it receives answers each time. Just after an
// attempt the one before it counts. The kernel's clock of sending does not know
// of FINs.
func (c *connection) followAnswer(m *moment, e *evidence, passed int64) {
	info := &m.row.Info
	sent := float64(info.LastDataSent()) / msPerSecond
	pureAcks := info.SegsIn() - info.DataSegsIn()

	if sent >= e.srtt {
		c.answered = e.silence < sent
	}

	switch {
	case !info.Has(sampler.FieldDataSegsIn):
		// The clock of ACKs counts data that is sent again, too: too kind, if anything.
		if sent >= e.srtt {
			c.ackAnswered = info.LastAckRecv() < info.LastDataSent()
		}
	case pureAcks != c.pureAcks:
		c.ackAnswered = true
	case sent >= e.srtt && int64(info.LastDataSent()) < passed:
		c.ackAnswered = false
	}

	c.pureAcks = pureAcks
	e.answered, e.ackAnswered = c.answered && !e.finOnly, c.ackAnswered && !e.finOnly
}

// remnant is the most in bytes that a client may leave unread that never asks for
// it, as the tickets of a TLS server.
const remnant = 16 << 10

// followReceiver notes a closed window of the peer and a local application
// that does not read.
func (c *connection) followReceiver(m *moment, e *evidence, first bool) {
	e.zeroWindow = atZeroWindow(m.row)

	switch {
	case !e.zeroWindow:
		c.zeroWindowSince = 0
	case c.zeroWindowSince == 0 || c.lastProgress == m.now: // it has been open since
		c.zeroWindowSince = m.now
		c.windows.Zero++
	}

	if e.zeroWindow {
		c.zeroWindowSince = min(c.zeroWindowSince, m.now-stamp(probedFor(m.row)))
	}

	e.zeroWindowFor = c.zeroWindowSince.seconds(m.now)

	received := m.row.Info.BytesReceived() - uint64(m.row.RecvQueue)
	read := received != c.bytesReceived || first
	waiting := unread(m.row)

	switch {
	case waiting == 0 || !m.row.Info.Has(sampler.FieldBytesReceived):
		c.unreadSince = 0
	case c.unreadSince == 0 || read:
		c.unreadSince, c.unreadFirst = m.now, waiting
	}

	c.bytesReceived = received
	e.unreadFor = c.unreadSince.seconds(m.now)
	e.unreadGrows = waiting > max(c.unreadFirst, remnant)
}

// followPath learns what is usual for the connection.
func (c *connection) followPath(m *moment, e *evidence, l *Limits) {
	info := &m.row.Info
	if e.progress {
		c.baseline.observe(info.RTT(), m.now, l.BaselineAge.Milliseconds(), least)
	}

	e.baseline = float64(c.baseline.value(least)) / usPerSecond

	if info.Backoff() == 0 && info.RTT() > 0 && info.RTO() > info.RTT() {
		if v := info.RTO() - info.RTT(); c.rtoVariation == 0 || v < c.rtoVariation {
			c.rtoVariation = v
		}
	}

	e.expectedRTO = max(e.expectedRTO, e.srtt+float64(c.rtoVariation)/usPerSecond)
}

// followWindow looks at the window as a whole. Only what may speak against the
// connection is computed.
func (c *connection) followWindow(m *moment, e *evidence, r *ring, l *Limits) {
	e.window = r.stats(0, r.last())
	e.windowSpan = float64(r.newest().at-r.oldest().at) / msPerSecond

	// Without DSACKs nobody knows how much was sent again for nothing.
	if e.window.retrans > 0 && m.row.Info.Has(sampler.FieldDSACKDups) {
		c.followLoss(m, e, r, l)
	}

	if e.queue.now > 0 && m.row.Info.Has(sampler.FieldDelivered) {
		e.queue = r.queue(l, e.mss)
		c.rate.observe(saturated(r.deliveryRate(l.QueueRise.Milliseconds(), e.mss)), m.now, l.RateAge.Milliseconds(), highest)
		e.ownRate = float64(c.rate.value(highest))
	}
}

// followLoss looks for the losses that tell of the path. Whether it loses or is
// dead is not known while time-outs go unanswered, so these don't count yet, unless
// the path is known to lose so much that they are excused.
func (c *connection) followLoss(m *moment, e *evidence, r *ring, l *Limits) {
	known := r.last()
	if e.timeouts > 0 {
		known = r.before(known, int64(m.now-c.lastProgress))
	}

	c.lossUpTo(known, e, r, l)

	if known != r.last() && e.lossy(l) {
		c.lossUpTo(r.last(), e, r, l)
	}
}

// lossUpTo looks at the losses up to sample k. A sender that fills the path learns
// its size by losses, at its start above all; so the worst burst of such a one
// counts for nothing.
func (c *connection) lossUpTo(k int, e *evidence, r *ring, l *Limits) {
	e.settled = r.stats(0, k)

	if e.bulk() {
		from, to := r.worstBurst(k, l.LossBurst.Milliseconds())
		e.settled.subtract(r.stats(from, to))
	} else {
		e.half = r.stats(r.before(k, (r.at(k).at-r.oldest().at)/2), k)
		e.recent = r.stats(r.before(k, l.LossWindow.Milliseconds()), k)
	}

	c.loss.recall(e, r.at(k).totalRetrans, l)
}
