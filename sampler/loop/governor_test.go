package loop

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestGovernorStretches(t *testing.T) {
	const ms = time.Millisecond

	for _, tc := range []struct {
		name         string
		share        float64
		tick, rounds time.Duration
		want         time.Duration
	}{
		{"no limit", 0, time.Hour, time.Hour, time.Second},
		{"below", 0.1, 60 * ms, 30 * ms, time.Second},
		{"at the limit", 0.1, 60 * ms, 40 * ms, time.Second},
		{"twice as much", 0.1, 150 * ms, 50 * ms, 2 * time.Second},
		{"too much for a window", 0.1, 900 * ms, 0, 3 * time.Second},
	} {
		g := newGovernor(tc.share, time.Second, 3*time.Second)
		for range 20 {
			g.spent(tc.tick, 0, tc.rounds)
		}

		if g.interval != tc.want {
			t.Errorf("%s: every %v, want %v", tc.name, g.interval, tc.want)
		}
	}
}

// TestGovernorAdaptsSlowly: no interval is much longer than the previous one, one
// expensive sample changes little, and cheap samples shorten the interval again.
func TestGovernorAdaptsSlowly(t *testing.T) {
	g := newGovernor(0.1, time.Second, 10*time.Second)

	if g.spent(time.Minute, 0, 0) || g.interval != time.Second {
		t.Errorf("after the first sample, which is expensive: every %v", g.interval)
	}

	for range 10 {
		g.spent(50*time.Millisecond, 0, 0)
	}

	if g.spent(200*time.Millisecond, 0, 0); g.interval != time.Second {
		t.Errorf("after one expensive sample: every %v", g.interval)
	}

	for range 30 {
		before := g.interval
		if changed := g.spent(500*time.Millisecond, 0, 0); changed != (g.interval != before) {
			t.Error("spent does not report whether the interval changed")
		}

		if g.interval > before*3/2 {
			t.Errorf("from %v to %v", before, g.interval)
		}
	}

	if g.interval < 4900*time.Millisecond {
		t.Errorf("every %v", g.interval)
	}

	for range 30 {
		g.spent(10*time.Millisecond, 0, 0)
	}

	if g.interval != time.Second {
		t.Errorf("after cheap samples: every %v", g.interval)
	}
}

func TestGovernorLimitsRounds(t *testing.T) {
	g := newGovernor(0.1, time.Second, time.Second)

	if !g.allows(12*time.Millisecond, 250*time.Millisecond) || g.allows(13*time.Millisecond, 250*time.Millisecond) {
		t.Error("rounds may use half of the share")
	}

	if g = newGovernor(0, time.Second, time.Second); !g.allows(time.Hour, time.Second) {
		t.Error("without a limit, rounds are limited")
	}
}

// TestLoopIsGoverned limits the CPU use to a tenth of a core: samples of 0.3 s of CPU time
// are taken every three seconds.
func TestLoopIsGoverned(t *testing.T) {
	const each = 300 * time.Millisecond

	cpu := time.Duration(0)

	got := runLoop(t, 40500*time.Millisecond, func(_ context.Context, s *script, l *Loop) {
		l.MaxCPU, l.MaxInterval = 0.1, 5*time.Second
		l.CPU = func() time.Duration {
			cpu += each

			return cpu
		}
	})

	var paced, ticks []string

	for _, line := range got {
		if strings.Contains(line, "paced") {
			paced = append(paced, line)
		}

		if strings.Contains(line, "begin") {
			ticks = append(ticks, line)
		}
	}

	if len(paced) != 3 || !strings.HasSuffix(paced[0], "paced 1.5s") || !strings.HasSuffix(paced[2], "paced 3s") {
		t.Errorf("paced: %q", paced)
	}

	if n := len(ticks); n < 14 || n > 16 {
		t.Errorf("%d ticks: %q", n, ticks)
	}
}
