package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// entriesOf counts how often the assessment went from below SUSPECT to it.
func entriesOf(history []sight) (n int) {
	for i := 1; i < len(history); i++ {
		if history[i].Status >= judge.Suspect && history[i-1].Status < judge.Suspect {
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

	flapping := first(t, history, "flapping", func(s *sight) bool { return s.Flags.Has(judge.Flapping) })
	if flapping.at < from+3*period || flapping.at > from+3*period+closed+interval {
		t.Errorf("flapping %v after the window closed for the fourth time", flapping.at-from-3*period)
	}

	worst, last := judge.Healthy, from+4*period

	for _, s := range history {
		switch {
		case s.at <= flapping.at:
			worst = max(worst, s.Status)
		case s.at < flapping.at+window:
			// Held, also while nothing is wrong between two times.
			if worst = max(worst, s.Status); s.Status != worst || !s.Flags.Has(judge.Flapping) {
				t.Fatalf("after %v: %v with %s, it was %v", s.at, s.Status, flagNames(s.Flags), worst)
			}
		case s.at > last+closed+window+interval && s.Flags.Has(judge.Flapping):
			t.Fatalf("flapping %v after the window closed for the last time", s.at-last)
		}
	}

	if worst != judge.Suspect {
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
				if s.Flags.Has(judge.Flapping) {
					t.Fatalf("after %v: %s", s.at, flagNames(s.Flags))
				}
			}

			if n := entriesOf(history); n != tc.entries {
				t.Errorf("the story has %d entries, it should have %d", n, tc.entries)
			}
		})
	}
}

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
