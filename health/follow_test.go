package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// dropping is a peer that drops what it receives from 5 s on, as one whose
// memory is full does, but answers each attempt.
func dropping(answer func(c *tcp)) func() func(at time.Duration, c *tcp) {
	return func() func(at time.Duration, c *tcp) {
		var answered uint32

		return func(at time.Duration, c *tcp) {
			switch {
			case at < 5*time.Second:
				requestResponse(at, 200*time.Millisecond, c)
			case at == 5*time.Second:
				c.write()
			}

			if sent := c.Info.DataSegsOut; sent != answered && c.now.Sub(c.dataSent) >= c.srtt() {
				answered = sent
				answer(c)
			}
		}
	}
}

// TestPeerThatAnswersEachAttempt has its data unacknowledged for ever, but its
// path is alive: what the peer drops, it drops knowingly.
func TestPeerThatAnswersEachAttempt(t *testing.T) {
	everywhere(t, dropping(func(c *tcp) {
		c.ackRecv = c.now
		c.Info.SegsIn++
	}), func(tb testing.TB, history []sight) {
		requireMild(tb, history, judge.Caution)

		last := history[len(history)-1]
		if last.Row.Info.Retransmits() < 4 || last.SafeToSend {
			tb.Errorf("at the end safe to send %v, %s", last.SafeToSend, diagtest.Describe(&last.Row))
		}
	})
}

// TestPeerThatSendsButAcknowledgesNothing is heard of after each attempt, too,
// but by data alone: its ACKs do not show that local data arrives.
func TestPeerThatSendsButAcknowledgesNothing(t *testing.T) {
	everywhere(t, dropping(func(c *tcp) {
		c.dataRecv = c.now
		c.Info.SegsIn++
		c.Info.DataSegsIn++
		c.Info.BytesReceived += 100
	}), func(tb testing.TB, history []sight) {
		last := history[len(history)-1]
		if last.Status != judge.Stale || last.Flags&fatalFlags() != judge.FlagSet(judge.StaleConfirmedSend) {
			tb.Errorf("at the end %v with %s", last.Status, flagNames(last.Flags))
		}
	})
}

// TestPeerThatAnswersNoLonger is dead once its last answers are old, also if
// other data arrives.
func TestPeerThatAnswersNoLonger(t *testing.T) {
	for name, tc := range map[string]struct {
		after func(c *tcp) // 8 s
		want  judge.Flags
	}{
		"silent":     {func(*tcp) {}, judge.FlagSet(judge.HalfOpenConfirmed, judge.StaleConfirmedSend)},
		"still data": {func(c *tcp) { c.dataRecv = c.now; c.Info.SegsIn++; c.Info.DataSegsIn++ }, judge.FlagSet(judge.StaleConfirmedSend)},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, dropping(func(c *tcp) {
				if c.now.Sub(start) >= 8*time.Second {
					tc.after(c)

					return
				}

				c.ackRecv = c.now
				c.Info.SegsIn++
			}), func(tb testing.TB, history []sight) {
				dead := first(tb, history, "dead", func(s *sight) bool { return s.Status == judge.Stale })
				last := history[len(history)-1]

				if dead.at < 8*time.Second || last.Flags&fatalFlags() != tc.want {
					tb.Errorf("dead after %v, at the end %s", dead.at, flagNames(last.Flags))
				}
			})
		})
	}
}

// TestUnreadRemnants of an idle client: two tickets that its TLS library will
// read with the next answer.
func TestUnreadRemnants(t *testing.T) {
	everywhere(t, always(func(at time.Duration, c *tcp) {
		if at == 2*time.Second || at == 3500*time.Millisecond {
			c.dataRecv = c.now
			c.RecvQueue += 255
			c.Info.BytesReceived += 255
		}
	}), func(tb testing.TB, history []sight) {
		requireMild(tb, history, judge.Caution)

		if last := history[len(history)-1]; last.Flags != judge.FlagSet(judge.RecvQueueStuck) || last.Points != 2 || !last.SafeToSend {
			tb.Errorf("at the end %s, %d points", flagNames(last.Flags), last.Points)
		}
	})
}

// TestFINThatNoOneAcknowledges is found by the transport alone.
func TestFINThatNoOneAcknowledges(t *testing.T) {
	history := story{step: func(at time.Duration, c *tcp) {
		if at == 5*time.Second {
			c.State = sampler.StateFinWait1
			c.push(1, 1)
			c.dataSent = c.now.Add(-time.Hour) // a FIN does not move that clock
		}
	}}.play(t)

	suspect := first(t, history, "suspected", func(s *sight) bool { return s.Flags.Has(judge.StaleSuspectRecv) })
	if suspect.at > 6750*time.Millisecond {
		t.Errorf("suspected after %v", suspect.at-5*time.Second)
	}

	dead := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(judge.StaleConfirmedRecv) })
	if dead.at > 8250*time.Millisecond || dead.Status != judge.Stale || dead.Cause != judge.CausePathDead {
		t.Errorf("after %v: %v because of %v", dead.at-5*time.Second, dead.Status, dead.Cause)
	}
}
