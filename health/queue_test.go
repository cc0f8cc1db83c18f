package health

import (
	"testing"
	"time"
)

// backlogged returns samples a second apart with so much unsent, between which
// so many segments were delivered.
func backlogged(segments uint32, notsent ...uint32) []sample {
	all := make([]sample, len(notsent))
	for i, n := range notsent {
		all[i] = sample{at: 1_000_000 + int64(i)*1000, notsent: n, delivered: uint32(i) * segments}
	}

	return all
}

// TestQueueStats compares with figures computed by hand. Segments have 1000
// bytes.
func TestQueueStats(t *testing.T) {
	l := DefaultLimits() // lasting for 3 s, rising over 1 s

	for _, tc := range []struct {
		name    string
		samples []sample
		want    queueStats
	}{
		{"one sample", backlogged(9, 500), queueStats{now: 500, least: 500, mean: 500}},
		{
			"growing faster and faster", backlogged(5, 0, 1000, 3000),
			queueStats{now: 3000, rate: 5000, rise: 2000, riseBefore: 1000, least: 0, mean: 4000. / 3, stddev: 1247.219128924647},
		},
		{
			"lasting, and once empty before", backlogged(2, 0, 4000, 3000, 2000, 3000),
			queueStats{now: 3000, rate: 2000, rise: 1000, riseBefore: -1000, least: 2000, lasting: true, mean: 2400, stddev: 1356.4659966250536},
		},
		{
			"not lasting yet", backlogged(2, 4000, 3000, 2000),
			queueStats{now: 2000, rate: 2000, rise: -1000, riseBefore: -1000, least: 2000, mean: 3000, stddev: 816.496580927726},
		},
		{
			"nothing delivered", backlogged(0, 7, 7, 7, 7),
			queueStats{now: 7, least: 7, lasting: true, mean: 7},
		},
	} {
		r := filled(1000, 10_000, tc.samples...)

		got := r.queue(l, 1000)
		if !near(got.stddev, tc.want.stddev) || !near(got.mean, tc.want.mean) {
			t.Errorf("%s: mean %v, deviation %v, want %v, %v", tc.name, got.mean, got.stddev, tc.want.mean, tc.want.stddev)
		}

		got.mean, got.stddev = tc.want.mean, tc.want.stddev
		if got != tc.want {
			t.Errorf("%s: got  %+v\nwant %+v", tc.name, got, tc.want)
		}
	}
}

// TestDeliveryRateOfAWrappingCounter takes the difference.
func TestDeliveryRateOfAWrappingCounter(t *testing.T) {
	r := filled(1000, 10_000, sample{at: 1000, delivered: 1<<32 - 3}, sample{at: 3000, delivered: 7})
	if got := r.deliveryRate(3000, 1000); got != 5000 {
		t.Errorf("ten segments in two seconds are %v bytes/s", got)
	}
}

const slowFrom, slowTo = 5 * time.Second, 13 * time.Second

// slowPath sends as much as the path takes: a megabyte per second, and a tenth of
// that for a while. What can't be sent waits.
func slowPath(written func(at time.Duration) uint32) func(at time.Duration, c *tcp) {
	return func(at time.Duration, c *tcp) {
		takes := uint32(10_000)
		if at >= slowFrom && at < slowTo {
			takes = 1_000
		}

		c.Info.NotsentBytes += written(at)
		sent := min(takes, c.Info.NotsentBytes)
		if sent == 0 {
			c.acked()

			return
		}

		c.Info.NotsentBytes -= sent
		c.SendQueue = c.Info.NotsentBytes + 20_000
		c.dataSent, c.ackRecv = c.now, c.now
		c.Info.SndMSS, c.Info.Unacked = 1000, 20
		c.Info.BytesSent += uint64(sent)
		c.Info.BytesAcked += uint64(sent)
		c.Info.Delivered += sent / 1000
		c.Info.DataSegsOut += sent / 1000
	}
}

// steadyPush writes as much as the path takes, and nothing more in the end.
func steadyPush(at time.Duration) uint32 {
	if at < slowTo {
		return 10_000
	}

	return 0
}

func TestQueueBehindASlowedPath(t *testing.T) {
	history := story{length: 45 * time.Second, step: slowPath(steadyPush)}.play(t)

	growing := first(t, history, "growing", func(s *sight) bool { return s.Flags.Has(QueueGrowing) })
	lasting := first(t, history, "lasting", func(s *sight) bool { return s.Flags.Has(QueuePersistent) })

	if growing.at <= slowFrom || growing.at > slowFrom+4*time.Second || growing.Status != Caution || growing.Cause != CauseCongestion {
		t.Errorf("growing after %v: %v because of %v", growing.at-slowFrom, growing.Status, growing.Cause)
	}

	if lasting.at <= growing.at-time.Second || lasting.at > slowFrom+6*time.Second || lasting.Status != Suspect || lasting.Points != 3 {
		t.Errorf("lasting after %v: %v with %d points", lasting.at-slowFrom, lasting.Status, lasting.Points)
	}

	for _, s := range history {
		if s.Status > Suspect || s.Flags&fatalFlags() != 0 || s.at < slowFrom && s.Flags != 0 {
			t.Fatalf("after %v: %v with %s", s.at, s.Status, flagNames(s.Flags))
		}
	}

	if last := history[len(history)-1]; last.Status != Healthy {
		t.Errorf("at the end %v with %s", last.Status, flagNames(last.Flags))
	}
}

// TestQueueIsNoIllnessByItself: whatever waits, it is healthy while the path
// takes what it always took.
func TestQueueIsNoIllnessByItself(t *testing.T) {
	for name, written := range map[string]func(at time.Duration) uint32{
		"always full": func(time.Duration) uint32 { return 20_000 },
		"in batches": func(at time.Duration) uint32 {
			if every(at, 2*time.Second, 0) {
				return 1_900_000
			}

			return 0
		},
		"growing and growing faster": func(at time.Duration) uint32 { return 10_000 + uint32(at.Milliseconds())/1000*1000 },
	} {
		t.Run(name, func(t *testing.T) {
			requireMild(t, story{length: slowFrom, step: slowPath(written)}.play(t), Healthy)
		})
	}
}

// TestQueueOfABulkProfile is wanted.
func TestQueueOfABulkProfile(t *testing.T) {
	bulk := &Policy{Profiles: BuiltinProfiles()[2:]}
	requireMild(t, story{length: slowTo, policy: bulk, step: slowPath(steadyPush)}.play(t), Healthy)
}
