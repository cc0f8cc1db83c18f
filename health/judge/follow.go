package judge

import "tcphealth_exporter/sampler"

// follow takes in a row and gathers the evidence for judging it.
func (st *State) follow(m *Moment, r *Window, t *Thresholds, e *Evidence) {
	s := newSample(m.Socket, m.Sampled)
	if r.count > 0 && s.resetSince(r.Newest()) {
		r.clear()
		st.forget()
	}

	first := r.count == 0
	held, passed := uint32(0), int64(0)

	if !first {
		held, passed = min(s.SendQueue, r.Newest().SendQueue), m.At-st.lastAt
	}

	r.Push(s)
	st.lastAt = m.At

	*e = Evidence{}
	e.fromKernel(m.Socket)
	st.followEdge(m, first)
	st.followProgress(m, e, first, passed)
	st.followAge(m, e)
	st.followAnswer(m, e, passed)
	st.followReceiver(m, e, first)

	e.progress = st.lastProgress != 0 && int64(m.Now-st.lastProgress) <= r.geometry.Span
	if st.lastProgress != m.Now {
		e.heldQueue = float64(held)
	}

	st.followPath(m, e, t)
	e.overdue = e.outstanding && e.age >= t.Patience.at(e.srtt) && !m.AfterGap
	e.entries = st.verdict.lateEntries(m.Now, t.FlapSpan.Milliseconds(), r.geometry.Span)
	e.afterGap = m.AfterGap
	st.followWindow(m, e, r, t)
}

// JiffyMS is the coarsest unit in ms of the kernel's last_* clocks (HZ=100).
const JiffyMS = 10

// followProgress notes whether the peer acknowledged something new. A kernel
// without bytes_acked (before 4.1) shows it by fewer segments in flight, or by
// an ACK since the last sample, passed ms ago, for what was in flight then.
func (st *State) followProgress(m *Moment, e *Evidence, first bool, passed int64) {
	info := &m.Socket.Info
	acked := info.BytesAcked()
	progress := acked > st.bytesAcked

	if info.Len() > 0 && !info.Has(sampler.FieldBytesAcked) {
		progress = e.timeouts == 0 && (e.unacked < st.unacked || st.unacked > 0 && heardAgo(m.Socket) < passed)
	}

	if progress && !first {
		st.lastProgress = m.Now
		st.outstandingSince = 0
		st.progressed = true
	}

	st.bytesAcked, st.unacked = acked, e.unacked
}

// followAge finds how long the oldest outstanding byte has waited. Where it
// was sent between two samples, the latest moment that is possible counts.
func (st *State) followAge(m *Moment, e *Evidence) {
	if m.Socket.State == sampler.StateSynSent {
		e.outstanding = true
	}

	if !e.outstanding {
		st.outstandingSince = 0

		return
	}

	since := m.Now - Stamp(sentAgo(m.Socket))

	switch {
	case e.unacked == 0: // a probe: any answer since makes it another one
		since = m.Now
		if heardAgo(m.Socket) < int64(m.Now-st.outstandingSince)+JiffyMS {
			st.outstandingSince = 0
		}
	case st.lastProgress == m.Now:
		since = max(since, m.Now-Stamp(heardAgo(m.Socket)))
	}

	if m.AfterGap { // the kernel's clocks went on while nobody watched
		since = max(since, m.Now-Stamp(m.Usual))
	}

	if st.outstandingSince == 0 {
		st.outstandingSince = since
	}

	e.age = max(st.outstandingSince.seconds(m.Now), timerAge(m.Socket))
}

// followAnswer notes whether the last attempt to get data through was answered
// at all: a peer that drops what it receives answers each time. Just after an
// attempt the one before it counts. The kernel's clock of sending does not know
// of FINs.
func (st *State) followAnswer(m *Moment, e *Evidence, passed int64) {
	info := &m.Socket.Info
	sent := float64(info.LastDataSent()) / msPerSecond
	pureAcks := info.SegsIn() - info.DataSegsIn()

	if sent >= e.srtt {
		st.answered = e.silence < sent
	}

	switch {
	case !info.Has(sampler.FieldDataSegsIn):
		// The clock of ACKs counts data that is sent again, too: too kind, if anything.
		if sent >= e.srtt {
			st.ackAnswered = info.LastAckRecv() < info.LastDataSent()
		}
	case pureAcks != st.pureAcks:
		st.ackAnswered = true
	case sent >= e.srtt && int64(info.LastDataSent()) < passed:
		st.ackAnswered = false
	}

	st.pureAcks = pureAcks
	e.answered, e.ackAnswered = st.answered && !e.finOnly, st.ackAnswered && !e.finOnly
}

// remnant is the most in bytes that a client may leave unread that never asks for
// it, as the tickets of a TLS server.
const remnant = 16 << 10

// followReceiver notes a closed window of the peer and a local application
// that does not read.
func (st *State) followReceiver(m *Moment, e *Evidence, first bool) {
	e.zeroWindow = atZeroWindow(m.Socket)

	switch {
	case !e.zeroWindow:
		st.zeroWindowSince = 0
	case st.zeroWindowSince == 0 || st.lastProgress == m.Now: // it has been open since
		st.zeroWindowSince = m.Now
		st.windows.Zero++
	}

	if e.zeroWindow {
		st.zeroWindowSince = min(st.zeroWindowSince, m.Now-Stamp(probedFor(m.Socket)))
	}

	e.zeroWindowFor = st.zeroWindowSince.seconds(m.Now)

	received := m.Socket.Info.BytesReceived() - uint64(m.Socket.RecvQueue)
	read := received != st.bytesReceived || first
	waiting := unread(m.Socket)

	switch {
	case waiting == 0 || !m.Socket.Info.Has(sampler.FieldBytesReceived):
		st.unreadSince = 0
	case st.unreadSince == 0 || read:
		st.unreadSince, st.unreadFirst = m.Now, waiting
	}

	st.bytesReceived = received
	e.unreadFor = st.unreadSince.seconds(m.Now)
	e.unreadGrows = waiting > max(st.unreadFirst, remnant)
}

// followPath learns what is usual for the connection.
func (st *State) followPath(m *Moment, e *Evidence, t *Thresholds) {
	info := &m.Socket.Info
	if e.progress {
		st.baseline.observe(info.RTT(), m.Now, t.BaselineAge.Milliseconds(), least)
	}

	e.baseline = float64(st.baseline.value(least)) / usPerSecond

	if info.Backoff() == 0 && info.RTT() > 0 && info.RTO() > info.RTT() {
		if v := info.RTO() - info.RTT(); st.rtoVariation == 0 || v < st.rtoVariation {
			st.rtoVariation = v
		}
	}

	e.expectedRTO = max(e.expectedRTO, e.srtt+float64(st.rtoVariation)/usPerSecond)
}

// followWindow looks at the window as a whole. Only what may speak against the
// connection is computed.
func (st *State) followWindow(m *Moment, e *Evidence, r *Window, t *Thresholds) {
	e.window = r.stats(0, r.last())
	e.windowSpan = float64(r.Newest().At-r.Oldest().At) / msPerSecond

	// Without DSACKs nobody knows how much was sent again for nothing.
	if e.window.retrans > 0 && m.Socket.Info.Has(sampler.FieldDSACKDups) {
		st.followLoss(m, e, r, t)
	}

	if e.queue.now > 0 && m.Socket.Info.Has(sampler.FieldDelivered) {
		e.queue = r.queue(t, e.mss)
		st.rate.observe(saturated(r.deliveryRate(t.QueueRise.Milliseconds(), e.mss)), m.Now, t.RateAge.Milliseconds(), highest)
		e.ownRate = float64(st.rate.value(highest))
	}
}

// followLoss looks for the losses that tell of the path. Whether it loses or is
// dead is not known while time-outs go unanswered, so these don't count yet, unless
// the path is known to lose so much that they are excused.
func (st *State) followLoss(m *Moment, e *Evidence, r *Window, t *Thresholds) {
	known := r.last()
	if e.timeouts > 0 {
		known = r.before(known, int64(m.Now-st.lastProgress))
	}

	st.lossUpTo(known, e, r, t)

	if known != r.last() && e.lossy(t) {
		st.lossUpTo(r.last(), e, r, t)
	}
}

// lossUpTo looks at the losses up to sample k. A sender that fills the path learns
// its size by losses, at its start above all; so the worst burst of such a one
// counts for nothing.
func (st *State) lossUpTo(k int, e *Evidence, r *Window, t *Thresholds) {
	e.settled = r.stats(0, k)

	if e.bulk() {
		from, to := r.worstBurst(k, t.LossBurst.Milliseconds())
		e.settled.subtract(r.stats(from, to))
	} else {
		e.half = r.stats(r.before(k, (r.At(k).At-r.Oldest().At)/2), k)
		e.recent = r.stats(r.before(k, t.LossWindow.Milliseconds()), k)
	}

	st.loss.recall(e, r.At(k).TotalRetrans, t)
}
