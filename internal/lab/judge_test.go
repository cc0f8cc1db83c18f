package lab

import (
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
)

var epoch = time.Date(2026, time.November, 25, 12, 0, 0, 0, time.UTC)

// sight says what was said at a time in seconds.
func sight(at float64, status judge.Status, cause judge.Cause, flags ...judge.Flag) Sight {
	var set judge.Flags
	for _, f := range flags {
		set |= 1 << f
	}
	return Sight{epoch.Add(time.Duration(at * float64(time.Second))), health.Connection{Status: status, Cause: cause, Flags: set}}
}

// story puts sights between a fault at 10 s that can be seen at 10.5 s, and a repair at 20 s.
func story(sights ...Sight) Story {
	return Story{
		Interval: time.Second, Sights: sights,
		Marks: Marks{Fault: epoch.Add(10 * time.Second), Seen: epoch.Add(10500 * ms), Repaired: epoch.Add(20 * time.Second)},
	}
}

func TestJudge(t *testing.T) {
	const none, dead, lost = judge.CauseNone, judge.CausePathDead, judge.CausePacketLoss
	expect := Expectation{
		Status: judge.Suspect, Causes: []judge.Cause{dead}, Flags: []judge.Flag{judge.HalfOpenConfirmed}, Limit: 2 * time.Second,
	}
	confirmed := sight(12, judge.Stale, dead, judge.HalfOpenConfirmed)
	for _, tc := range []struct {
		name     string
		story    Story
		expect   Expectation
		detected time.Duration
		problem  string // A part of the only one, empty for none.
	}{
		{"in time", story(sight(9, judge.Healthy, none), sight(11, judge.Caution, lost), confirmed), expect, 1500 * ms, ""},
		{"never", story(sight(9, judge.Healthy, none), sight(11, judge.Caution, dead)), expect, -1, "was never said"},
		{"for another cause", story(sight(12, judge.Stale, lost, judge.HalfOpenConfirmed)), expect, -1, "was never said"},
		{"too late", story(sight(12.6, judge.Stale, dead, judge.HalfOpenConfirmed)), expect, 2100 * ms, "limit 2s"},
		{"before it can be seen", story(sight(10.2, judge.Stale, dead, judge.HalfOpenConfirmed)), expect, -1, "was never said"},
		{"without the flag", story(sight(12, judge.Stale, dead, judge.StaleConfirmedSend)), expect, 1500 * ms, "was raised"},
		{"the flag later", story(sight(12, judge.Suspect, dead), sight(13, judge.Stale, dead, judge.HalfOpenConfirmed)), expect, 1500 * ms, ""},
		{"for too short", story(confirmed, sight(18, judge.Healthy, none)), expect, 1500 * ms, "held for 75 %"},
		{"for long enough", story(confirmed, sight(18.5, judge.Healthy, none)), expect, 1500 * ms, ""},
		{"after the repair is of no interest", story(confirmed, sight(20, judge.Healthy, none)), expect, 1500 * ms, ""},
		{"unhealthy before", story(sight(1, judge.Suspect, lost), confirmed), expect, 1500 * ms, "before the fault"},
		{"worse than allowed", story(confirmed), Expectation{
			Status: judge.Suspect, Never: judge.Stale, Causes: []judge.Cause{dead}, Limit: 2 * time.Second,
		}, 1500 * ms, "STALE because of path_dead"},
		{"a second expectation", story(confirmed), Expectation{
			Status: judge.Suspect, Causes: []judge.Cause{dead}, Limit: 2 * time.Second,
			Then: []Expectation{{Status: judge.Stale, Causes: []judge.Cause{dead}, Limit: time.Second}},
		}, 1500 * ms, "limit 1s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := Judge(tc.story, tc.expect)
			if f.Detected != tc.detected {
				t.Errorf("detected after %v, want %v", f.Detected, tc.detected)
			}
			problems := strings.Join(f.Problems, "; ")
			if (tc.problem == "") != (problems == "") || !strings.Contains(problems, tc.problem) || len(f.Problems) > 1 {
				t.Errorf("the problems are %q, want %q", problems, tc.problem)
			}
		})
	}
}

func TestJudgeHealthy(t *testing.T) {
	calm := []Sight{sight(1, judge.Healthy, judge.CauseNone), sight(2, judge.Caution, judge.CausePacketLoss, judge.LossDetected)}
	if f := JudgeHealthy(calm, time.Second); len(f.Problems) != 0 || f.Worst != judge.Caution || f.Sights != 2 {
		t.Errorf("of a calm story %+v", f)
	}
	for name, alarm := range map[string]Sight{
		"SUSPECT":         sight(3, judge.Suspect, judge.CausePathDelay),
		"a flag of death": sight(3, judge.Caution, judge.CausePathDead, judge.KeepaliveUnanswered),
	} {
		if f := JudgeHealthy(append(calm, alarm), time.Second); len(f.Problems) != 1 {
			t.Errorf("%s: %q", name, f.Problems)
		}
	}
	if f := JudgeHealthy(nil, time.Second); len(f.Problems) != 1 {
		t.Error("seeing nothing passes for healthy")
	}
}

func TestRecovery(t *testing.T) {
	heard := func(s Sight) Sight { return s } // A row without clocks has heard of the peer just now.
	base := []Sight{sight(9, judge.Healthy, judge.CauseNone), sight(12, judge.Stale, judge.CausePathDead)}
	expect := Expectation{Status: judge.Stale, Causes: []judge.Cause{judge.CausePathDead}, Limit: 2 * time.Second}
	for _, tc := range []struct {
		name    string
		rest    []Sight
		problem string
		queue   uint32
	}{
		{"in time", []Sight{heard(sight(21, judge.Stale, judge.CausePathDead)), sight(36, judge.Healthy, judge.CauseNone)}, "", 0},
		{"too late", []Sight{heard(sight(21, judge.Stale, judge.CausePathDead)), sight(36.1, judge.Healthy, judge.CauseNone)}, "limit 15s", 0},
		{"never", []Sight{heard(sight(21, judge.Stale, judge.CausePathDead))}, "at the end", 0},
		{"CAUTION", []Sight{heard(sight(21, judge.Stale, judge.CausePathDead)), sight(36, judge.Caution, judge.CausePathDelay)}, "at the end", 0},
		{"CAUTION of a bulk sender", []Sight{heard(sight(21, judge.Stale, judge.CausePathDead)), sight(36, judge.Caution, judge.CausePathDelay)}, "", 1 << 16},
		{"SUSPECT of a bulk sender", []Sight{heard(sight(21, judge.Stale, judge.CausePathDead)), sight(36, judge.Suspect, judge.CausePathDelay)}, "at the end", 1 << 16},
		{"a relapse", []Sight{sight(22, judge.Healthy, judge.CauseNone), sight(40, judge.Suspect, judge.CausePathDead)}, "at the end", 0},
	} {
		s := story(append(base[:2:2], tc.rest...)...)
		s.Whole, s.Sights[0].Conn.Row.SendQueue = true, tc.queue
		problems := strings.Join(Judge(s, expect).Problems, "; ")
		if (tc.problem == "") != (problems == "") || !strings.Contains(problems, tc.problem) {
			t.Errorf("%s: the problems are %q, want %q", tc.name, problems, tc.problem)
		}
	}
}

func TestTable(t *testing.T) {
	var table Table
	failing := Failing()[0]
	for _, seconds := range []float64{1.5, 1.2, 1.8} {
		table.Add(&Run{Scenario: &failing, Attempts: 1, Findings: []Finding{{
			Interval: time.Second, Detected: time.Duration(seconds * float64(time.Second)), Cause: judge.CausePathDead,
			Flags: []judge.Flag{judge.HalfOpenConfirmed, judge.LossDetected}, Recovered: 12 * time.Second,
		}}})
	}
	healthy := Healthy()[0]
	table.Add(&Run{Scenario: &healthy, Attempts: 3, Findings: []Finding{{Interval: 250 * ms, Sights: 7, Worst: judge.Caution}}})
	got := table.Markdown()
	for _, want := range []string{
		"| idle on a LAN | 250ms | 7 | 0 | CAUTION |",
		"| " + failing.Name + " | 1s | STALE, 2s | 1.50 s, 1.80 s | path_dead | half_open_confirmed | 12.00 s, 12.00 s | 0 of 3 |",
		"4 runs, 2 of them again",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
