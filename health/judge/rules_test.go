package judge

import (
	"math"
	"regexp"
	"slices"
	"testing"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// calm is the evidence of a busy connection with nothing wrong. The RTT is
// 100 ms, so that the limits of one second stand as they are.
func calm() Evidence {
	return Evidence{
		state: sampler.StateEstablished, synchronized: true, unacked: 3, outstanding: true, progress: true,
		srtt: 0.1, rttvar: 0.01, rto: 0.3, expectedRTO: 0.3, baseline: 0.09,
		window: window.Stats{DataSegsOut: 1000, BytesSent: 1e6, Delivered: 1000, Busy: 5},
	}
}

// lossy sets the loss of the whole window so that its lower bound is just the
// limit, or just below.
func lossy(e *Evidence, limit float64) {
	const n = 100_000

	low, high := limit, 1.0
	for range 200 {
		if mid := (low + high) / 2; window.LowerBound(mid, n) < limit {
			low = mid
		} else {
			high = mid
		}
	}

	e.window = window.Stats{
		Retrans: 1000, RetransAll: 1000, RetransSamples: 5, DataSegsOut: n,
		BytesSent: 1 << 52, BytesRetrans: uint64(math.Ceil(high * (1 << 52))), Delivered: n, Busy: 5,
	}
	e.settled = e.window
}

// below is a little less than v; as a count it is one less.
func below(v float64) float64 { return v*(1-1e-9) - 1e-12 }

// TestRules raises each flag at exactly its limit, and nothing just below.
func TestRules(t *testing.T) {
	for _, tc := range ruleCases {
		t.Run(tc.name, func(t *testing.T) {
			l := messagingThresholds()
			active := func(e Evidence) (points int, ok bool) {
				return level(ruleTable[tc.flag].figure, &e, l, l.Steps[tc.flag])
			}

			at := calm()
			tc.set(&at, tc.limit)

			if points, ok := active(at); !ok || points != tc.points {
				t.Errorf("at the limit: %d points, active %v, want %d points", points, ok, tc.points)
			}

			if a := assess(&at, l); !a.flags.Has(tc.flag) && !replacedBy(a.flags).Has(tc.flag) {
				t.Errorf("at the limit: %s", flagNames(a.flags))
			}

			under := calm()
			tc.set(&under, below(tc.limit))

			if points, ok := active(under); ok && points >= tc.points {
				t.Errorf("below the limit: %d points", points)
			}

			for i, premise := range tc.without {
				e := at
				premise(&e)

				if points, ok := active(e); ok {
					t.Errorf("without premise %d: %d points", i, points)
				}
			}
		})
	}
}

// TestPremises takes from each active flag, in all combinations, what its case does
// not need: its own premises must do.
func TestPremises(t *testing.T) {
	takes := []func(e *Evidence){
		func(e *Evidence) { e.window.Busy = 0 },
		func(e *Evidence) { e.progress = false },
		func(e *Evidence) {
			e.unacked, e.finOnly = 0, false
			e.outstanding = e.probes > 0 || e.state == sampler.StateSynSent
		},
	}

	for _, tc := range ruleCases {
		t.Run(tc.name, func(t *testing.T) {
			for taken := range 1 << len(takes) {
				e := calm()
				tc.set(&e, tc.limit)

				for i, take := range takes {
					if taken&(1<<i) != 0 {
						take(&e)
					}
				}

				requirePremises(t, &e, messagingThresholds())
			}
		})
	}
}

// TestRuleCasesAreComplete: each level of each flag has its case.
func TestRuleCasesAreComplete(t *testing.T) {
	for f := range NumFlags {
		for _, step := range messagingThresholds().Steps[f] {
			if !slices.ContainsFunc(ruleCases, func(c ruleCase) bool { return c.flag == f && c.points == step.Points }) {
				t.Errorf("%v is never active for %d points", f, step.Points)
			}
		}
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
	for name, e := range map[string]Evidence{
		"calm":       calm(),
		"no figures": {},
		"no figures, synchronized and outstanding": {synchronized: true, outstanding: true, unacked: 5, progress: true},
		"no figures while connecting":              {state: sampler.StateSynSent, outstanding: true, unacked: 1},
	} {
		if a := assess(&e, DefaultThresholds()); a.flags != 0 || a.points != 0 || a.cause != CauseNone || !a.safeToSend {
			t.Errorf("%s: %+v, %s", name, a, flagNames(a.flags))
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

		steps := messagingThresholds().Steps[f]
		if r.figure == nil || r.say == nil || r.condition == "" || len(steps) == 0 || r.replaces.Has(f) {
			t.Errorf("%s lacks a figure, words or steps, or replaces itself", r.name)
		}

		for g := range r.replaces.All() {
			// An MTU black hole explains the silence.
			if c := ruleTable[g].cause; c != r.cause && (r.cause != CauseMTU || c != CausePathDead) {
				t.Errorf("%s replaces %s of another cause", r.name, g)
			}
		}

		for i, s := range steps {
			if s.Points < 0 || s.Points > 10 {
				t.Errorf("%s step %d gives %d points", r.name, i, s.Points)
			}

			if i > 0 && (s.Threshold <= steps[i-1].Threshold || s.Points <= steps[i-1].Points) {
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
		l := DefaultThresholds()
		if len(l.Steps[f]) == 0 {
			continue
		}

		before := ruleTable[f].steps[0]
		l.Steps[f][0] = Step{Threshold: -1, Points: 99}

		if ruleTable[f].steps[0] != before || DefaultThresholds().Steps[f][0] != before {
			t.Fatalf("%s: limits of one profile reach the table", f)
		}
	}
}

func TestLimitsOfAProfile(t *testing.T) {
	l := DefaultThresholds()
	l.Steps[RTTHigh] = []Step{{Threshold: 5, Points: 4}}

	e := calm()
	e.srtt, e.baseline = 2, 2

	if a := assess(&e, l); a.flags.Has(RTTHigh) {
		t.Error("two seconds count under a limit of five")
	}

	e.srtt, e.baseline = 5, 5
	if a := assess(&e, l); a.points != 4 {
		t.Errorf("five seconds give %d points", a.points)
	}
}
