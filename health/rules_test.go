package health

import (
	"math"
	"regexp"
	"slices"
	"testing"

	"tcphealth_exporter/sampler"
)

// calm is the evidence of a busy connection with nothing wrong. The RTT is
// 100 ms, so that the limits of one second stand as they are.
func calm() evidence {
	return evidence{
		state: sampler.StateEstablished, synchronized: true, unacked: 3, outstanding: true, progress: true,
		srtt: 0.1, rttvar: 0.01, rto: 0.3, expectedRTO: 0.3, baseline: 0.09,
		window: windowStats{dataSegsOut: 1000, bytesSent: 1e6, delivered: 1000, busy: 5},
	}
}

// lossy sets the loss of the whole window so that its lower bound is just the
// limit, or just below.
func lossy(e *evidence, limit float64) {
	const n = 100_000

	low, high := limit, 1.0
	for range 200 {
		if mid := (low + high) / 2; wilsonLower(mid, n) < limit {
			low = mid
		} else {
			high = mid
		}
	}

	e.window = windowStats{
		retrans: 1000, retransAll: 1000, retransSamples: 5, dataSegsOut: n,
		bytesSent: 1 << 52, bytesRetrans: uint64(math.Ceil(high * (1 << 52))), delivered: n, busy: 5,
	}
	e.settled = e.window
}

// below is a little less than v; as a count it is one less.
func below(v float64) float64 { return v*(1-1e-9) - 1e-12 }

// TestRules raises each flag at exactly its limit, and nothing just below.
func TestRules(t *testing.T) {
	for _, tc := range []struct {
		name   string
		flag   Flag
		points int
		limit  float64
		set    func(e *evidence, v float64)
		// without lists premises, each of which keeps the flag down.
		without []func(e *evidence)
	}{
		{
			"one SYN again", SynUnanswered, 3, 1,
			func(e *evidence, v float64) {
				e.state, e.synchronized, e.timeouts = sampler.StateSynSent, false, uint8(v)
			},
			[]func(*evidence){func(e *evidence) { e.state = sampler.StateEstablished }},
		},
		{
			"three SYNs again", SynUnanswered, 7, 3,
			func(e *evidence, v float64) {
				e.state, e.synchronized, e.timeouts = sampler.StateSynSent, false, uint8(v)
			},
			nil,
		},
		{
			"silence", HalfOpenSuspect, 4, 1,
			func(e *evidence, v float64) { e.age, e.silence = v, v+1 },
			[]func(*evidence){
				func(e *evidence) { e.synchronized = false },
				func(e *evidence) { e.unacked = 0 },
				func(e *evidence) { e.silence = 0.9 },
			},
		},
		{
			"silence on a long path", HalfOpenSuspect, 4, 3,
			func(e *evidence, v float64) { e.srtt, e.baseline, e.age, e.silence = 1, 0.9, v+5, v }, nil,
		},
		{
			"silence and two time-outs", HalfOpenConfirmed, 8, 1,
			func(e *evidence, v float64) { e.age, e.silence, e.timeouts = v, v, 2 },
			[]func(*evidence){
				func(e *evidence) { e.timeouts = 1 },
				func(e *evidence) { e.synchronized = false },
				func(e *evidence) { e.silence = 0 },
			},
		},
		{
			"silence and two probes", HalfOpenConfirmed, 8, 1,
			func(e *evidence, v float64) { e.age, e.silence, e.probes, e.unacked = v, v, 2, 0 },
			[]func(*evidence){func(e *evidence) { e.probes = 1 }},
		},
		{
			"unacknowledged for 1.5 s", StaleSuspectSend, 3, 1.5,
			func(e *evidence, v float64) { e.age = v },
			[]func(*evidence){
				func(e *evidence) { e.synchronized = false },
				func(e *evidence) { e.unacked = 0 },
				func(e *evidence) { e.zeroWindow = true },
			},
		},
		{
			"unacknowledged for 3 RTTs", StaleSuspectSend, 3, 3,
			func(e *evidence, v float64) { e.srtt, e.baseline, e.age = 1, 0.9, v }, nil,
		},
		{
			"unacknowledged for 3 s", StaleConfirmedSend, 7, 3,
			func(e *evidence, v float64) { e.age = v },
			[]func(*evidence){
				func(e *evidence) { e.unacked = 0 },
				func(e *evidence) { e.zeroWindow = true },
			},
		},
		{
			"unacknowledged for 6 RTTs", StaleConfirmedSend, 7, 6,
			func(e *evidence, v float64) { e.srtt, e.baseline, e.age = 1, 0.9, v }, nil,
		},
		{
			"two keepalives", KeepaliveUnanswered, 4, 2,
			func(e *evidence, v float64) { e.timer, e.unacked, e.probes = sampler.TimerKeepalive, 0, uint8(v) },
			[]func(*evidence){
				func(e *evidence) { e.timer = sampler.TimerProbe },
				func(e *evidence) { e.timer = sampler.TimerRetransmit },
			},
		},
		{
			"one keepalive for a second", KeepaliveUnanswered, 2, 1,
			func(e *evidence, v float64) {
				e.timer, e.unacked, e.probes, e.age, e.silence = sampler.TimerKeepalive, 0, uint8(v), 1, v
			},
			[]func(*evidence){
				func(e *evidence) { e.probes = 0 },
				func(e *evidence) { e.silence = 0.5 },
			},
		},
		{
			"one retransmission", LossDetected, 1, 1,
			func(e *evidence, v float64) { e.window.retrans = uint32(v) }, nil,
		},
		{"1 % loss", LossHigh, 2, 0.01, lossy, []func(*evidence){
			func(e *evidence) { e.settled.retrans = 2 },
			func(e *evidence) { e.settled.retransSamples = 1 },
			func(e *evidence) { e.settled.dataSegsOut = 0 },
		}},
		{"5 % loss", LossHigh, 4, 0.05, lossy, nil},
		{"10 % loss", LossHigh, 6, 0.10, lossy, nil},
		{
			"10 % loss of late", LossHigh, 6, 0.10,
			func(e *evidence, v float64) { lossy(e, v); e.recent, e.settled = e.window, windowStats{} }, nil,
		},
		{
			"double RTO", RTOInflation, 1, 0.6,
			func(e *evidence, v float64) { e.rto = v },
			[]func(*evidence){
				func(e *evidence) { e.srtt = 0 },
				func(e *evidence) { e.timer = sampler.TimerProbe },
				func(e *evidence) { e.progress, e.unacked = false, 0 },
			},
		},
		{
			"back-off with a clamped RTO", RTOInflation, 1, 1,
			func(e *evidence, v float64) { e.backoff, e.progress = uint8(v), false },
			[]func(*evidence){func(e *evidence) { e.unacked = 0 }},
		},
		{
			"200 ms", RTTHigh, 1, 0.2,
			func(e *evidence, v float64) { e.srtt, e.baseline = v, v },
			[]func(*evidence){func(e *evidence) { e.progress = false }},
		},
		{"500 ms", RTTHigh, 2, 0.5, func(e *evidence, v float64) { e.srtt, e.baseline = v, v }, nil},
		{"one second", RTTHigh, 3, 1, func(e *evidence, v float64) { e.srtt, e.baseline = v, v }, nil},
		{
			"thrice the baseline", RTTDrift, 2, 0.09,
			func(e *evidence, v float64) { e.srtt, e.baseline = v, 0.03 },
			[]func(*evidence){
				func(e *evidence) { e.progress = false },
				func(e *evidence) { e.baseline = 0 },
				func(e *evidence) { e.unacked, e.srtt, e.baseline = 2, 0.06, 0.01 },
				func(e *evidence) { e.srtt, e.baseline = 0.014, 0.0041 },
			},
		},
		{
			"thrice the baseline with little in flight", RTTDrift, 2, 0.09,
			func(e *evidence, v float64) { e.srtt, e.baseline, e.unacked = v, 0.03, 2 }, nil,
		},
		{
			"jitter", JitterHigh, 1, 0.035,
			func(e *evidence, v float64) { e.rttvar = v },
			[]func(*evidence){
				func(e *evidence) { e.progress = false },
				func(e *evidence) { e.window.delivered = 7 },
				func(e *evidence) { e.srtt, e.rttvar = 0.02, 0.01 },
				func(e *evidence) { e.srtt = 0 },
			},
		},
		{
			"CWR", CongestionSuspected, 1, 2,
			func(e *evidence, v float64) { e.caState = sampler.CAState(v) }, nil,
		},
		{
			"cwnd fell and losses", CongestionSuspected, 1, 1,
			func(e *evidence, v float64) { e.window.cwndFell, e.window.retrans = true, uint32(v) },
			[]func(*evidence){func(e *evidence) { e.window.cwndFell = false }},
		},
		{
			"cwnd fell and CE marks", CongestionSuspected, 1, 1,
			func(e *evidence, v float64) { e.window.cwndFell, e.window.deliveredCE = true, uint32(v) }, nil,
		},
		{
			"loss recovery", CongestionConfirmed, 2, 3,
			func(e *evidence, v float64) { e.caState = sampler.CAState(v) }, nil,
		},
		{
			"cwnd grows again", CongestionRecovering, 0, 1,
			func(e *evidence, v float64) { e.window.cwndRose, e.window.retrans = true, uint32(v) },
			[]func(*evidence){
				func(e *evidence) { e.window.cwndRose = false },
				func(e *evidence) { e.caState = sampler.CARecovery },
			},
		},
		{
			"zero window", ZeroWindow, 1, 0,
			func(e *evidence, v float64) { e.zeroWindow, e.zeroWindowFor = v >= 0, v },
			[]func(*evidence){func(e *evidence) { e.zeroWindow = false }},
		},
		{"zero window for 1 s", ZeroWindow, 3, 1, func(e *evidence, v float64) { e.zeroWindow, e.zeroWindowFor = true, v }, nil},
		{"zero window for 3 s", ZeroWindow, 5, 3, func(e *evidence, v float64) { e.zeroWindow, e.zeroWindowFor = true, v }, nil},
		{
			"receiver-limited", RecvLimited, 2, 0.4,
			func(e *evidence, v float64) { e.window.receiverLimited = v },
			[]func(*evidence){func(e *evidence) { e.window.busy = 0.19 }},
		},
		{
			"sndbuf-limited", SndbufLimited, 1, 0.4,
			func(e *evidence, v float64) { e.window.sndbufLimited = v },
			[]func(*evidence){func(e *evidence) { e.window.busy = 0.19 }},
		},
		{"unread for 1 s", RecvQueueStuck, 2, 1, func(e *evidence, v float64) { e.unreadFor, e.unreadGrows = v, true }, nil},
		{"unread for 3 s", RecvQueueStuck, 3, 3, func(e *evidence, v float64) { e.unreadFor, e.unreadGrows = v, true }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := DefaultLimits()
			raised := func(e evidence) (points int, ok bool) {
				return ruleTable[tc.flag].level(&e, l, l.Steps[tc.flag])
			}

			at := calm()
			tc.set(&at, tc.limit)

			if points, ok := raised(at); !ok || points != tc.points {
				t.Errorf("at the limit: %d points, raised %v, want %d points", points, ok, tc.points)
			}

			if a := assess(&at, l); !a.Flags.Has(tc.flag) && !replacedBy(a.Flags).Has(tc.flag) {
				t.Errorf("at the limit: %s", flagNames(a.Flags))
			}

			under := calm()
			tc.set(&under, below(tc.limit))

			if points, ok := raised(under); ok && points >= tc.points {
				t.Errorf("below the limit: %d points", points)
			}

			for i, premise := range tc.without {
				e := at
				premise(&e)

				if points, ok := raised(e); ok {
					t.Errorf("without premise %d: %d points", i, points)
				}
			}
		})
	}
}

// replacedBy returns the flags that stand back behind those of the set.
func replacedBy(flags Flags) (all Flags) {
	for f := range flags.All() {
		all |= ruleTable[f].replaces
	}

	return all
}

func TestNothingRaisesNothing(t *testing.T) {
	for name, e := range map[string]evidence{
		"calm":       calm(),
		"no figures": {},
		"no figures, synchronized and outstanding": {synchronized: true, outstanding: true, unacked: 5, progress: true},
		"no figures while connecting":              {state: sampler.StateSynSent, outstanding: true, unacked: 1},
	} {
		if a := assess(&e, DefaultLimits()); a.Flags != 0 || a.Points != 0 || a.Cause != CauseNone || !a.SafeToSend {
			t.Errorf("%s: %+v, %s", name, a, flagNames(a.Flags))
		}
	}
}

func TestRuleTableIsComplete(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

	var names []string

	for f := range NumFlags {
		r := &ruleTable[f]
		names = append(names, r.name)

		if !name.MatchString(r.name) || f.String() != r.name {
			t.Errorf("flag %d is called %q and says %q", f, r.name, f)
		}

		if (r.cause == CauseNone) != (f == Flapping) || r.cause >= NumCauses || f.Cause() != r.cause {
			t.Errorf("%s has the cause %v", r.name, r.cause)
		}

		steps := messagingLimits().Steps[f]
		if r.figure == nil || r.say == nil || r.raised == "" || len(steps) == 0 || r.replaces.Has(f) {
			t.Errorf("%s lacks a figure, words or steps, or replaces itself", r.name)
		}

		for g := range r.replaces.All() {
			if ruleTable[g].cause != r.cause {
				t.Errorf("%s replaces %s of another cause", r.name, g)
			}
		}

		for i, s := range steps {
			if s.Points < 0 || s.Points > 10 {
				t.Errorf("%s step %d gives %d points", r.name, i, s.Points)
			}

			if i > 0 && (s.Limit <= steps[i-1].Limit || s.Points <= steps[i-1].Points) {
				t.Errorf("%s step %d does not rise", r.name, i)
			}
		}
	}

	slices.Sort(names)

	if len(slices.Compact(names)) != int(NumFlags) {
		t.Error("two flags have one name")
	}

	if NumFlags.String() != "unknown" {
		t.Errorf("a flag that is none is called %q", NumFlags)
	}
}

// TestDefaultLimitsAreACopy makes sure that a profile can't change the table.
func TestDefaultLimitsAreACopy(t *testing.T) {
	for f := range NumFlags {
		l := DefaultLimits()
		if len(l.Steps[f]) == 0 {
			continue
		}

		before := ruleTable[f].steps[0]
		l.Steps[f][0] = Step{Limit: -1, Points: 99}

		if ruleTable[f].steps[0] != before || DefaultLimits().Steps[f][0] != before {
			t.Fatalf("%s: limits of one profile reach the table", f)
		}
	}
}

func TestLimitsOfAProfile(t *testing.T) {
	l := DefaultLimits()
	l.Steps[RTTHigh] = []Step{{Limit: 5, Points: 4}}

	e := calm()
	e.srtt, e.baseline = 2, 2

	if a := assess(&e, l); a.Flags.Has(RTTHigh) {
		t.Error("two seconds count under a limit of five")
	}

	e.srtt, e.baseline = 5, 5
	if a := assess(&e, l); a.Points != 4 {
		t.Errorf("five seconds give %d points", a.Points)
	}
}
