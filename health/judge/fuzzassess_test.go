package judge

import (
	"math"
	"testing"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

func (s *source) stats() window.Stats {
	w := window.Stats{
		RetransAll: uint32(s.Uint64() % 100_000), RetransSamples: int(s.Byte() % 65),
		DataSegsOut: uint32(s.Uint64()), BytesSent: s.Uint64() >> 1, Delivered: uint32(s.Uint64()), DeliveredCE: uint32(s.Byte()),
		Busy: s.Seconds(), ReceiverLimited: s.Share(), SndbufLimited: s.Share(),
		CwndFell: s.Byte()&1 != 0, CwndRose: s.Byte()&1 != 0,
	}
	w.Retrans = uint32(float64(w.RetransAll) * s.Share())
	w.BytesRetrans = uint64(float64(w.BytesSent) * s.Share())

	return w
}

// source makes evidence of the input of a fuzz test.
type source struct{ diagtest.Figures }

// queue returns what a window may say of unsent data.
func (s *source) queue() queueStats {
	size := func() float64 { return float64(s.Uint64() % (1 << 24)) }

	return queueStats{
		now: size(), rate: size(), rise: size() - size(), riseBefore: size() - size(), minimum: size(),
		lasting: s.Byte()&1 != 0, mean: size(), stddev: size(),
	}
}

// evidence returns evidence as follow could gather it.
func (s *source) evidence() Evidence {
	e := Evidence{
		state: sampler.State(s.Byte() % sampler.NumStates), timer: sampler.Timer(s.Byte() % 6), caState: sampler.CAState(s.Byte() % 5),
		unacked: uint32(s.Byte()), age: s.Seconds(), silence: s.Seconds(),
		timeouts: s.Byte(), probes: s.Byte(), backoff: s.Byte(),
		srtt: s.Seconds(), rttvar: s.Seconds(), rto: s.Seconds(), baseline: s.Seconds(),
		progress: s.Byte()&1 != 0, zeroWindow: s.Byte()&1 != 0, zeroWindowFor: s.Seconds(), unreadFor: s.Seconds(),
		window: s.stats(), settled: s.stats(), half: s.stats(), recent: s.stats(), afterGap: s.Byte()&7 == 7,

		sacked: uint32(s.Byte() & 3), mss: float64(s.Uint64() % 65_536), answered: s.Byte()&1 != 0, ackAnswered: s.Byte()&1 != 0,
		bufferFull: s.Byte()&1 != 0, queue: s.queue(), ownRate: float64(s.Uint64() % (1 << 24)), cwnd: uint32(s.Byte()),
		heldQueue: float64(s.Uint64() % (1 << 24)), entries: int(s.Byte() % (flapEntries + 1)),
	}
	e.synchronized = e.state != sampler.StateSynSent
	e.outstanding = e.unacked > 0 || e.probes > 0 || !e.synchronized
	e.expectedRTO = e.srtt + max(minRTOVar, 4*e.rttvar)
	e.dataSilence = e.silence + s.Seconds()
	e.segment = e.mss * s.Share()
	e.finOnly = e.unacked > 0 && finSent(e.state) && s.Byte()&1 != 0

	if e.window.Retrans == 0 {
		e.settled, e.half, e.recent = window.Stats{}, window.Stats{}, window.Stats{}
	}

	if !e.bulk() {
		e.queue = queueStats{}
	}

	return e
}

// worsening changes evidence for the worse, all else equal.
type worsening struct {
	name   string
	worsen func(e *Evidence)
	// excuses, if set: the worse figure explains another one, so that
	// the verdict may become milder.
	excuses func(before, after *Evidence, l *Thresholds) bool
}

var worsenings = []worsening{
	{"age", func(e *Evidence) { e.age *= 2; e.age++ }, nil},
	{"silence", func(e *Evidence) { e.silence = min(2*e.silence+1, e.dataSilence) }, nil},
	{"timeouts", func(e *Evidence) { e.timeouts = max(e.timeouts, e.timeouts+1) }, nil},
	{"probes", func(e *Evidence) { e.probes = max(e.probes, e.probes+1); e.outstanding = true }, nil},
	{"back-off", func(e *Evidence) { e.backoff = max(e.backoff, e.backoff+1) }, nil},
	{"RTO", func(e *Evidence) { e.rto *= 2 }, nil},
	{"silence after the last attempt", func(e *Evidence) { e.answered = false }, nil},
	{"attempts without an ACK", func(e *Evidence) { e.ackAnswered = false }, nil},
	{"size of what times out", func(e *Evidence) { e.segment = e.mss }, excusesMTU},
	{"smaller segments that pass", func(e *Evidence) { e.sacked++ }, nil},
	{"zero window", func(e *Evidence) { e.zeroWindowFor += 2 }, nil},
	{"unread", func(e *Evidence) { e.unreadFor += 2 }, nil},
	{"a full buffer", func(e *Evidence) { e.bufferFull = true }, nil},
	{"loss", loseMore, excusesSilence},
	{"receiver-limited", func(e *Evidence) { e.window.ReceiverLimited = (1 + e.window.ReceiverLimited) / 2 }, excusesQueue},
	{"sndbuf-limited", func(e *Evidence) { e.window.SndbufLimited = (1 + e.window.SndbufLimited) / 2 }, nil},
	{"drift", func(e *Evidence) { e.baseline /= 2 }, excusesOwnQueue},
	{"jitter", func(e *Evidence) { e.rttvar *= 2 }, nil},
	{"queue", func(e *Evidence) { e.queue.now *= 2; e.queue.minimum *= 2 }, nil},
	{"deviation of the queue", func(e *Evidence) { e.queue.stddev *= 2 }, nil},
	{"slowness", func(e *Evidence) { e.ownRate *= 2 }, nil},
	{"bytes held", func(e *Evidence) { e.heldQueue *= 2 }, nil},
	{"entries", func(e *Evidence) { e.entries = min(e.entries+1, flapEntries) }, nil},
}

// loseMore has half of what arrived lost as well.
func loseMore(e *Evidence) {
	for _, w := range []*window.Stats{&e.window, &e.settled, &e.half, &e.recent} {
		w.BytesRetrans += (w.BytesSent - w.BytesRetrans) / 2
		w.RetransAll++
		w.Retrans = w.RetransAll
		w.RetransSamples++
	}
}

// excusesSilence: on a path that loses much, an answer may be missing for longer.
func excusesSilence(before, after *Evidence, l *Thresholds) bool {
	return after.excused(l) && !before.excused(l)
}

// excusesMTU: if all that is in flight has full size, SACKs do not prove that
// smaller segments pass.
func excusesMTU(before, after *Evidence, l *Thresholds) bool {
	return before.smallerPass(l) && !after.smallerPass(l)
}

// excusesQueue: what waits for the peer's window is no fault of the path.
func excusesQueue(before, after *Evidence, l *Thresholds) bool {
	return before.slowed(l) && !after.slowed(l)
}

// excusesOwnQueue: the delay of a sender's own queue is none of the path, and what the full
// queue drops is congestion.
func excusesOwnQueue(before, after *Evidence, l *Thresholds) bool {
	rttBefore, _ := rttSeconds(before, l)
	rttAfter, _ := rttSeconds(after, l)

	return rttAfter < rttBefore || excusesLoss(before, after, l)
}

// excusesLoss: what a full queue drops is congestion.
func excusesLoss(before, after *Evidence, l *Thresholds) bool {
	_, lossBefore := lossShare(before, l)
	_, lossAfter := lossShare(after, l)

	return lossBefore && !lossAfter
}

// FuzzAssess judges any Evidence, and the same with one thing worse: the verdict
// is not to be milder.
func FuzzAssess(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x01\x00\x05\xff\xff\x00\x00\x00\x00\x00\x00\x01\xff\xff\x00\x00\x00\x00\x00\x00\x01\x03\x00\x03"))

	long := make([]byte, 600)
	for i := range long {
		long[i] = byte(i * 37)
	}

	f.Add(long)

	profiles := BuiltinProfiles()

	f.Fuzz(func(t *testing.T, input []byte) {
		e := (&source{diagtest.Figures{Bytes: input}}).evidence()

		for _, p := range profiles {
			requireMonotone(t, &e, p.Thresholds)
		}
	})
}

// requireMonotone fails if the verdict gets milder with any of the worsenings.
func requireMonotone(tb testing.TB, e *Evidence, l *Thresholds) {
	tb.Helper()

	a := assess(e, l)
	requireConsistent(tb, a)
	requirePremises(tb, e, l)

	for _, w := range worsenings {
		worse := *e
		w.worsen(&worse)

		b := assess(&worse, l)
		requireConsistent(tb, b)
		requirePremises(tb, &worse, l)

		if w.excuses != nil && w.excuses(e, &worse, l) {
			continue
		}

		if milder(&b, &a) || b.safeToSend && !a.safeToSend {
			tb.Errorf("more %s makes %d points of %d:\n%s\n%s\n%+v", w.name, b.points, a.points, flagNames(a.flags), flagNames(b.flags), *e)
		}
	}
}

// milder reports whether b is milder than a. Where mtu_blackhole_suspect replaces the flags
// of a dead path, which have more points, the status must not be better.
func milder(b, a *assessment) bool {
	if b.flags.Has(MTUBlackholeSuspect) && !a.flags.Has(MTUBlackholeSuspect) {
		return StatusOf(b.points) < StatusOf(a.points)
	}

	return b.points < a.points
}

// requirePremises fails if a rule is active that is not looked at.
func requirePremises(tb testing.TB, e *Evidence, l *Thresholds) {
	tb.Helper()

	for f := range NumFlags {
		if _, active := level(ruleTable[f].figure, e, l, l.Steps[f]); active && !premiseTable[e.premises()].Has(f) {
			tb.Errorf("%v is active without its premises:\n%+v", f, *e)
		}
	}
}

// requireConsistent fails if the parts of an assessment contradict each other.
func requireConsistent(tb testing.TB, a assessment) {
	tb.Helper()

	status := StatusOf(a.points)

	if a.points < 0 || a.points > math.MaxInt8 || Score(a.points) < 0 || Score(a.points) > 100 {
		tb.Fatalf("%d points, score %d", a.points, Score(a.points))
	}

	if pointing := a.flags &^ FlagSet(Flapping); (a.cause == CauseNone) != (pointing == 0) || !a.flags.causes(a.cause) && pointing != 0 {
		tb.Fatalf("the cause %v of %s", a.cause, flagNames(a.flags))
	}

	if status == Stale && !a.cause.Fatal() || a.safeToSend && status >= Degraded || a.flags == 0 && a.points != 0 {
		tb.Fatalf("%v because of %v, safe to send %v, %s", status, a.cause, a.safeToSend, flagNames(a.flags))
	}

	if a.flags&replacedBy(a.flags) != 0 || a.flags >= 1<<NumFlags {
		tb.Fatalf("flags %s", flagNames(a.flags))
	}
}
