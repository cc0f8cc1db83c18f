package health

import (
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// stutter is a peer whose window closes each period for a while, so many times.
func stutter(times int, period, closed time.Duration) func(at time.Duration, c *tcp) {
	const from = 5 * time.Second

	return func(at time.Duration, c *tcp) {
		n, within := int((at-from)/period), (at-from)%period
		if at < from || n >= times || within > closed {
			requestResponse(at, 200*time.Millisecond, c)

			return
		}

		switch within {
		case 0:
			c.acked()
			c.Info.SndWnd, c.Info.NotsentBytes, c.SendQueue, c.Timer = 0, 20_000, 20_000, sampler.TimerProbe
		case closed:
			c.Info.SndWnd, c.Info.NotsentBytes = 64_000, 0
			c.acked()
		}

		c.due = c.now.Add(200 * time.Millisecond)
	}
}

// entriesOf counts how often the assessment went from below SUSPECT to it.
func entriesOf(history []sight) (n int) {
	for i := 1; i < len(history); i++ {
		if history[i].Status >= Suspect && history[i-1].Status < Suspect {
			n++
		}
	}

	return n
}

func TestFlapping(t *testing.T) {
	const (
		period   = 5 * time.Second
		from     = 5 * time.Second
		closed   = 1300 * time.Millisecond
		interval = 250 * time.Millisecond
		window   = 10 * time.Second
	)

	history := story{length: 55 * time.Second, step: stutter(5, period, closed)}.play(t)

	flapping := first(t, history, "flapping", func(s *sight) bool { return s.Flags.Has(Flapping) })
	if flapping.at < from+3*period || flapping.at > from+3*period+closed+interval {
		t.Errorf("flapping %v after the window closed for the fourth time", flapping.at-from-3*period)
	}

	worst, last := Healthy, from+4*period

	for _, s := range history {
		switch {
		case s.at <= flapping.at:
			worst = max(worst, s.Status)
		case s.at < flapping.at+window:
			// Held, also while nothing is wrong between two times.
			if worst = max(worst, s.Status); s.Status != worst || !s.Flags.Has(Flapping) {
				t.Fatalf("after %v: %v with %s, it was %v", s.at, s.Status, flagNames(s.Flags), worst)
			}
		case s.at > last+closed+window+interval && s.Flags.Has(Flapping):
			t.Fatalf("flapping %v after the window closed for the last time", s.at-last)
		}
	}

	if worst != Suspect {
		t.Errorf("the worst was %v", worst)
	}

	requireRecovery(t, history, last+closed, interval)
}

// TestNoFlapping: three entries are none, nor are four that are far apart.
func TestNoFlapping(t *testing.T) {
	const closed = 1300 * time.Millisecond

	for name, tc := range map[string]struct {
		step    func(at time.Duration, c *tcp)
		entries int
	}{
		"three times":            {stutter(3, 5*time.Second, closed), 3},
		"four times, 20 s apart": {stutter(4, 20*time.Second, closed), 4},
		"once and for ever":      {stutter(1, time.Hour, time.Hour), 1},
	} {
		t.Run(name, func(t *testing.T) {
			history := story{length: 80 * time.Second, step: tc.step}.play(t)
			for _, s := range history {
				if s.Flags.Has(Flapping) {
					t.Fatalf("after %v: %s", s.at, flagNames(s.Flags))
				}
			}

			if n := entriesOf(history); n != tc.entries {
				t.Errorf("the story has %d entries, it should have %d", n, tc.entries)
			}
		})
	}
}

// TestFlappingFasterThanTheHold: what comes and goes faster than a better status
// is believed flaps, too.
func TestFlappingFasterThanTheHold(t *testing.T) {
	const interval, hold = 1000, 2000

	var v verdict

	for i := range 8 {
		a := judged(0, CauseNone)
		if i%2 == 0 {
			a = judged(3, CausePathDelay, RTTHigh)
		}

		now := stamp(100_000 + i*interval)
		v.settle(a, now, hold, int64(now))

		if v.status != Suspect {
			t.Errorf("after %d s: %v", i, v.status)
		}
	}

	if n := v.lateEntries(108_000, 30_000, 10_000); n != flapEntries {
		t.Errorf("%d entries, want %d", n, flapEntries)
	}
}

func TestLateEntries(t *testing.T) {
	const span, recent = 30_000, 10_000

	at := func(times ...stamp) (v verdict) {
		for _, s := range times {
			copy(v.entries[:], v.entries[1:])
			v.entries[flapEntries-1] = s
		}

		return v
	}

	for _, tc := range []struct {
		name string
		v    verdict
		now  stamp
		want int
	}{
		{"none", at(), 100_000, 0},
		{"one just now", at(100_000), 100_000, 1},
		{"four", at(71_000, 80_000, 90_000, 100_000), 100_000, 4},
		{"the first 30 s ago", at(70_000, 80_000, 90_000, 100_000), 100_000, 4},
		{"the first longer ago", at(69_999, 80_000, 90_000, 100_000), 100_000, 3},
		{"the last a window ago", at(80_000, 82_000, 84_000, 90_000), 100_000, 4},
		{"the last longer ago", at(80_000, 82_000, 84_000, 89_999), 100_000, 0},
		{"five, of which the last four are remembered", at(1, 80_000, 82_000, 84_000, 90_000), 95_000, 4},
	} {
		if got := tc.v.lateEntries(tc.now, span, recent); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// TestFlappingHoldsTheWorstOfItsTime, not that of an illness long ago.
func TestFlappingHoldsTheWorstOfItsTime(t *testing.T) {
	const hold = 1000

	var v verdict

	now := stamp(1_000_000)
	settle := func(after stamp, a Assessment, want Status) {
		t.Helper()

		now += after
		v.settle(a, now, hold, int64(now))

		if v.status != want {
			t.Errorf("after %d ms: %v, want %v", now-1_000_000, v.status, want)
		}
	}

	none := Assessment{}
	suspect := judged(3, CausePathDelay, RTTHigh)
	degraded := judged(5, CausePeerReceiver, ZeroWindow)
	flaps := judged(0, CauseNone, Flapping)

	settle(0, judged(8, CausePathDead, HalfOpenConfirmed), Stale)
	settle(5000, none, Stale)
	settle(1000, none, Healthy)

	settle(60_000, suspect, Suspect)
	settle(1000, degraded, Degraded)
	settle(1000, none, Degraded)
	settle(1000, none, Healthy)
	settle(1000, flaps, Degraded) // and not STALE, which was a minute ago
	settle(20_000, flaps, Degraded)
	settle(1000, none, Degraded)
	settle(1000, none, Healthy)
}
