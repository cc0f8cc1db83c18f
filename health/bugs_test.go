package health

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// The tests of this file keep out mistakes that predecessors made: each one fails
// when the rule that corrects the mistake is undone. B numbers those of a
// program that judged connections on request.

// everyProfile plays a story under each built-in profile.
func everyProfile(t *testing.T, s story, check func(tb testing.TB, history []sight)) {
	t.Helper()

	for _, p := range BuiltinProfiles() {
		t.Run(p.Name, func(t *testing.T) {
			s.policy = &Policy{Profiles: []Profile{p}}
			check(t, s.play(t))
		})
	}
}

// spotless fails unless nothing at all was raised.
func spotless(tb testing.TB, history []sight) {
	tb.Helper()

	for _, s := range history {
		if s.Flags != 0 || s.Status != Healthy || s.Score != 100 || !s.SafeToSend {
			tb.Fatalf("after %v: %v with %s, %s", s.at, s.Status, flagNames(s.Flags), diagtest.Describe(&s.Row))
		}
	}
}

// TestOneLossIsNotForEver (B2): a lost segment, then ninety clean messages.
func TestOneLossIsNotForEver(t *testing.T) {
	everyProfile(t, story{length: 40 * time.Second, step: func(at time.Duration, c *tcp) {
		requestResponse(at, 400*time.Millisecond, c)

		if at == 4*time.Second+10*time.Millisecond {
			c.Info.TotalRetrans++
			c.Info.DataSegsOut++
			c.Info.BytesSent += 300
			c.Info.BytesRetrans += 300
		}
	}}, func(tb testing.TB, history []sight) {
		requireMild(tb, history, Caution)
		requireRecovery(tb, history, 4*time.Second, 250*time.Millisecond)

		if last := history[len(history)-1]; last.Row.Info.TotalRetrans() != 1 || last.Flags != 0 {
			tb.Errorf("at the end %s after %d retransmissions", flagNames(last.Flags), last.Row.Info.TotalRetrans())
		}
	})
}

// TestDataInFlightIsNotAStuckQueue (B3): the send queue counts what is on its
// way; what matters is whether it gets on.
func TestDataInFlightIsNotAStuckQueue(t *testing.T) {
	everyProfile(t, story{step: func(at time.Duration, c *tcp) {
		// Two to four full segments are always out, and acknowledged after one RTT.
		if every(at, 10*time.Millisecond, 0) {
			acked := min(c.Info.Unacked, 2)
			c.Info.Unacked -= acked
			c.SendQueue -= acked * 1448
			c.Info.BytesAcked += uint64(acked) * 1448
			c.Info.Delivered += acked
			c.ackRecv = c.now
			c.push(2, 1448)
			c.due = c.now.Add(c.rto())
		}
	}}, func(tb testing.TB, history []sight) {
		spotless(tb, history)

		if last := history[len(history)-1]; last.Row.SendQueue < 2048 {
			tb.Errorf("only %d bytes are in flight", last.Row.SendQueue)
		}
	})
}

// TestMessagesAreNoQueue (B4): what is queued at the samples grows faster and
// faster, as it happens, but all of it is gone within a round trip.
func TestMessagesAreNoQueue(t *testing.T) {
	policy := &Policy{Profiles: BuiltinProfiles()[:1]}
	w := newWatch(t, Config{Interval: 250 * time.Millisecond, Export: showAll, Policy: policy})
	r := established(1)
	r.Info.LastDataSent, r.Info.LastAckRecv = 1, 1

	for n := range 40 {
		queued := []uint32{0, 300, 900, 2100, 4500, 9300}[n%6]
		r.Info.NotsentBytes, r.SendQueue, r.Info.Unacked = queued, queued+300, 1
		r.Info.BytesAcked += 12_000
		r.Info.BytesSent += 12_000
		r.Info.Delivered += 10
		r.Info.DataSegsOut += 10

		if got := w.tick(r).shown(1); got.Flags != 0 || got.Status != Healthy {
			t.Fatalf("sample %d: %v with %s", n, got.Status, flagNames(got.Flags))
		}
	}
}

// TestFloorOfTheRTOIsNoInflation (B5): the kernel adds 200 ms at least to any
// RTT, which is many times that of a short path.
func TestFloorOfTheRTOIsNoInflation(t *testing.T) {
	for _, rtt := range []uint32{15, 200, 5_000, 20_000, 48_000, 66_000, 300_000} {
		for _, jiffy := range []uint32{1, 4_000, 10_000} {
			e := newFollowing(t)
			r := outstanding(10, 10)
			r.Info.RTT, r.Info.RTTVar = rtt, rtt/20
			r.Info.RTO = (rtt + 200_000 + jiffy - 1) / jiffy * jiffy
			e.see(r)

			r.Info.BytesAcked += 300
			if got := e.see(r); assessed(&got).Has(RTOInflation) {
				t.Errorf("an RTO of %d µs counts as inflated at an RTT of %d µs", r.Info.RTO, rtt)
			}

			r.Info.RTO = 2*r.Info.RTO + jiffy
			r.Info.BytesAcked += 300

			if got := e.see(r); !assessed(&got).Has(RTOInflation) {
				t.Errorf("an RTO of %d µs counts as usual at an RTT of %d µs", r.Info.RTO, rtt)
			}
		}
	}
}

// assessed returns the flags that evidence raises.
func assessed(e *evidence) Flags { return assess(e, DefaultLimits()).Flags }

// TestNewConnectionHasNoJitter (B6): the kernel begins with half the RTT for
// its deviation. And microseconds are nothing.
func TestNewConnectionHasNoJitter(t *testing.T) {
	for name, tc := range map[string]struct {
		rtt, rttvar []uint32 // µs, at each sample
		segments    uint32   // delivered from sample to sample
		want        Flags
	}{
		"a fresh one over 40 ms":         {[]uint32{40_000}, []uint32{20_000}, 1, 0},
		"that goes on to be unsteady":    {[]uint32{40_000}, []uint32{20_000}, 8, flagSet(JitterHigh)},
		"a fresh one over loopback":      {[]uint32{30}, []uint32{15}, 1, 0},
		"microseconds on a LAN":          {[]uint32{200, 90}, []uint32{150, 90}, 50, 0},
		"tens of microseconds, tripled":  {[]uint32{10, 10, 30, 50, 100}, []uint32{3}, 50, 0},
		"tens of milliseconds, the same": {[]uint32{10_000, 10_000, 30_001, 50_000, 100_000}, []uint32{300}, 50, flagSet(RTTDrift)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFollowing(t)
			r := established(1)
			r.Info.LastDataSent, r.Info.LastAckRecv = 10, 10

			var raised Flags

			for n := range 6 {
				r.Info.RTT, r.Info.RTTVar = tc.rtt[min(n, len(tc.rtt)-1)], tc.rttvar[min(n, len(tc.rttvar)-1)]
				r.Info.RTO = r.Info.RTT + 200_000
				r.Info.Unacked, r.SendQueue = 4, 1200
				r.Info.BytesAcked += 300 * uint64(tc.segments)
				r.Info.Delivered += tc.segments

				e := f.see(r)
				raised |= assessed(&e)
			}

			if raised != tc.want {
				t.Errorf("raised %s, want %s", flagNames(raised), flagNames(tc.want))
			}
		})
	}
}

// TestCongestionIsWhatTheKernelSays (B7): below ssthresh there is slow start, and
// recovery ends above it, so the two don't tell congestion.
func TestCongestionIsWhatTheKernelSays(t *testing.T) {
	const infinite = 0x7fffffff

	for name, tc := range map[string]struct {
		cwnd     []uint32 // at two samples
		ssthresh uint32
		state    sampler.CAState
		again    uint32 // retransmissions between them
		want     Flags  // of the cause congestion
	}{
		"slow start":                         {[]uint32{10, 40}, 100, sampler.CAOpen, 0, 0},
		"slow start of a young connection":   {[]uint32{10, 20}, infinite, sampler.CAOpen, 0, 0},
		"slow start, a loss repaired before": {[]uint32{10, 40}, 100, sampler.CAOpen, 2, flagSet(CongestionRecovering)},
		"recovery above ssthresh":            {[]uint32{60, 53}, 53, sampler.CARecovery, 3, flagSet(CongestionConfirmed)},
		"recovery from a time-out":           {[]uint32{60, 1}, 30, sampler.CALoss, 3, flagSet(CongestionConfirmed)},
		"after a recovery, still low":        {[]uint32{60, 53}, 53, sampler.CAOpen, 3, flagSet(CongestionSuspected)},
		"cwnd cut without a loss":            {[]uint32{60, 4}, 53, sampler.CAOpen, 0, 0},
		"cut by the kernel's own queue":      {[]uint32{60, 53}, 53, sampler.CACWR, 0, flagSet(CongestionSuspected)},
	} {
		f := newFollowing(t)
		r := established(1)
		r.Info.LastDataSent, r.Info.LastAckRecv, r.Info.Unacked, r.SendQueue = 10, 10, 4, 1200

		var e evidence

		for n, cwnd := range tc.cwnd {
			r.Info.SndCwnd, r.Info.SndSsthresh, r.Info.CAState = cwnd, tc.ssthresh, uint8(tc.state)
			r.Info.TotalRetrans += tc.again * uint32(n)
			r.Info.DataSegsOut += 100
			r.Info.BytesSent += 100_000
			r.Info.BytesAcked += 100_000
			e = f.see(r)
		}

		got := assessed(&e)
		for flag := range got.All() {
			if words := ruleTable[flag].explain(&e, DefaultLimits(), ruleTable[flag].steps); strings.Contains(words, "2147483647") {
				t.Errorf("%s: %s", name, words)
			}
		}

		if got&flagSet(CongestionSuspected, CongestionConfirmed, CongestionRecovering) != tc.want {
			t.Errorf("%s: %s, want %s", name, flagNames(got), flagNames(tc.want))
		}
	}
}

// TestIdleIsNotDead (B8): nobody owes an answer, in either direction.
func TestIdleIsNotDead(t *testing.T) {
	everyProfile(t, story{length: 30 * time.Second, step: func(time.Duration, *tcp) {}}, func(tb testing.TB, history []sight) {
		spotless(tb, history)

		for _, s := range history {
			if !s.Idle {
				tb.Fatalf("not idle after %v", s.at)
			}
		}
	})

	// Only receiving, it has not sent data for an hour; its ACKs don't count as such.
	everyProfile(t, story{step: func(at time.Duration, c *tcp) {
		if every(at, 20*time.Millisecond, 0) {
			c.dataRecv = c.now
			c.Info.BytesReceived += 1448
			c.Info.SegsIn++
			c.Info.DataSegsIn++
		}
	}}, spotless)

	// Only sending, it has not received data for an hour.
	everyProfile(t, story{step: func(at time.Duration, c *tcp) {
		if every(at, 50*time.Millisecond, 0) {
			c.write()
		}

		if every(at, 50*time.Millisecond, c.srtt()) {
			c.acked()
		}
	}}, spotless)
}

// TestFlagsMakeTheVerdict (B9): no flag with points is decoration.
func TestFlagsMakeTheVerdict(t *testing.T) {
	l := messagingLimits()

	for i := range sentenceCases {
		c := &sentenceCases[i]
		e := calm()
		c.set(&e)

		a := assess(&e, l)
		name := fmt.Sprintf("%v, %d points", c.flag, c.points)

		if !(a.Flags | replacedBy(a.Flags)).Has(c.flag) {
			t.Errorf("%s: raised %s", name, flagNames(a.Flags))
		}

		want := min(c.points, statusPoints(c.flag))
		if a.Points < want || score(a.Points) > 100-10*want {
			t.Errorf("%s: %d points, score %d", name, a.Points, score(a.Points))
		}

		if c.points > 0 && (statusOf(a.Points) == Healthy || !a.Cause.points(a.Flags)) {
			t.Errorf("%s: %v because of %v", name, statusOf(a.Points), a.Cause)
		}

		if a.SafeToSend && statusOf(a.Points) >= Degraded {
			t.Errorf("%s: safe to send at %v", name, statusOf(a.Points))
		}

		var v verdict

		v.settle(a, stamp(1), 1000, 1)

		if v.status != statusOf(a.Points) || v.cause != a.Cause || int(v.points) != a.Points {
			t.Errorf("%s: the verdict is %v because of %v, %d points", name, v.status, v.cause, v.points)
		}
	}
}

// statusPoints is what a flag can add at most.
func statusPoints(f Flag) int {
	if ruleTable[f].weak {
		return leastPointTable[Suspect] - 1
	}

	return 10
}

// points tells whether a flag of the set is of the cause.
func (c Cause) points(flags Flags) bool { return flags.causes(c) }

// TestDeadStaysDead (B10): the back-off doubles, so that most samples see no
// new retransmission; the verdict does not flicker.
func TestDeadStaysDead(t *testing.T) {
	const gone = 5 * time.Second

	history := story{interval: 200 * time.Millisecond, length: 90 * time.Second, step: func(at time.Duration, c *tcp) {
		if at < gone {
			requestResponse(at, 200*time.Millisecond, c)
		} else if at == gone {
			c.write()
		}
	}}.play(t)

	dead := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(HalfOpenConfirmed) })
	quiet := 0

	for i, s := range history {
		if s.at <= dead.at {
			continue
		}

		if !s.Flags.Has(HalfOpenConfirmed) || s.Status != Stale || !s.StatusSince.Equal(dead.StatusSince) {
			t.Fatalf("%v after the path died: %v since %v with %s", s.at-gone, s.Status, s.StatusSince, flagNames(s.Flags))
		}

		if s.Row.Info.TotalRetrans() == history[i-1].Row.Info.TotalRetrans() {
			quiet++
		}
	}

	if quiet < 400 {
		t.Errorf("only %d samples without a retransmission", quiet)
	}
}

// TestUnitsAreSaid (B11): segments are segments and bytes are bytes, shares are
// percentages in words and 0 to 1 in figures.
func TestUnitsAreSaid(t *testing.T) {
	words := func(f Flag, set func(e *evidence)) string {
		e := calm()
		set(&e)

		return ruleTable[f].explain(&e, messagingLimits(), messagingLimits().Steps[f])
	}

	for _, tc := range []struct {
		got, want string
	}{
		{words(CongestionSuspected, func(e *evidence) { e.caState, e.cwnd = sampler.CACWR, 7 }), "7 segments"},
		{words(CwndExhausted, func(e *evidence) { e.cwnd, e.unacked, e.queue.now = 10, 6, 5 }), "60 % of cwnd in flight"},
		{words(CwndExhausted, func(e *evidence) { e.cwnd, e.unacked, e.queue.now = 10, 6, 5 }), "5 bytes unsent"},
		{words(RecvLimited, func(e *evidence) { e.window.receiverLimited = 0.5 }), "50 % of the busy time"},
		{words(LossDetected, func(e *evidence) { retransmitted(e, 3) }), "3 retransmissions"},
		{words(QueueGrowing, func(e *evidence) { backlog(e); e.queue.now, e.queue.rise = 500, 1 }), "500 bytes unsent and growing, 500 ms at the present rate"},
		{words(QueueVolatile, func(e *evidence) { backlog(e); e.queue.mean, e.queue.stddev = 1000, 800 }), "deviates by 0.8 times its mean of 1000 bytes"},
		{words(MTUBlackholeSuspect, func(e *evidence) { inHole(e, 3) }), "segments of 1086 bytes"},
	} {
		if !strings.Contains(tc.got, tc.want) {
			t.Errorf("no %q in %q", tc.want, tc.got)
		}
	}

	// Segments in flight are not called bytes.
	if got := words(HalfOpenConfirmed, func(e *evidence) { e.unacked, e.age, e.silence, e.timeouts = 3, 2, 2, 2 }); strings.Contains(got, "byte") {
		t.Errorf("bytes in %q", got)
	}

	for f := range NumFlags {
		for _, step := range messagingLimits().Steps[f] {
			if f.Unit() == UnitShare && (step.Limit <= 0 || step.Limit > 1) {
				t.Errorf("%v has the limit %v, which is no share", f, step.Limit)
			}
		}
	}

	// The delivery rate is in bytes per second: ten segments of 1000 bytes in two seconds.
	r := filled(1000, 10_000, sample{at: 1000}, sample{at: 3000, delivered: 10})
	if got := r.deliveryRate(3000, 1000); got != 5000 {
		t.Errorf("the delivery rate is %v", got)
	}
}

// TestSendBufferTooSmall (B12): the kernel counts when the send buffer held up
// the connection, which is no fault of the application that fills it.
func TestSendBufferTooSmall(t *testing.T) {
	e := calm()
	e.window.sndbufLimited = 0.9

	a := assess(&e, DefaultLimits())
	if a.Flags != flagSet(SndbufLimited) || a.Cause != CauseLocalSendBuffer || statusOf(a.Points) != Caution {
		t.Errorf("%s, %v because of %v", flagNames(a.Flags), statusOf(a.Points), a.Cause)
	}

	words := ruleTable[SndbufLimited].explain(&e, DefaultLimits(), DefaultLimits().Steps[SndbufLimited])
	if !strings.Contains(words, "too small a send buffer") || regexp.MustCompile("application|slow").MatchString(words+SndbufLimited.Condition()) {
		t.Errorf("%q, %q", words, SndbufLimited.Condition())
	}
}

// TestReuseInheritsNothing (B13): not the addresses make a connection, and a
// window holds nothing that is older than it.
func TestReuseInheritsNothing(t *testing.T) {
	bad := established(1)
	bad.Info.LastDataSent, bad.Info.LastAckRecv = 10, 10

	worsen := func() {
		bad.Info.TotalRetrans += 40
		bad.Info.DataSegsOut += 100
		bad.Info.BytesSent += 100_000
		bad.Info.BytesRetrans += 40_000
		bad.Info.BytesAcked += 60_000
	}

	t.Run("a new socket with the addresses of an ended one", func(t *testing.T) {
		w := newWatch(t, Config{MaxConnections: 1, Export: showAll})
		for range 5 {
			worsen()
			w.tick(bad)
		}

		fresh := sameAddresses(established(2), 1)
		for range 3 {
			w.tick(fresh)
		}

		got := w.tick(fresh).shown(2)
		if got == nil || got.Flags != 0 || got.Status != Healthy || got.Trend.Samples > 2 || got.FirstSeen.Equal(start) {
			t.Errorf("%+v", got)
		}
	})

	t.Run("the same socket, connected anew", func(t *testing.T) {
		w := newWatch(t, Config{Export: showAll})
		for range 5 {
			worsen()
			w.tick(bad)
		}

		anew := established(1)
		if got := w.tick(anew).shown(1); got.Flags != 0 || got.Trend.Samples != 1 {
			t.Errorf("%s after %d samples", flagNames(got.Flags), got.Trend.Samples)
		}
	})

	t.Run("a sample from before a pause of 299 s", func(t *testing.T) {
		w := newWatch(t, Config{Export: showAll})
		worsen()
		w.tick(bad)
		w.now = w.now.Add(299 * time.Second)
		worsen()

		if got := w.tick(bad).shown(1); got.Flags != 0 || got.Trend.Samples != 1 || got.Trend.Span != 0 {
			t.Errorf("%s, a window of %v s", flagNames(got.Flags), got.Trend.Span)
		}
	})
}

// TestAnsweringIsNoVolatility (B15): requests and responses empty the queue
// each time.
func TestAnsweringIsNoVolatility(t *testing.T) {
	for _, interval := range []time.Duration{100 * time.Millisecond, 250 * time.Millisecond, time.Second} {
		w := newWatch(t, Config{Interval: interval, Export: showAll})
		r := established(1)
		r.Info.LastDataSent, r.Info.LastAckRecv = 1, 1

		for n := range 60 {
			r.SendQueue, r.Info.NotsentBytes = 0, 0
			if n%2 == 1 {
				r.SendQueue, r.Info.NotsentBytes, r.Info.Unacked = 1000, 1000, 0
			}

			r.Info.BytesAcked += 1000
			r.Info.BytesSent += 1000
			r.Info.Delivered++
			r.Info.DataSegsOut++

			if got := w.tick(r).shown(1); got.Flags != 0 || got.Status != Healthy {
				t.Fatalf("every %v, sample %d: %v with %s", interval, n, got.Status, flagNames(got.Flags))
			}
		}
	}
}

// TestNobodyInventsSamples (B16): what a dump missed is unknown, and not zero.
func TestNobodyInventsSamples(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Info.LastDataSent, r.Info.LastAckRecv, r.SendQueue, r.Info.Unacked = 10, 10, 3000, 10
	r.Info.TotalRetrans, r.Info.BytesRetrans, r.Info.BytesSent, r.Info.DataSegsOut = 500, 500_000, 1e6, 1000

	step := func() {
		r.Info.BytesAcked += 3000
		r.Info.BytesSent += 3000
		r.Info.DataSegsOut += 10
		r.Info.Delivered += 10
	}

	for range 4 {
		step()
		w.tick(r)
	}

	seen := w.snapshot.shown(1)
	step()

	if missed := w.tick().shown(1); plainTrend(missed.Trend) != plainTrend(seen.Trend) || missed.Row != seen.Row || missed.Flags != 0 {
		t.Errorf("a dump without it makes %d samples of %d", missed.Trend.Samples, seen.Trend.Samples)
	}

	step()

	got := w.tick(r).shown(1)
	if got.Trend.Samples != seen.Trend.Samples+1 || got.Trend.Send.Stddev != 0 || got.Trend.Loss != 0 || got.Flags != 0 {
		t.Errorf("back again: %d samples, %+v with %s", got.Trend.Samples, got.Trend, flagNames(got.Flags))
	}

	// Of a socket that was never seen with figures there are none.
	bare := established(2)
	bare.InfoSize = diagtest.NoInfo

	if s := w.tick(r, bare); s.shown(2) != nil || s.Tracker.Live != 1 {
		t.Errorf("shown %+v", s.shown(2))
	}
}

// TestLowSsthreshIsNoIllness (B18): it tells of one loss, be it years ago.
func TestLowSsthreshIsNoIllness(t *testing.T) {
	for _, ssthresh := range []uint32{0, 2, 5, 9, 10, 0x7fffffff} {
		everyProfile(t, story{length: 12 * time.Second, step: func(at time.Duration, c *tcp) {
			c.Info.SndSsthresh = ssthresh
			requestResponse(at, 200*time.Millisecond, c)
		}}, spotless)
	}
}
