package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

const holeAt = 5 * time.Second

// hole is a path that loses segments above some size from holeAt on, while the
// peer's data arrives.
type hole struct {
	segment uint32 // bytes of the segments that are sent
	small   bool   // a smaller one was sent behind them, and is SACKed
	sacked  uint32 // so many are SACKed in the end, for another reason
	quiet   bool   // the peer sends nothing
	shut    bool   // the peer's window is closed
	size    int    // of tcp_info
}

func (h hole) play(tb testing.TB) []sight {
	tb.Helper()

	return story{size: h.size, step: func(at time.Duration, c *tcp) {
		if !h.quiet && every(at, 200*time.Millisecond, 100*time.Millisecond) {
			c.dataRecv = c.now
			c.Info.BytesReceived += 100
			c.Info.SegsIn++
			c.Info.DataSegsIn++
		}

		switch {
		case at < holeAt && every(at, 200*time.Millisecond, 0):
			c.push(3, h.segment)
		case at < holeAt && every(at, 200*time.Millisecond, c.srtt()):
			c.acked()
		case at == holeAt:
			c.push(3, h.segment)

			if h.small {
				c.push(1, h.segment/5)
				c.Info.Sacked = 1
			}

			c.Info.Sacked += h.sacked

			if h.shut {
				c.Info.SndWnd = 0
			}
		case at > holeAt && every(at, 200*time.Millisecond, 0): // waits behind it
			c.SendQueue += 3 * h.segment
			c.Info.NotsentBytes += 3 * h.segment
		}
	}}.play(tb)
}

func TestMTUHole(t *testing.T) {
	for name, tc := range map[string]struct {
		hole
		timeouts uint8
	}{
		"the peer's data arrives":                                     {hole{segment: 1448}, 3},
		"three quarters of the MSS, as an overhead of tunnels leaves": {hole{segment: 1086}, 3},
		"smaller segments are SACKed":                                 {hole{segment: 1448, small: true, quiet: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			history := tc.play(t)
			requireMild(t, history[:20], judge.Healthy)

			got := first(t, history, "found", func(s *sight) bool { return s.Flags.Has(judge.MTUBlackholeSuspect) })
			if got.at > holeAt+3*time.Second || got.Row.Info.Retransmits() != tc.timeouts || got.Status < judge.Degraded || got.SafeToSend {
				t.Errorf("%v after %v and %d timeouts", got.Status, got.at-holeAt, got.Row.Info.Retransmits())
			}

			for _, s := range history {
				if s.Flags.Has(judge.MTUBlackholeSuspect) && (s.Flags.Has(judge.StaleSuspectSend) || s.Flags.Has(judge.StaleConfirmedSend)) {
					t.Fatalf("after %v it is blamed twice: %s", s.at-holeAt, flagNames(s.Flags))
				}

				if !tc.quiet && s.at > got.at+2500*time.Millisecond && s.Cause != judge.CauseMTU {
					t.Fatalf("after %v: because of %v", s.at-holeAt, s.Cause)
				}
			}
		})
	}
}

// TestNoMTUHole has something in the way that is no matter of size, or that is
// not known to be.
func TestNoMTUHole(t *testing.T) {
	for name, h := range map[string]hole{
		"small segments":                      {segment: 300},
		"just below three quarters":           {segment: 1085},
		"nothing passes":                      {segment: 1448, quiet: true},
		"small segments behind smaller ones":  {segment: 500, small: true},
		"a closed window":                     {segment: 1448, shut: true},
		"a recovery when everything stops":    {segment: 1448, sacked: 2, quiet: true},
		"a kernel that shows no notsent size": {segment: 1448, size: 144},
	} {
		t.Run(name, func(t *testing.T) {
			history := h.play(t)
			for _, s := range history {
				if s.Flags.Has(judge.MTUBlackholeSuspect) {
					t.Fatalf("raised after %v: %s", s.at-holeAt, diagtest.Describe(&s.Row))
				}
			}

			// Without sizes, neither cause can be named.
			untold := h.size != 0
			if last := history[len(history)-1]; untold && last.Status > judge.Caution {
				t.Errorf("at the end %v because of %v, %s", last.Status, last.Cause, flagNames(last.Flags))
			} else if !h.shut && !untold && (last.Status != judge.Stale || last.Cause != judge.CausePathDead) {
				t.Errorf("at the end %v because of %v, %s", last.Status, last.Cause, flagNames(last.Flags))
			}
		})
	}
}

// TestMTUHoleOfTheFirstFlight has the very first data be too long.
func TestMTUHoleOfTheFirstFlight(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Info.Unacked, r.SendQueue, r.Timer, r.Expires = 4, 4*1448, sampler.TimerRetransmit, 900
	r.Info.Retransmits, r.Info.Backoff, r.Info.RTO = 3, 3, 1_760_000
	r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 860, 150, 2400

	if got := w.tick(r).shown(1); got.Flags&fatalFlags() != judge.FlagSet(judge.MTUBlackholeSuspect) || got.Status != judge.Stale || got.Cause != judge.CauseMTU {
		t.Errorf("%v because of %v, %s", got.Status, got.Cause, flagNames(got.Flags))
	}
}

// TestSmallSegmentsMergedAreNoHole: the kernel merges small segments when it retransmits
// them. A path that dies under small writes is dead, however large the segments become.
func TestSmallSegmentsMergedAreNoHole(t *testing.T) {
	for _, s := range (story{step: func(at time.Duration, c *tcp) {
		switch {
		case at < holeAt:
			requestResponse(at, 200*time.Millisecond, c)
		case at < holeAt+2*time.Second && every(at, 200*time.Millisecond, 0):
			c.write()
		}

		if c.Info.Retransmits > 1 { // all in two segments
			c.Info.Unacked = 2
		}
	}}).play(t) {
		if s.Cause == judge.CauseMTU || s.Flags.Has(judge.MTUBlackholeSuspect) {
			t.Fatalf("after %v: %v, %s", s.at, flagNames(s.Flags), diagtest.Describe(&s.Row))
		}
	}
}

// TestFirstFlightLostIsNoHole: that the handshake was acknowledged says nothing about
// small segments.
func TestFirstFlightLostIsNoHole(t *testing.T) {
	for _, s := range (story{step: func(at time.Duration, c *tcp) {
		switch at {
		case 0:
			c.Info.BytesAcked, c.Info.Delivered = 0, 0
		case time.Second:
			c.Info.BytesAcked, c.Info.Delivered = 1, 1
		case 2 * time.Second:
			c.push(10, 1448)
		}
	}}).play(t) {
		if s.Cause == judge.CauseMTU || s.Flags.Has(judge.MTUBlackholeSuspect) {
			t.Fatalf("after %v: %v, %s", s.at, flagNames(s.Flags), diagtest.Describe(&s.Row))
		}
	}
}

// TestHoleInTheIntervalOfProgress: small segments are acknowledged and full-size ones sent
// between the same two samples.
func TestHoleInTheIntervalOfProgress(t *testing.T) {
	const upload = holeAt + 50*time.Millisecond

	history := story{interval: time.Second, rechecks: true, step: func(at time.Duration, c *tcp) {
		if at < upload {
			requestResponse(at, 500*time.Millisecond, c)
		}

		if at == upload {
			c.push(10, 1448)
		}
	}}.play(t)

	hole := first(t, history, "a hole", func(s *sight) bool { return s.Cause == judge.CauseMTU })
	if hole.at > upload+3*time.Second {
		t.Errorf("after %v, %s", hole.at-upload, diagtest.Describe(&hole.Row))
	}
}
