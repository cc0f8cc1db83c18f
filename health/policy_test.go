package health

import (
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// calling returns limits under which any RTT of 10 ms has so many points.
func calling(points int) *judge.Thresholds {
	l := judge.DefaultThresholds()
	l.Steps[judge.RTTHigh] = []judge.Step{{Threshold: 0.01, Points: points}}

	return l
}

// pointsOf has an acknowledged write on each connection and returns their points.
func pointsOf(w *watch, rows []row) (points []int) {
	w.tb.Helper()

	for i := range rows {
		rows[i].Info.BytesAcked += 100
		rows[i].Info.LastDataSent, rows[i].Info.LastAckRecv = 100, 50
	}

	s := w.tick(rows...)
	for i := range rows {
		points = append(points, s.shown(rows[i].Cookie).Points)
	}

	return points
}

func TestPolicy(t *testing.T) {
	port := func(p uint16) func(*sampler.Socket) bool {
		return func(s *sampler.Socket) bool { return s.Remote.Port == p }
	}
	policy := &Policy{
		Profiles: []judge.Profile{{Name: "auto", Thresholds: calling(1)}, {Name: "one", Thresholds: calling(2)}, {Name: "two", Thresholds: calling(3)}},
		Rules: []Rule{
			{port(1), 1},
			{port(2), 2},
			{func(*sampler.Socket) bool { return false }, 1},
			{port(1), 2}, // the first one counts
		},
	}

	w := newWatch(t, Config{Export: showAll, Policy: policy})
	rows := []row{established(1), established(2), established(3)}
	pointsOf(w, rows)

	if got := pointsOf(w, rows); got[0] != 2 || got[1] != 3 || got[2] != 1 {
		t.Errorf("%v points, want those of the first rule that matches, else of the first profile", got)
	}

	// From the next sample on, for who is known already, too.
	w.tracker.SetPolicy(&Policy{Profiles: []judge.Profile{{Name: "auto", Thresholds: calling(4)}, {Name: "one", Thresholds: calling(5)}}, Rules: []Rule{{port(3), 1}}})

	if got := pointsOf(w, append(rows, established(4)))[:3]; got[0] != 4 || got[1] != 4 || got[2] != 5 {
		t.Errorf("%v points under another policy", got)
	}

	// Profiles that are gone are not looked up, also by who was not seen lately.
	w.tracker.SetPolicy(&Policy{Profiles: []judge.Profile{{Name: "auto", Thresholds: calling(1)}}})

	if f := w.ask(Query{Cookie: 3, Limit: 1}, nil).Found[0]; f.Points != 5 || len(f.Reasons) == 0 {
		t.Errorf("before its next sample: %d points, %q", f.Points, f.Reasons)
	}

	for range 4 { // a milder status is believed after a while
		pointsOf(w, rows)
	}

	if got := pointsOf(w, rows); got[0] != 1 || got[2] != 1 {
		t.Errorf("%v points under the last policy", got)
	}
}

// TestReasonsAreOfTheLimitsJudgedBy: a reload between two samples does not change
// what is said of the last one.
func TestReasonsAreOfTheLimitsJudgedBy(t *testing.T) {
	w := newWatch(t, Config{})
	slow := established(1)
	slow.Info.RTT = 300_000

	for range 3 {
		slow.Info.BytesAcked += 100
		w.tick(slow)
	}

	reasons := func() []string { return w.ask(Query{Cookie: 1, Limit: 1}, nil).Found[0].Reasons }
	before := reasons()

	limits := judge.DefaultThresholds()
	limits.Steps[judge.RTTHigh] = []judge.Step{{Threshold: 0.1, Points: 2}}
	w.tracker.SetPolicy(&Policy{Profiles: []judge.Profile{{Name: "auto", Thresholds: limits}}})

	if after := reasons(); len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("%q became %q before the next sample", before, after)
	}

	slow.Info.BytesAcked += 100
	w.tick(slow)

	if after := reasons(); len(after) == 0 || slices.Equal(before, after) {
		t.Errorf("%q was not reported by the new limits", after)
	}
}

// TestRuleSeesWhatIdentifies gives a rule the row with its cgroup, mark and
// interface when the connection is first seen.
func TestRuleSeesWhatIdentifies(t *testing.T) {
	var asked []uint64

	policy := DefaultPolicy()
	policy.Rules = []Rule{{func(s *sampler.Socket) bool { asked = append(asked, s.Cookie); return false }, 0}}

	w := newWatch(t, Config{Policy: policy})
	w.tick(established(1))
	w.tick(established(1), established(2))
	w.tick(established(1), established(2))

	if len(asked) != 2 || asked[0] != 1 || asked[1] != 2 {
		t.Errorf("asked about %v, each is to be bound once", asked)
	}

	w.tracker.SetPolicy(policy)
	w.tick(established(1), established(2))

	if len(asked) != 4 {
		t.Errorf("asked about %v, each is to be bound again", asked)
	}
}

// TestMessagingLimits: what is an problem for single messages is none for
// anything else.
func TestMessagingLimits(t *testing.T) {
	held := func(at time.Duration, c *tcp) {
		c.Info.RTT, c.Info.RTO = 900_000, 1_100_000 // an ACK may take its time
		if at == 5*time.Second {
			c.push(2, 1448)
		}

		if at == 5*time.Second+c.srtt() {
			c.answered()
		}
	}
	flooded := func(at time.Duration, c *tcp) {
		bulkStep(c, 0)
	}

	messaging := &Policy{Profiles: judge.BuiltinProfiles()[1:]}

	for name, tc := range map[string]struct {
		step func(at time.Duration, c *tcp)
		flag judge.Flag
		want judge.Status
	}{
		"a message held for most of a second": {held, judge.SendQueueHigh, judge.Suspect},
		"a full cwnd":                         {flooded, judge.CwndExhausted, judge.Suspect},
	} {
		t.Run(name, func(t *testing.T) {
			got := first(t, story{policy: messaging, step: tc.step}.play(t), "found", func(s *sight) bool { return s.Flags.Has(tc.flag) })
			if got.Status < tc.want || got.Cause != judge.CauseCongestion {
				t.Errorf("%v because of %v with %s", got.Status, got.Cause, flagNames(got.Flags))
			}

			for _, profile := range []int{0, 2} {
				p := &Policy{Profiles: judge.BuiltinProfiles()[profile:]}
				for _, s := range (story{policy: p, step: tc.step}).play(t) {
					if s.Status > judge.Caution || s.Flags.Has(judge.SendQueueHigh) || s.Flags.Has(judge.CwndExhausted) {
						t.Fatalf("profile %s after %v: %s", p.Profiles[0].Name, s.at, flagNames(s.Flags))
					}
				}
			}
		})
	}
}
