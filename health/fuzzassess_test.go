package health

import (
	"math"
	"testing"

	"tcphealth_exporter/sampler"
)

func (s *source) stats() windowStats {
	w := windowStats{
		retransAll: uint32(s.uint64() % 100_000), retransSamples: int(s.byte() % 65),
		dataSegsOut: uint32(s.uint64()), bytesSent: s.uint64() >> 1, delivered: uint32(s.uint64()), deliveredCE: uint32(s.byte()),
		busy: s.seconds(), receiverLimited: s.share(), sndbufLimited: s.share(),
		cwndFell: s.byte()&1 != 0, cwndRose: s.byte()&1 != 0,
	}
	w.retrans = uint32(float64(w.retransAll) * s.share())
	w.bytesRetrans = uint64(float64(w.bytesSent) * s.share())

	return w
}

// queue returns what a window may say of unsent data.
func (s *source) queue() queueStats {
	size := func() float64 { return float64(s.uint64() % (1 << 24)) }

	return queueStats{
		now: size(), rate: size(), rise: size() - size(), riseBefore: size() - size(), least: size(),
		lasting: s.byte()&1 != 0, mean: size(), stddev: size(),
	}
}

// evidence returns evidence as follow could gather it.
func (s *source) evidence() evidence {
	e := evidence{
		state: sampler.State(s.byte() % sampler.NumStates), timer: sampler.Timer(s.byte() % 6), caState: sampler.CAState(s.byte() % 5),
		unacked: uint32(s.byte()), age: s.seconds(), silence: s.seconds(),
		timeouts: s.byte(), probes: s.byte(), backoff: s.byte(),
		srtt: s.seconds(), rttvar: s.seconds(), rto: s.seconds(), baseline: s.seconds(),
		progress: s.byte()&1 != 0, zeroWindow: s.byte()&1 != 0, zeroWindowFor: s.seconds(), unreadFor: s.seconds(),
		window: s.stats(), settled: s.stats(), half: s.stats(), recent: s.stats(), afterGap: s.byte()&7 == 7,

		sacked: uint32(s.byte() & 3), mss: float64(s.uint64() % 65_536), answered: s.byte()&1 != 0, ackAnswered: s.byte()&1 != 0,
		unreadGrows: s.byte()&1 != 0, queue: s.queue(), ownRate: float64(s.uint64() % (1 << 24)), cwnd: uint32(s.byte()),
		heldQueue: float64(s.uint64() % (1 << 24)), entries: int(s.byte() % (flapEntries + 1)),
	}
	e.synchronized = e.state != sampler.StateSynSent
	e.outstanding = e.unacked > 0 || e.probes > 0 || !e.synchronized
	e.expectedRTO = e.srtt + max(minRTOVar, 4*e.rttvar)
	e.dataSilence = e.silence + s.seconds()
	e.segment = e.mss * s.share()
	e.finOnly = e.unacked > 0 && finSent(e.state) && s.byte()&1 != 0

	if e.window.retrans == 0 {
		e.settled, e.half, e.recent = windowStats{}, windowStats{}, windowStats{}
	}

	if !e.bulk() {
		e.queue = queueStats{}
	}

	return e
}

// worsening changes evidence for the worse, all else equal.
type worsening struct {
	name   string
	worsen func(e *evidence)
	// excuses, if set, tells that what is worse explains something else, so that
	// the verdict may become milder.
	excuses func(before, after *evidence, l *Limits) bool
}

var worsenings = []worsening{
	{"age", func(e *evidence) { e.age *= 2; e.age++ }, nil},
	{"silence", func(e *evidence) { e.silence = min(2*e.silence+1, e.dataSilence) }, nil},
	{"time-outs", func(e *evidence) { e.timeouts = max(e.timeouts, e.timeouts+1) }, nil},
	{"probes", func(e *evidence) { e.probes = max(e.probes, e.probes+1); e.outstanding = true }, nil},
	{"back-off", func(e *evidence) { e.backoff = max(e.backoff, e.backoff+1) }, nil},
	{"RTO", func(e *evidence) { e.rto *= 2 }, nil},
	{"silence after the last attempt", func(e *evidence) { e.answered = false }, nil},
	{"attempts without an ACK", func(e *evidence) { e.ackAnswered = false }, nil},
	{"size of what times out", func(e *evidence) { e.segment = e.mss }, excusesMTU},
	{"smaller segments that pass", func(e *evidence) { e.sacked++ }, nil},
	{"zero window", func(e *evidence) { e.zeroWindowFor += 2 }, nil},
	{"unread", func(e *evidence) { e.unreadFor += 2 }, nil},
	{"unread that grows", func(e *evidence) { e.unreadGrows = true }, nil},
	{"loss", loseMore, excusesSilence},
	{"receiver-limited", func(e *evidence) { e.window.receiverLimited = (1 + e.window.receiverLimited) / 2 }, excusesQueue},
	{"sndbuf-limited", func(e *evidence) { e.window.sndbufLimited = (1 + e.window.sndbufLimited) / 2 }, nil},
	{"drift", func(e *evidence) { e.baseline /= 2 }, excusesLoss},
	{"jitter", func(e *evidence) { e.rttvar *= 2 }, nil},
	{"queue", func(e *evidence) { e.queue.now *= 2; e.queue.least *= 2 }, nil},
	{"deviation of the queue", func(e *evidence) { e.queue.stddev *= 2 }, nil},
	{"slowness", func(e *evidence) { e.ownRate *= 2 }, nil},
	{"bytes held", func(e *evidence) { e.heldQueue *= 2 }, nil},
	{"entries", func(e *evidence) { e.entries = min(e.entries+1, flapEntries) }, nil},
}

// loseMore has half of what arrived lost as well.
func loseMore(e *evidence) {
	for _, w := range []*windowStats{&e.window, &e.settled, &e.half, &e.recent} {
		w.bytesRetrans += (w.bytesSent - w.bytesRetrans) / 2
		w.retransAll++
		w.retrans = w.retransAll
		w.retransSamples++
	}
}

// excusesSilence: on a path that loses much, an answer may be missing for longer.
func excusesSilence(before, after *evidence, l *Limits) bool {
	return after.excused(l) && !before.excused(l)
}

// excusesMTU: if all that is in flight has full size, SACKs do not prove that
// smaller segments pass.
func excusesMTU(before, after *evidence, l *Limits) bool {
	return before.smallerPass(l) && !after.smallerPass(l)
}

// excusesQueue: what waits for the peer's window is no fault of the path.
func excusesQueue(before, after *evidence, l *Limits) bool {
	return before.slowed(l) && !after.slowed(l)
}

// excusesLoss: what a full queue drops is congestion.
func excusesLoss(before, after *evidence, l *Limits) bool {
	_, lossBefore := lossShare(before, l)
	_, lossAfter := lossShare(after, l)

	return lossBefore && !lossAfter
}

// FuzzAssess judges any evidence, and the same with one thing worse: the verdict
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
		e := (&source{input}).evidence()

		for _, p := range profiles {
			requireMonotone(t, &e, p.Limits)
		}
	})
}

// requireMonotone fails if the verdict gets milder with any of the worsenings.
func requireMonotone(tb testing.TB, e *evidence, l *Limits) {
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

		if b.Points < a.Points || b.SafeToSend && !a.SafeToSend {
			tb.Errorf("more %s makes %d points of %d:\n%s\n%s\n%+v", w.name, b.Points, a.Points, flagNames(a.Flags), flagNames(b.Flags), *e)
		}
	}
}

// requirePremises fails if a rule is raised that is not looked at.
func requirePremises(tb testing.TB, e *evidence, l *Limits) {
	tb.Helper()

	for f := range NumFlags {
		if _, raised := level(ruleTable[f].figure, e, l, l.Steps[f]); raised && !premiseTable[e.premises()].Has(f) {
			tb.Errorf("%v is raised without its premises:\n%+v", f, *e)
		}
	}
}

// requireConsistent fails if the parts of an assessment contradict each other.
func requireConsistent(tb testing.TB, a Assessment) {
	tb.Helper()

	status := statusOf(a.Points)

	if a.Points < 0 || a.Points > math.MaxInt8 || score(a.Points) < 0 || score(a.Points) > 100 {
		tb.Fatalf("%d points, score %d", a.Points, score(a.Points))
	}

	if pointing := a.Flags &^ flagSet(Flapping); (a.Cause == CauseNone) != (pointing == 0) || !a.Flags.causes(a.Cause) && pointing != 0 {
		tb.Fatalf("the cause %v of %s", a.Cause, flagNames(a.Flags))
	}

	if status == Stale && !a.Cause.Fatal() || a.SafeToSend && status >= Degraded || a.Flags == 0 && a.Points != 0 {
		tb.Fatalf("%v because of %v, safe to send %v, %s", status, a.Cause, a.SafeToSend, flagNames(a.Flags))
	}

	if a.Flags&replacedBy(a.Flags) != 0 || a.Flags >= 1<<NumFlags {
		tb.Fatalf("flags %s", flagNames(a.Flags))
	}
}
