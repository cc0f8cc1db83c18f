package judge

import (
	"testing"
)

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

		now := Stamp(100_000 + i*interval)
		v.settle(a, now, hold, int64(now))

		if v.Status != Suspect {
			t.Errorf("after %d s: %v", i, v.Status)
		}
	}

	if n := v.recentEntries(108_000, 30_000, 10_000); n != flapEntries {
		t.Errorf("%d entries, want %d", n, flapEntries)
	}
}

func TestLateEntries(t *testing.T) {
	const span, recent = 30_000, 10_000

	at := func(times ...Stamp) (v verdict) {
		for _, s := range times {
			copy(v.entries[:], v.entries[1:])
			v.entries[flapEntries-1] = s
		}

		return v
	}

	for _, tc := range []struct {
		name string
		v    verdict
		now  Stamp
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
		if got := tc.v.recentEntries(tc.now, span, recent); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// TestFlappingHoldsTheWorstOfItsTime, not that of an problem long ago.
func TestFlappingHoldsTheWorstOfItsTime(t *testing.T) {
	const hold = 1000

	var v verdict

	now := Stamp(1_000_000)
	settle := func(after Stamp, a assessment, want Status) {
		t.Helper()

		now += after
		v.settle(a, now, hold, int64(now))

		if v.Status != want {
			t.Errorf("after %d ms: %v, want %v", now-1_000_000, v.Status, want)
		}
	}

	none := assessment{}
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
