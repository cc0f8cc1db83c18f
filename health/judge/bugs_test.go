package judge

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

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
func assessed(e *Evidence) Flags { return assess(e, DefaultThresholds()).flags }

// TestNewConnectionHasNoJitter (B6): the kernel begins with half the RTT for
// its deviation. And microseconds are nothing.
func TestNewConnectionHasNoJitter(t *testing.T) {
	for name, tc := range map[string]struct {
		rtt, rttvar []uint32 // µs, at each sample
		segments    uint32   // delivered from sample to sample
		want        Flags
	}{
		"a fresh one over 40 ms":         {[]uint32{40_000}, []uint32{20_000}, 1, 0},
		"that goes on to be unsteady":    {[]uint32{40_000}, []uint32{20_000}, 8, FlagSet(JitterHigh)},
		"a fresh one over loopback":      {[]uint32{30}, []uint32{15}, 1, 0},
		"microseconds on a LAN":          {[]uint32{200, 90}, []uint32{150, 90}, 50, 0},
		"tens of microseconds, tripled":  {[]uint32{10, 10, 30, 50, 100}, []uint32{3}, 50, 0},
		"tens of milliseconds, the same": {[]uint32{10_000, 10_000, 30_001, 50_000, 100_000}, []uint32{300}, 50, FlagSet(RTTDrift)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFollowing(t)
			r := established(1)
			r.Info.LastDataSent, r.Info.LastAckRecv = 10, 10

			var active Flags

			for n := range 6 {
				r.Info.RTT, r.Info.RTTVar = tc.rtt[min(n, len(tc.rtt)-1)], tc.rttvar[min(n, len(tc.rttvar)-1)]
				r.Info.RTO = r.Info.RTT + 200_000
				r.Info.Unacked, r.SendQueue = 4, 1200
				r.Info.BytesAcked += 300 * uint64(tc.segments)
				r.Info.Delivered += tc.segments

				e := f.see(r)
				active |= assessed(&e)
			}

			if active != tc.want {
				t.Errorf("active %s, want %s", flagNames(active), flagNames(tc.want))
			}
		})
	}
}

// TestCongestionIsWhatTheKernelReports (B7): below ssthresh there is slow start, and
// recovery ends above it, so the two do not prove congestion.
func TestCongestionIsWhatTheKernelReports(t *testing.T) {
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
		"slow start, a loss repaired before": {[]uint32{10, 40}, 100, sampler.CAOpen, 2, FlagSet(CongestionRecovering)},
		"recovery above ssthresh":            {[]uint32{60, 53}, 53, sampler.CARecovery, 3, FlagSet(CongestionConfirmed)},
		"recovery from a timeout":            {[]uint32{60, 1}, 30, sampler.CALoss, 3, FlagSet(CongestionConfirmed)},
		"after a recovery, still low":        {[]uint32{60, 53}, 53, sampler.CAOpen, 3, FlagSet(CongestionSuspected)},
		"cwnd cut without a loss":            {[]uint32{60, 4}, 53, sampler.CAOpen, 0, 0},
		"cut by the kernel's own queue":      {[]uint32{60, 53}, 53, sampler.CACWR, 0, FlagSet(CongestionSuspected)},
	} {
		f := newFollowing(t)
		r := established(1)
		r.Info.LastDataSent, r.Info.LastAckRecv, r.Info.Unacked, r.SendQueue = 10, 10, 4, 1200

		var e Evidence

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
			if words := ruleTable[flag].explain(&e, DefaultThresholds(), ruleTable[flag].steps); strings.Contains(words, "2147483647") {
				t.Errorf("%s: %s", name, words)
			}
		}

		if got&FlagSet(CongestionSuspected, CongestionConfirmed, CongestionRecovering) != tc.want {
			t.Errorf("%s: %s, want %s", name, flagNames(got), flagNames(tc.want))
		}
	}
}

// TestFlagsMakeTheVerdict (B9): no flag with points is decoration.
func TestFlagsMakeTheVerdict(t *testing.T) {
	l := messagingThresholds()

	for i := range sentenceCases {
		c := &sentenceCases[i]
		e := calm()
		c.set(&e)

		a := assess(&e, l)
		name := fmt.Sprintf("%v, %d points", c.flag, c.points)

		if !(a.flags | replacedBy(a.flags)).Has(c.flag) {
			t.Errorf("%s: active %s", name, flagNames(a.flags))
		}

		want := min(c.points, statusPoints(c.flag))
		if a.points < want || Score(a.points) > 100-10*want {
			t.Errorf("%s: %d points, score %d", name, a.points, Score(a.points))
		}

		if c.points > 0 && (StatusOf(a.points) == Healthy || !a.cause.points(a.flags)) {
			t.Errorf("%s: %v because of %v", name, StatusOf(a.points), a.cause)
		}

		if a.safeToSend && StatusOf(a.points) >= Degraded {
			t.Errorf("%s: safe to send at %v", name, StatusOf(a.points))
		}

		var v verdict

		v.settle(a, Stamp(1), 1000, 1)

		if v.Status != StatusOf(a.points) || v.Cause != a.cause || int(v.Points) != a.points {
			t.Errorf("%s: the verdict is %v because of %v, %d points", name, v.Status, v.Cause, v.Points)
		}
	}
}

// statusPoints is what a flag can add at most.
func statusPoints(f Flag) int {
	if ruleTable[f].weak {
		return minPointTable[Suspect] - 1
	}

	return 10
}

// TestUnitsAreSaid (B11): segments are segments and bytes are bytes, shares are
// percentages in words and 0 to 1 in figures.
func TestUnitsAreSaid(t *testing.T) {
	words := func(f Flag, set func(e *Evidence)) string {
		e := calm()
		set(&e)

		return ruleTable[f].explain(&e, messagingThresholds(), messagingThresholds().Steps[f])
	}

	for _, tc := range []struct {
		got, want string
	}{
		{words(CongestionSuspected, func(e *Evidence) { e.caState, e.cwnd = sampler.CACWR, 7 }), "7 segments"},
		{words(CwndExhausted, func(e *Evidence) { e.cwnd, e.unacked, e.queue.now = 10, 6, 5 }), "60 % of cwnd in flight"},
		{words(CwndExhausted, func(e *Evidence) { e.cwnd, e.unacked, e.queue.now = 10, 6, 5 }), "5 bytes unsent"},
		{words(RecvLimited, func(e *Evidence) { e.window.ReceiverLimited = 0.5 }), "50 % of the busy time"},
		{words(LossDetected, func(e *Evidence) { retransmitted(e, 3) }), "3 retransmissions"},
		{words(QueueGrowing, func(e *Evidence) { backlog(e); e.queue.now, e.queue.rise = 500, 1 }), "500 bytes unsent and growing, 500 ms to drain at the current rate"},
		{words(QueueVolatile, func(e *Evidence) { backlog(e); e.queue.mean, e.queue.stddev = 1000, 800 }), "is 0.8 times its mean of 1000 bytes"},
		{words(MTUBlackholeSuspect, func(e *Evidence) { inHole(e, 3) }), "segments of 1086 bytes"},
	} {
		if !strings.Contains(tc.got, tc.want) {
			t.Errorf("no %q in %q", tc.want, tc.got)
		}
	}

	// Segments in flight are not called bytes.
	if got := words(HalfOpenConfirmed, func(e *Evidence) { e.unacked, e.age, e.silence, e.timeouts = 3, 2, 2, 2 }); strings.Contains(got, "byte") {
		t.Errorf("bytes in %q", got)
	}

	for f := range NumFlags {
		for _, step := range messagingThresholds().Steps[f] {
			if f.Unit() == UnitShare && (step.Threshold <= 0 || step.Threshold > 1) {
				t.Errorf("%v has the limit %v, which is no share", f, step.Threshold)
			}
		}
	}

	// The delivery rate is in bytes per second: ten segments of 1000 bytes in two seconds.
	r := filled(1000, 10_000, window.Sample{At: 1000}, window.Sample{At: 3000, Delivered: 10})
	if got := r.DeliveryRate(3000, 1000); got != 5000 {
		t.Errorf("the delivery rate is %v", got)
	}
}

// TestSendBufferTooSmall (B12): the kernel counts when the send buffer held up
// the connection, which is no fault of the application that fills it.
func TestSendBufferTooSmall(t *testing.T) {
	e := calm()
	e.window.SndbufLimited = 0.9

	a := assess(&e, DefaultThresholds())
	if a.flags != FlagSet(SndbufLimited) || a.cause != CauseLocalSendBuffer || StatusOf(a.points) != Caution {
		t.Errorf("%s, %v because of %v", flagNames(a.flags), StatusOf(a.points), a.cause)
	}

	words := ruleTable[SndbufLimited].explain(&e, DefaultThresholds(), DefaultThresholds().Steps[SndbufLimited])
	if !strings.Contains(words, "send buffer was too small") || regexp.MustCompile("application|slow").MatchString(words+SndbufLimited.Condition()) {
		t.Errorf("%q, %q", words, SndbufLimited.Condition())
	}
}

// points reports whether a flag of the set is of the cause.
func (c Cause) points(flags Flags) bool { return flags.causes(c) }
