package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// bulkStep is 10 ms of a sender that fills 10 Mbit/s, of which so many segments
// are retransmitted.
func bulkStep(c *tcp, again uint32) {
	c.dataSent, c.ackRecv = c.now, c.now
	c.Info.BytesAcked += 12_500
	c.Info.BytesSent += 12_500 + uint64(again)*1448
	c.Info.BytesRetrans += uint64(again) * 1448
	c.Info.DataSegsOut += 9 + again
	c.Info.TotalRetrans += again
	c.Info.Delivered += 9
	c.Info.Unacked, c.Info.SndCwnd, c.Info.NotsentBytes, c.SendQueue = 40, 40, 2_000_000, 2_058_000
	c.Info.BusyTime += 10_000
	c.Timer, c.due = sampler.TimerRetransmit, c.now.Add(c.rto())
}

// TestBurstLastsRoundTrips: over 600 ms, a sender learns of the losses of one burst for
// more than two seconds.
func TestBurstLastsRoundTrips(t *testing.T) {
	burst := func(rtt uint32) func(time.Duration, *tcp) {
		return func(at time.Duration, c *tcp) {
			c.Info.RTT, c.Info.RTTVar, c.Info.RTO = rtt, rtt/20, rtt+200_000

			if at >= 12*time.Second && at < 14200*time.Millisecond {
				bulkStep(c, 2)
			} else {
				bulkStep(c, 0)
			}
		}
	}

	for rtt, want := range map[uint32]bool{600_000: false, 60_000: true} {
		seen := false
		for _, s := range (story{length: 25 * time.Second, step: burst(rtt)}).play(t) {
			seen = seen || s.Flags.Has(judge.LossHigh)
		}

		if seen != want {
			t.Errorf("RTT of %d µs: loss_high active %v, want %v", rtt, seen, want)
		}
	}
}

// TestBBRDrainsTheQueue: losses stay at CAUTION while BBR briefly drains the queue that
// causes them. If the queue stays empty, later losses are those of the path.
func TestBBRDrainsTheQueue(t *testing.T) {
	for drained, want := range map[time.Duration]judge.Status{500 * time.Millisecond: judge.Caution, 20 * time.Second: judge.Degraded} {
		worst := judge.Healthy

		for _, s := range (story{length: 40 * time.Second, step: func(at time.Duration, c *tcp) {
			c.Attributes = []diagtest.Attribute{diagtest.Congestion("bbr")}
			c.Info.RTT, c.Info.RTTVar, c.Info.RTO, c.Info.MinRTT = 120_000, 5_000, 320_000, 60_000

			if at >= 20*time.Second && at < 20*time.Second+drained {
				c.Info.RTT = 66_000
			}

			again := uint32(0)
			if every(at, 20*time.Millisecond, 0) {
				again = 8
			}

			bulkStep(c, again)
		}}).play(t) {
			worst = max(worst, s.Status)
		}

		if worst != want {
			t.Errorf("drained for %v: %v, want %v", drained, worst, want)
		}
	}
}

// TestLostACKsAreLosses: half of the retransmissions that a DSACK explains count, unless
// packets are reordered.
func TestLostACKsAreLosses(t *testing.T) {
	worst := func(reordered bool) (worst judge.Status) {
		for _, s := range (story{step: func(at time.Duration, c *tcp) {
			requestResponse(at, 100*time.Millisecond, c)

			if every(at, 500*time.Millisecond, 0) {
				c.Info.TotalRetrans++
				c.Info.DataSegsOut++
				c.Info.BytesSent += 300
				c.Info.BytesRetrans += 300
			}

			if every(at, 600*time.Millisecond, 0) {
				c.Info.DSACKDups++
			}

			if reordered {
				c.Info.ReordSeen = 1
			}
		}}).play(t) {
			worst = max(worst, s.Status)
		}

		return worst
	}

	if got := worst(false); got < judge.Suspect {
		t.Errorf("lost ACKs: %v at worst, want SUSPECT", got)
	}

	if got := worst(true); got > judge.Caution {
		t.Errorf("reordering: %v at worst, want CAUTION", got)
	}
}

// TestBulkSenderMayLoseOneBurst: how a sender that fills the path learns its
// size. A second burst within the window is too many.
func TestBulkSenderMayLoseOneBurst(t *testing.T) {
	for _, tc := range []struct {
		name  string
		burst func(at time.Duration) bool
		want  bool // loss_high
	}{
		{"one burst", func(at time.Duration) bool { return at >= 5*time.Second && at < 6*time.Second }, false},
		{"one burst, 12 s later another", func(at time.Duration) bool {
			return (at >= 3*time.Second && at < 4*time.Second) || (at >= 15*time.Second && at < 16*time.Second)
		}, false},
		{"two bursts within 4 s", func(at time.Duration) bool {
			return (at >= 5*time.Second && at < 6*time.Second) || (at >= 8*time.Second && at < 9*time.Second)
		}, true},
		{"a burst that does not end", func(at time.Duration) bool { return at >= 5*time.Second }, true},
	} {
		everywhere(t, always(func(at time.Duration, c *tcp) {
			again := uint32(0)
			if tc.burst(at) {
				again = 2
			}

			bulkStep(c, again)
		}), func(tb testing.TB, history []sight) {
			seen := false
			for _, s := range history {
				seen = seen || s.Flags.Has(judge.LossHigh)
			}

			if seen != tc.want {
				tb.Errorf("%s: loss_high raised %v, want %v", tc.name, seen, tc.want)
			}
		})
	}
}

// TestBurstOfASenderWithNothingLeft counts: it fills nothing.
func TestBurstOfASenderWithNothingLeft(t *testing.T) {
	history := story{step: func(at time.Duration, c *tcp) {
		again := uint32(0)
		if at >= 5*time.Second && at < 6*time.Second {
			again = 2
		}

		bulkStep(c, again)
		c.Info.NotsentBytes, c.SendQueue = 0, 58_000
	}}.play(t)

	if got := first(t, history, "lossy", func(s *sight) bool { return s.Flags.Has(judge.LossHigh) }); got.at > 6*time.Second || got.Cause != judge.CausePacketLoss {
		t.Errorf("because of %v after %v", got.Cause, got.at)
	}
}

// TestLossIsNotFoundLater: what was lost does not weigh more because what went
// well has left the window, nor because the sender has nothing left to send.
func TestLossIsNotFoundLater(t *testing.T) {
	const done = 8 * time.Second

	for _, tc := range []struct {
		name  string
		again func(at time.Duration) uint32
	}{
		{"the burst of a transfer that ends", func(at time.Duration) uint32 {
			if at >= 5*time.Second && at < 6*time.Second {
				return 2
			}

			return 0
		}},
		{"three segments in the end", func(at time.Duration) uint32 {
			if at >= done-40*time.Millisecond && every(at, 10*time.Millisecond, 0) {
				return 1
			}

			return 0
		}},
	} {
		everywhere(t, always(func(at time.Duration, c *tcp) {
			switch {
			case at < done:
				bulkStep(c, tc.again(at))
			case at == done:
				c.Info.Unacked, c.Info.NotsentBytes, c.SendQueue = 0, 0, 0
				c.Timer = sampler.TimerNone
			}
		}), func(tb testing.TB, history []sight) {
			for _, s := range history {
				if s.Flags.Has(judge.LossHigh) {
					tb.Fatalf("%s: loss_high after %v", tc.name, s.at)
				}
			}
		})
	}
}

// TestOutageIsOneLoss: while nothing comes back, the path may as well be dead. Once it
// answers, all attempts together were a single loss.
func TestOutageIsOneLoss(t *testing.T) {
	const gone, back = 5 * time.Second, 11 * time.Second

	history := story{length: 14 * time.Second, step: func(at time.Duration, c *tcp) {
		switch {
		case at < gone:
			requestResponse(at, 500*time.Millisecond, c)
		case at < back && every(at, 500*time.Millisecond, 0):
			c.write()
		case at == back:
			c.answered()
		}
	}}.play(t)

	first(t, history, "dead", func(s *sight) bool { return s.at < back && s.Status == judge.Stale })
	first(t, history, "one loss", func(s *sight) bool { return s.at > back && s.Flags.Has(judge.LossDetected) })

	for _, s := range history {
		if s.Flags.Has(judge.LossHigh) {
			t.Fatalf("%v after the path died: %s, %s", s.at-gone, flagNames(s.Flags), diagtest.Describe(&s.Row))
		}
	}
}
