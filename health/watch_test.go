package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// start is when all tests play, unless they look at a live kernel.
var start = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// showAll shows all connections of a test from the first sample on.
var showAll = export.Config{Max: 64, Hold: 5 * time.Minute}

// watch is a tracker with a clock of its own.
type watch struct {
	tb        testing.TB
	tracker   *Tracker
	recording *diagtest.Recording
	interval  time.Duration
	now       time.Time
	snapshot  *Snapshot
}

func newWatch(tb testing.TB, cfg Config) *watch {
	tb.Helper()

	w := &watch{tb: tb, recording: diagtest.NewRecording(tb), interval: cfg.withDefaults().Interval, now: start}
	w.tracker = NewTracker(cfg, func(s *Snapshot) { w.snapshot = s })

	return w
}

// sample takes a sample now.
func (w *watch) sample(rows ...row) *Snapshot {
	w.tb.Helper()
	w.tracker.Begin(0)
	w.publish(w.recording.Dump(w.tb, w.now, rows, w.tracker.Sockets))

	return w.snapshot
}

// publish ends a dump and the tick.
func (w *watch) publish(d sampler.Dump) {
	w.tracker.End(d)
	w.tracker.Publish(d.End)
}

// tick takes a sample and lets an interval pass.
func (w *watch) tick(rows ...row) *Snapshot {
	w.tb.Helper()
	defer func() { w.now = w.now.Add(w.interval) }()

	return w.sample(rows...)
}

// abort begins a dump that breaks off behind the rows, and lets an interval pass.
func (w *watch) abort(rows ...row) {
	w.tb.Helper()
	w.tracker.Begin(0)
	w.recording.Dump(w.tb, w.now, rows, w.tracker.Sockets)
	w.tracker.Abort()

	w.now = w.now.Add(w.interval)
}

// shown returns the shown connection with the cookie, nil if there is none.
func (s *Snapshot) shown(cookie uint64) *Connection {
	for i := range s.Connections {
		if s.Connections[i].Cookie == cookie {
			return &s.Connections[i]
		}
	}

	return nil
}

// tcp is a connection as the kernel of one side keeps it: its clocks and its
// retransmission timer run while the test goes on.
type tcp struct {
	row
	now, dataSent, dataRecv, ackRecv time.Time
	// due is when the pending timer expires; probed: the tail-loss
	// probe of this flight is out.
	due    time.Time
	probed bool
	// usualRTO is the RTO before it was backed off.
	usualRTO uint32
	// headSent is when the oldest outstanding segment was sent.
	headSent time.Time
	// rearms: each write restarts the timer of the tail-loss probe, even past the RTO, as
	// the kernel does if the write comes in the moment in which the timer expires.
	rearms bool
}

// newTCP returns an established connection that has been idle for an hour.
func newTCP(now time.Time) *tcp {
	c := &tcp{row: established(1), now: now}
	c.dataSent = now.Add(-time.Hour)
	c.dataRecv, c.ackRecv = c.dataSent, c.dataSent

	return c
}

func (c *tcp) srtt() time.Duration { return time.Duration(c.Info.RTT) * time.Microsecond }
func (c *tcp) rto() time.Duration  { return time.Duration(c.Info.RTO) * time.Microsecond }

// passed lets time pass: timers go off.
func (c *tcp) passed(now time.Time) {
	c.now = now

	for c.Timer == sampler.TimerRetransmit && !now.Before(c.due) {
		at := c.due
		c.Info.TotalRetrans++

		if c.State != sampler.StateSynSent {
			c.dataSent = at
			size := uint64((c.SendQueue - c.Info.NotsentBytes) / max(1, c.Info.Unacked))
			c.Info.DataSegsOut++
			c.Info.BytesSent += size
			c.Info.BytesRetrans += size
		}

		if !c.probed {
			c.probed = true
		} else {
			if c.Info.Retransmits == 0 {
				c.usualRTO = c.Info.RTO
			}

			c.Info.Retransmits++
			c.Info.Backoff++
			c.Info.RTO = min(2*c.Info.RTO, 120_000_000)
			c.Info.CAState = byte(sampler.CALoss)
		}

		c.due = at.Add(c.rto())
	}
}

// write sends a segment of 300 bytes.
func (c *tcp) write() { c.push(1, 300) }

// push sends so many segments of a size.
func (c *tcp) push(segments, size uint32) {
	c.dataSent = c.now
	c.Info.Unacked += segments
	c.Info.DataSegsOut += segments
	c.Info.BytesSent += uint64(segments * size)
	c.SendQueue += segments * size

	if c.Timer != sampler.TimerRetransmit {
		c.headSent = c.now
	}

	if c.Timer != sampler.TimerRetransmit || !c.probed {
		c.Timer, c.probed = sampler.TimerRetransmit, false
		c.due = c.now.Add(2 * c.srtt())

		if rto := c.headSent.Add(c.rto()); !c.rearms && rto.After(c.now) && c.due.After(rto) {
			c.due = rto
		}
	}
}

// acked takes in an ACK for everything.
func (c *tcp) acked() {
	c.ackRecv = c.now
	c.Info.SegsIn++
	c.Info.BytesAcked += uint64(c.SendQueue)
	c.Info.Delivered += c.Info.Unacked
	c.Info.Unacked, c.SendQueue = 0, 0

	if c.Info.Retransmits > 0 && c.usualRTO > 0 {
		c.Info.RTO = c.usualRTO
	}

	c.Info.Retransmits, c.Info.Backoff, c.Info.Probes = 0, 0, 0
	c.Info.CAState = byte(sampler.CAOpen)
	c.Timer = sampler.TimerNone
}

// answered takes in a segment of 300 bytes that acknowledges everything. The
// application reads it at once.
func (c *tcp) answered() {
	c.acked()
	c.Info.SegsIn--
	c.received()
}

// received takes in a segment of 300 bytes that acknowledges nothing new.
func (c *tcp) received() {
	c.dataRecv, c.ackRecv = c.now, c.now
	c.Info.SegsIn++
	c.Info.BytesReceived += 300
	c.Info.DataSegsIn++
}

// sight renders the row as it is now.
func (c *tcp) sight() row {
	r := c.row
	r.Info.LastDataSent = uint32(c.now.Sub(c.dataSent).Milliseconds())
	r.Info.LastDataRecv = uint32(c.now.Sub(c.dataRecv).Milliseconds())
	r.Info.LastAckRecv = uint32(c.now.Sub(c.ackRecv).Milliseconds())

	if r.Timer != sampler.TimerNone {
		r.Expires = uint32(max(0, c.due.Sub(c.now)).Milliseconds())
	}

	if r.State == sampler.StateSynSent {
		const sinceBoot = 820_460_000
		r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = sinceBoot, sinceBoot, sinceBoot
	}

	return r
}

// sight is what a sample said.
type sight struct {
	at time.Duration
	Connection
}

// story is what happens to a connection in steps of ten milliseconds.
type story struct {
	// step changes the connection; at is the time since the story began.
	step     func(at time.Duration, c *tcp)
	interval time.Duration // between two samples, zero for 250 ms
	length   time.Duration // zero for 20 s
	phase    time.Duration // of the first sample
	size     int           // of tcp_info
	policy   *Policy
	// rechecks: a suspicious connection is rechecked every 250 ms between samples.
	rechecks bool
	// blind, if set, reports when no samples are taken.
	blind func(at time.Duration) bool
}

const storyStep = 10 * time.Millisecond

// play returns what was seen of the connection.
func (s story) play(tb testing.TB) []sight {
	tb.Helper()

	if s.interval == 0 {
		s.interval = 250 * time.Millisecond
	}

	if s.length == 0 {
		s.length = 20 * time.Second
	}

	w := newWatch(tb, Config{Interval: s.interval, Export: showAll, Policy: s.policy})
	c := newTCP(start)
	c.InfoSize = s.size

	var history []sight

	for at := time.Duration(0); at <= s.length; at += storyStep {
		c.passed(start.Add(at))
		s.step(at, c)

		recheck := s.rechecks && at > s.phase && (at-s.phase)%(250*time.Millisecond) == 0

		if at < s.phase || (at-s.phase)%s.interval != 0 || s.blind != nil && s.blind(at) {
			if recheck && len(w.watched()) > 0 {
				w.recheck(start.Add(at).Sub(w.now), c.sight())
				history = append(history, sight{at, *w.snapshot.shown(1)})
			}

			continue
		}

		w.now = start.Add(at)
		history = append(history, sight{at, *w.sample(c.sight()).shown(1)})
	}

	return history
}

// every reports whether an action that recurs with the period is due.
func every(at, period, phase time.Duration) bool { return at >= phase && (at-phase)%period == 0 }

// requestResponse sends a request each period and gets the answer one RTT later.
func requestResponse(at, period time.Duration, c *tcp) {
	if every(at, period, 0) {
		c.write()
	}

	if every(at, period, c.srtt()) {
		c.answered()
	}
}

// requireMild fails unless no sight is worse than the status, and none has a
// flag of the dead kinds.
func requireMild(tb testing.TB, history []sight, worst judge.Status) {
	tb.Helper()

	for _, s := range history {
		if s.Status > worst || s.Flags&fatalFlags() != 0 {
			tb.Fatalf("after %v: %v with %v, %s", s.at, s.Status, flagNames(s.Flags), diagtest.Describe(&s.Row))
		}
	}
}

// fatalFlags are those that may make a connection STALE.
func fatalFlags() judge.Flags {
	var all judge.Flags

	for f := range judge.NumFlags {
		if f.Cause().Fatal() {
			all |= judge.FlagSet(f)
		}
	}

	return all
}

func flagNames(flags judge.Flags) (names []string) {
	for f := range flags.All() {
		names = append(names, f.String())
	}

	return names
}
