package health

import "tcphealth_exporter/sampler"

// stamp is a moment on the tracker's judging clock in ms; zero is "not
// running".
type stamp int64

// seconds returns the time from s to now, zero if s is not running.
func (s stamp) seconds(now stamp) float64 {
	if s == 0 {
		return 0
	}

	return float64(now-s) / msPerSecond
}

// connection is the state of one followed connection. It holds no pointers, so
// that a hundred thousand of them cost the garbage collector nothing.
type connection struct {
	cookie        uint64
	local, remote sampler.Endpoint
	ifindex       uint32 // zone of a link-local address
	// shown is the index of the connection's place in the export, or notShown.
	shown int32

	// firstSeen and endedAt are in ms on the tracker's clock, endedAt zero
	// while the connection lives.
	firstSeen, endedAt int64
	missed             uint8 // complete dumps in a row without it
	// foundAtStart: it was there in the very first dump.
	foundAtStart bool

	ringFirst, ringCount uint8

	// Levels with a duration: since when they hold.
	outstandingSince, zeroWindowSince, unreadSince stamp
	lastProgress                                   stamp
	bytesAcked, bytesReceived                      uint64
	unacked                                        uint32

	baseline baseline
	verdict  verdict
}

const notShown = -1

// is tells whether the row is of this connection.
func (c *connection) is(row *sampler.Socket) bool {
	return c.cookie == row.Cookie && c.local == row.Local && c.remote == row.Remote
}

// baseline is the least srtt of the connection in two buckets of time, so that
// it ages slowly. Values are in µs, zero for none.
type baseline struct {
	current, previous uint32
	since             stamp
}

// observe takes in an srtt in µs.
func (b *baseline) observe(rtt uint32, now stamp, age int64) {
	if rtt == 0 {
		return
	}

	if passed := int64(now - b.since); passed >= age/2 {
		b.previous, b.current, b.since = b.current, rtt, now
		if passed >= age {
			b.previous = 0
		}

		return
	}

	if b.current == 0 || rtt < b.current {
		b.current = rtt
	}
}

// rtt returns the least srtt in µs, zero for none.
func (b *baseline) rtt() uint32 {
	if b.previous == 0 || b.current == 0 {
		return max(b.previous, b.current)
	}

	return min(b.previous, b.current)
}

// moment is one sight of a connection.
type moment struct {
	row *sampler.Socket
	// at is on the tracker's clock, now on its judging clock.
	at  int64
	now stamp
	// afterGap: the sampling paused before this moment.
	afterGap bool
}

// follow takes in a row and returns the evidence for judging it.
func (c *connection) follow(m *moment, r *ring, g geometry, l *Limits) evidence {
	s := newSample(m.row, m.at)
	if r.count > 0 && s.resetSince(r.newest()) {
		r.clear()
		c.forget()
	}

	first := r.count == 0
	passed := int64(0)

	if !first {
		passed = m.at - r.newest().at
	}

	r.push(s, g)

	var e evidence

	e.fromKernel(m.row)
	c.followProgress(m, &e, first, passed)
	c.followAge(m, &e)
	c.followReceiver(m, &e, first)

	e.progress = c.lastProgress != 0 && int64(m.now-c.lastProgress) <= g.span
	if e.progress {
		c.baseline.observe(m.row.Info.RTT(), m.now, l.BaselineAge.Milliseconds())
	}

	e.baseline = float64(c.baseline.rtt()) / usPerSecond
	e.overdue = e.outstanding && e.age >= l.Patience.at(e.srtt) && !m.afterGap
	e.window = r.stats(0)

	if e.window.retrans > 0 {
		e.recent = r.stats(r.since(l.LossWindow.Milliseconds()))
	}

	e.afterGap = m.afterGap

	return e
}

// jiffyMS is the coarsest unit in ms of the kernel's last_* clocks (HZ=100).
const jiffyMS = 10

// forget drops everything that was learned of an earlier use of the socket.
func (c *connection) forget() {
	c.outstandingSince, c.zeroWindowSince, c.unreadSince, c.lastProgress = 0, 0, 0, 0
	c.bytesAcked, c.bytesReceived, c.unacked = 0, 0, 0
	c.baseline = baseline{}
}

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

	if c.outstandingSince == 0 {
		c.outstandingSince = since
	}

	e.age = max(c.outstandingSince.seconds(m.now), timerAge(m.row))
}

// followReceiver notes a closed window of the peer and a local application
// that does not read.
func (c *connection) followReceiver(m *moment, e *evidence, first bool) {
	e.zeroWindow = atZeroWindow(m.row)

	switch {
	case !e.zeroWindow:
		c.zeroWindowSince = 0
	case c.zeroWindowSince == 0 || c.lastProgress == m.now: // it has been open since
		c.zeroWindowSince = m.now
	}

	e.zeroWindowFor = c.zeroWindowSince.seconds(m.now)

	received := m.row.Info.BytesReceived() - uint64(m.row.RecvQueue)
	read := received != c.bytesReceived || first

	switch {
	case unread(m.row) == 0 || !m.row.Info.Has(sampler.FieldBytesReceived):
		c.unreadSince = 0
	case c.unreadSince == 0 || read:
		c.unreadSince = m.now
	}

	c.bytesReceived = received
	e.unreadFor = c.unreadSince.seconds(m.now)
}
