package judge

import (
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// Stamp is a time on the judging clock in ms. Zero means "not running".
type Stamp int64

// seconds returns the time from s to now, zero if s is not running.
func (s Stamp) seconds(now Stamp) float64 {
	if s == 0 {
		return 0
	}

	return float64(now-s) / msPerSecond
}

// follow adds a moment to the window and gathers the evidence.
func (st *State) follow(m *Moment, r *window.Window, g *window.Geometry, t *Thresholds, e *Evidence) {
	*e = Evidence{}

	if m.Socket.Has(sampler.FromProc) {
		st.followReduced(m, r, g, t, e)

		return
	}

	e.fromKernel(m.Socket)

	s := newSample(m.Socket, e, m.Sampled)
	if r.Count() > 0 && s.ResetSince(r.Newest()) {
		r.Clear()
		st.forget()
	}

	first := r.Count() == 0
	held, elapsed := uint32(0), int64(0)

	if !first {
		held, elapsed = min(s.SendQueue, r.Newest().SendQueue), m.Sampled-r.Newest().At
		e.hadQueue = e.unacked > 0 && hadQueue(r, m.Sampled-int64(burstRTTs*e.srtt*msPerSecond))
	}

	st.followSegments(m, e, r)
	st.followSizes(m, e, first)
	r.Push(s, g)

	st.followEdge(m, first)
	st.followProgress(m, e, first, elapsed)
	st.followAge(m, e)
	st.followAnswer(m, e, elapsed)
	st.followReceiver(m, e, first)
	st.followCloseWait(m, e, first, elapsed)

	e.progress = st.lastProgress != 0 && int64(m.Now-st.lastProgress) <= g.Span
	if st.lastProgress != m.Now {
		e.heldQueue = float64(held)
	}

	st.followPath(m, e, t)
	st.followOutage(m, e, r)
	e.followFirstFlight(m)
	e.overdue = e.outstanding && e.age >= t.Patience.at(e.srtt) && !m.AfterGap
	e.entries = st.verdict.recentEntries(m.Now, t.FlapSpan.Milliseconds(), g.Span)
	e.afterGap = m.AfterGap
	st.followWindow(m, e, r, t)
}

// hadQueue reports whether data was waiting at the newest sample, or at one since a time in
// ms: all of it may be in flight while a long path is filled.
func hadQueue(r *window.Window, since int64) bool {
	for i := r.Last(); i >= 0; i-- {
		if s := r.At(i); s.Notsent > 0 {
			return true
		} else if s.At <= since {
			return false
		}
	}

	return false
}

func newSample(s *sampler.Socket, e *Evidence, at int64) window.Sample {
	info := &s.Info

	return window.Sample{
		At:              at,
		BytesSent:       info.BytesSent(),
		BytesRetrans:    info.BytesRetrans(),
		SendQueue:       s.SendQueue,
		RecvQueue:       e.unread,
		Notsent:         info.NotsentBytes(),
		TotalRetrans:    info.TotalRetrans(),
		DSACKDups:       info.DSACKDups(),
		DataSegsOut:     info.DataSegsOut(),
		Delivered:       info.Delivered(),
		DeliveredCE:     info.DeliveredCE(),
		Cwnd:            info.SndCwnd(),
		Busy:            uint32(info.BusyTime() / 1000),
		ReceiverLimited: uint32(info.RwndLimited() / 1000),
		SndbufLimited:   uint32(info.SndbufLimited() / 1000),
	}
}

// JiffyMS is the coarsest unit in ms of the kernel's last_* clocks (HZ=100).
const JiffyMS = 10

// followProgress records whether the peer acknowledged new data. On a kernel without
// bytes_acked (before 4.1), progress is fewer segments in flight, or an ACK since the
// previous sample, taken elapsed ms ago, while segments were in flight.
func (st *State) followProgress(m *Moment, e *Evidence, first bool, elapsed int64) {
	info := &m.Socket.Info
	acked := info.BytesAcked()
	progress := acked > st.bytesAcked

	if info.Len() > 0 && !info.Has(sampler.FieldBytesAcked) {
		progress = e.timeouts == 0 && (e.unacked < st.unacked || st.unacked > 0 && e.ackAgo < elapsed)
	}

	if progress && !first {
		st.lastProgress = m.Now
		st.outstandingSince = 0
		st.progressed = true
	}

	st.bytesAcked, st.unacked = acked, e.unacked
}

// sampleOfProgress returns the index of the sample that showed the last progress, or of the
// oldest one.
func (st *State) sampleOfProgress(m *Moment, r *window.Window) int {
	return r.Before(r.Last(), int64(m.Now-st.lastProgress))
}

// followAge determines how long the oldest outstanding byte has waited. If it was
// sent between two samples, the latest possible time counts.
func (st *State) followAge(m *Moment, e *Evidence) {
	if !e.outstanding {
		st.outstandingSince = 0

		return
	}

	since := m.Now - Stamp(e.sentAgo)

	switch {
	case e.unacked == 0: // a probe: any answer since then starts a new one
		since = m.Now
		if e.ackAgo < int64(m.Now-st.outstandingSince)+JiffyMS {
			st.outstandingSince = 0
		}
	case st.lastProgress == m.Now:
		since = max(since, m.Now-Stamp(e.ackAgo))
	}

	if m.AfterGap { // the kernel's clocks went on during the gap
		since = max(since, m.Now-Stamp(m.Usual))
	}

	if st.outstandingSince == 0 {
		st.outstandingSince = since
	}

	e.age = max(st.outstandingSince.seconds(m.Now), e.timerAge)
}

// followSegments records whether full-size segments were acknowledged: those of the
// moment together, for the kernel does not report single ones.
func (st *State) followSegments(m *Moment, e *Evidence, r *window.Window) {
	segments := m.Socket.Info.Delivered()
	if r.Count() > 0 {
		segments -= r.Newest().Delivered
	}

	if segments > 0 && !st.fullAcked && e.mss > 0 {
		bytes, mss := m.Socket.Info.BytesAcked()-st.bytesAcked, uint64(e.mss)
		full := mss * uint64(segments)
		st.fullAcked = 2*bytes >= full || 4*bytes >= full && bytes >= 10*mss
		st.smallAcked = !st.fullAcked && m.Socket.Info.BytesAcked() > 1 // more than the SYN
	}

	e.fullAcked, e.smallAcked = st.fullAcked, st.smallAcked
}

// followSizes determines the mean size of the segments in flight when they were first sent.
// The kernel merges small ones when it retransmits them, so their number is that of the
// segments sent and not delivered since it was last known.
func (st *State) followSizes(m *Moment, e *Evidence, first bool) {
	info := &m.Socket.Info
	if !info.Has(sampler.FieldDelivered) || e.sizeUnknown {
		return
	}

	sent := info.DataSegsOut() - info.TotalRetrans() - info.Delivered()

	switch {
	case e.timeouts == 0 && e.caState < sampler.CARecovery:
		st.segmentBase = sent - e.unacked + min(e.unacked, e.sacked)
	case first:
		st.segmentBase = sent
	}

	if n := int32(sent - st.segmentBase); n > 0 && e.timeouts > 0 {
		e.sentSize = max(0, e.inFlight-float64(e.sacked)) / float64(n)
	}
}

// followPath updates the baselines of the connection.
func (st *State) followPath(m *Moment, e *Evidence, t *Thresholds) {
	info := &m.Socket.Info
	if e.progress && !e.handshakeRTT {
		st.baseline.observe(info.RTT(), m.Now, t.BaselineAge.Milliseconds(), minimum)
	}

	e.baseline = float64(st.baseline.value(minimum)) / usPerSecond

	if info.Backoff() == 0 && info.RTT() > 0 && info.RTO() > info.RTT() {
		if v := info.RTO() - info.RTT(); st.rtoVariation == 0 || v < st.rtoVariation {
			st.rtoVariation = v
		}
	}

	e.expectedRTO = max(e.expectedRTO, e.srtt+float64(st.rtoVariation)/usPerSecond)
}

// followWindow evaluates the window as a whole. It computes only what may indicate a
// problem.
func (st *State) followWindow(m *Moment, e *Evidence, r *window.Window, t *Thresholds) {
	e.window = r.Stats(0, r.Last())
	e.windowSpan = float64(r.Newest().At-r.Oldest().At) / msPerSecond

	if e.window.Retrans > 0 {
		st.followLoss(m, e, r, t)
	}

	if e.queue.now > 0 && m.Socket.Info.Has(sampler.FieldDelivered) {
		e.queue = newQueueStats(r, t, e.mss)
		st.rate.observe(saturated(r.DeliveryRate(t.QueueRise.Milliseconds(), e.mss)), m.Now, t.RateAge.Milliseconds(), maximum)
		e.ownRate = float64(st.rate.value(maximum))
	}
}

// followLoss determines the losses that are evidence about the path. While timeouts
// are unanswered, the path may lose packets or be dead, so their retransmissions do
// not count yet, unless the loss known before explains them.
func (st *State) followLoss(m *Moment, e *Evidence, r *window.Window, t *Thresholds) {
	known := r.Last()
	if e.timeouts > 0 {
		known = st.sampleOfProgress(m, r)
	}

	reorderings, _ := m.Socket.Info.Get(sampler.FieldReordSeen)
	e.reordered = reorderings > 0

	st.followQueue(m, e, r)
	st.lossUpTo(known, e, r, t)

	if known != r.Last() && e.lossy(t) {
		st.lossUpTo(r.Last(), e, r, t)
	}
}

// burstRTTs is how many round trips it takes a sender that fills the path to find a new
// capacity: the losses of a burst become known one after the other.
const burstRTTs = 4

// lossUpTo evaluates the losses up to sample k. A sender that fills the path finds
// its capacity by losses, most of them at its start, so its worst burst does not
// count.
func (st *State) lossUpTo(k int, e *Evidence, r *window.Window, t *Thresholds) {
	e.settled = st.outage.stats(r, 0, k)

	if e.bulk() {
		from, to := r.WorstBurst(k, max(t.LossBurst.Milliseconds(), int64(burstRTTs*e.srtt*msPerSecond)))
		e.settled.Subtract(r.Stats(from, to))
	} else {
		e.half = st.outage.stats(r, r.Before(k, (r.At(k).At-r.Oldest().At)/2), k)
		e.recent = st.outage.stats(r, r.Before(k, t.LossWindow.Milliseconds()), k)

		if !e.reordered {
			e.settled.SuspectLostACKs()
			e.half.SuspectLostACKs()
			e.recent.SuspectLostACKs()
		}
	}

	st.recallLoss(e, r.At(k).TotalRetrans, r.Oldest().UsualLoss(), t)
}
