package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
)

const slowFrom, slowTo = 5 * time.Second, 13 * time.Second

// slowPath sends as much as the path takes: a megabyte per second, and a twentieth of
// that for a while. What can't be sent waits.
func slowPath(written func(at time.Duration) uint32) func(at time.Duration, c *tcp) {
	return func(at time.Duration, c *tcp) {
		takes := uint32(10_000)
		if at >= slowFrom && at < slowTo {
			takes = 500
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
		c.Info.SndMSS, c.Info.Unacked = 500, 40
		c.Info.BytesSent += uint64(sent)
		c.Info.BytesAcked += uint64(sent)
		c.Info.Delivered += sent / 500
		c.Info.DataSegsOut += sent / 500
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

	growing := first(t, history, "growing", func(s *sight) bool { return s.Flags.Has(judge.QueueGrowing) })
	lasting := first(t, history, "lasting", func(s *sight) bool { return s.Flags.Has(judge.QueuePersistent) })

	if growing.at <= slowFrom || growing.at > slowFrom+4*time.Second || growing.Status != judge.Caution || growing.Cause != judge.CauseCongestion {
		t.Errorf("growing after %v: %v because of %v", growing.at-slowFrom, growing.Status, growing.Cause)
	}

	if lasting.at <= growing.at-time.Second || lasting.at > slowFrom+6*time.Second || lasting.Status != judge.Suspect || lasting.Points != 3 {
		t.Errorf("lasting after %v: %v with %d points", lasting.at-slowFrom, lasting.Status, lasting.Points)
	}

	for _, s := range history {
		if s.Status > judge.Suspect || s.Flags&fatalFlags() != 0 || s.at < slowFrom && s.Flags != 0 {
			t.Fatalf("after %v: %v with %s", s.at, s.Status, flagNames(s.Flags))
		}
	}

	if last := history[len(history)-1]; last.Status != judge.Healthy {
		t.Errorf("at the end %v with %s", last.Status, flagNames(last.Flags))
	}
}

// TestQueueIsNoProblemByItself: whatever waits, it is healthy while the path
// takes what it always took.
func TestQueueIsNoProblemByItself(t *testing.T) {
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
			requireMild(t, story{length: slowFrom, step: slowPath(written)}.play(t), judge.Healthy)
		})
	}
}

// TestQueueOfABulkProfile is wanted.
func TestQueueOfABulkProfile(t *testing.T) {
	bulk := &Policy{Profiles: judge.BuiltinProfiles()[2:]}
	requireMild(t, story{length: slowTo, policy: bulk, step: slowPath(steadyPush)}.play(t), judge.Healthy)
}
