package health

import (
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// first returns the first sight for which ok holds.
func first(tb testing.TB, history []sight, what string, ok func(*sight) bool) *sight {
	tb.Helper()

	for i := range history {
		if ok(&history[i]) {
			return &history[i]
		}
	}

	tb.Fatalf("never %s; at the end: %s", what, diagtest.Describe(&history[len(history)-1].Row))

	return nil
}

// requireRecovery fails unless the connection is HEALTHY from the time that
// was promised on: window + 3 s + 2 intervals after the repair.
func requireRecovery(tb testing.TB, history []sight, repaired, interval time.Duration) {
	tb.Helper()

	due := repaired + 13*time.Second + 2*interval

	for _, s := range history {
		if s.at >= due && (s.Status != judge.Healthy || s.Cause != judge.CauseNone || !s.SafeToSend) {
			tb.Fatalf("%v after the repair: %v because of %v, %s", s.at-repaired, s.Status, s.Cause, flagNames(s.Flags))
		}
	}

	if history[len(history)-1].at < due {
		tb.Fatal("the story ends too early to show")
	}
}

func TestFailingBlackHole(t *testing.T) {
	const from, to = 5 * time.Second, 12 * time.Second

	for _, interval := range []time.Duration{250 * time.Millisecond, time.Second} {
		t.Run(interval.String(), func(t *testing.T) {
			history := story{interval: interval, length: 35 * time.Second, step: func(at time.Duration, c *tcp) {
				if at == 0 {
					c.Info.RTT, c.Info.RTO = 190_000, 400_000
				}

				switch {
				case at < from || at > to+5*time.Second:
					requestResponse(at, 200*time.Millisecond, c)
				case every(at, 200*time.Millisecond, 0) && at < to:
					c.write()
				case at == to+2*time.Second: // the next retransmission gets through
					c.acked()
				}
			}}.play(t)

			requireMild(t, history[:int(from/interval)], judge.Healthy)

			suspect := first(t, history, "suspected", func(s *sight) bool { return s.Flags.Has(judge.HalfOpenSuspect) })
			confirmed := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(judge.HalfOpenConfirmed) })

			if suspect.at > from+time.Second+2*interval || suspect.Status < judge.Suspect || suspect.Cause != judge.CausePathDead {
				t.Errorf("suspected after %v: %v because of %v", suspect.at-from, suspect.Status, suspect.Cause)
			}

			if confirmed.at > from+2*time.Second || confirmed.at <= suspect.at || confirmed.Status != judge.Stale || confirmed.Points < 8 ||
				confirmed.SafeToSend || confirmed.Cause != judge.CausePathDead || confirmed.Flags.Has(judge.HalfOpenSuspect) {
				t.Errorf("confirmed after %v: %v, %d points, %v", confirmed.at-from, confirmed.Status, confirmed.Points, confirmed.Cause)
			}

			for _, s := range history {
				if s.at > confirmed.at && s.at < to && (s.Status != judge.Stale || !s.StatusSince.Equal(confirmed.StatusSince)) {
					t.Fatalf("after %v: %v since %v", s.at, s.Status, s.StatusSince)
				}
			}

			requireRecovery(t, history, to+2*time.Second, interval)
		})
	}
}

func TestFailingPeerGoneSilently(t *testing.T) {
	// After an hour of quiet one message goes out; no one answers.
	const sent = 5 * time.Second

	history := story{step: func(at time.Duration, c *tcp) {
		if at == sent {
			c.write()
		}
	}}.play(t)

	dead := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(judge.HalfOpenConfirmed) })
	if dead.at > sent+2*time.Second || dead.Status != judge.Stale {
		t.Errorf("%v after %v", dead.Status, dead.at-sent)
	}

	for _, s := range history {
		if s.at <= sent+500*time.Millisecond && s.Status > judge.Caution {
			t.Errorf("%v after the message it is %v", s.at-sent, s.Status)
		}
	}
}

func TestFailingForwardPathWhileDataArrives(t *testing.T) {
	const from = 5 * time.Second

	history := story{step: func(at time.Duration, c *tcp) {
		c.dataRecv = c.now
		c.Info.BytesReceived += 100

		if at < from {
			requestResponse(at, 200*time.Millisecond, c)
		} else if every(at, 200*time.Millisecond, 0) {
			c.write()
		}
	}}.play(t)

	dead := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(judge.StaleConfirmedSend) })
	if dead.at > from+4*time.Second || dead.Status != judge.Stale || dead.Cause != judge.CausePathDead {
		t.Errorf("%v because of %v after %v", dead.Status, dead.Cause, dead.at-from)
	}

	for _, s := range history {
		if s.Flags.Has(judge.HalfOpenSuspect) || s.Flags.Has(judge.HalfOpenConfirmed) {
			t.Fatalf("half-open after %v, though data arrives", s.at)
		}
	}
}

func TestFailingSyn(t *testing.T) {
	history := story{step: func(at time.Duration, c *tcp) {
		if at == 0 {
			c.State, c.Info.Unacked, c.Info.RTT, c.Info.RTO = sampler.StateSynSent, 1, 0, 1_000_000
			c.Info.BytesAcked = 0
			c.Timer, c.due, c.probed = sampler.TimerRetransmit, c.now.Add(time.Second), true
		}
	}}.play(t)

	suspect := first(t, history, "suspected", func(s *sight) bool { return s.Flags.Has(judge.SynUnanswered) })
	if suspect.at > 2*time.Second || suspect.Status != judge.Suspect || suspect.Points != 3 || suspect.Cause != judge.CauseHandshake {
		t.Errorf("after %v: %v, %d points, %v", suspect.at, suspect.Status, suspect.Points, suspect.Cause)
	}

	stale := first(t, history, "STALE", func(s *sight) bool { return s.Status == judge.Stale })
	if stale.Row.Info.Retransmits() != 3 || stale.Cause != judge.CauseHandshake || stale.Flags.Has(judge.HalfOpenConfirmed) {
		t.Errorf("after %v: %s", stale.at, diagtest.Describe(&stale.Row))
	}
}

func TestFailingKeepalive(t *testing.T) {
	const gone = 5 * time.Second

	history := story{step: func(at time.Duration, c *tcp) {
		if at < gone {
			keepalives(20*time.Millisecond)(at, c)

			return
		}

		c.Timer, c.due = sampler.TimerKeepalive, c.now.Add(time.Second)
		if every(at, time.Second, 500*time.Millisecond) {
			c.Info.Probes++
		}
	}}.play(t)

	suspect := first(t, history, "suspected", func(s *sight) bool { return s.Flags.Has(judge.KeepaliveUnanswered) })
	if suspect.at > gone+4*time.Second || suspect.Status < judge.Suspect || suspect.Cause != judge.CausePathDead {
		t.Errorf("after %v: %v because of %v", suspect.at-gone, suspect.Status, suspect.Cause)
	}

	dead := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(judge.HalfOpenConfirmed) })
	if dead.at > gone+6*time.Second || dead.Status != judge.Stale {
		t.Errorf("after %v: %v", dead.at-gone, dead.Status)
	}
}

func TestFailingLoneKeepalive(t *testing.T) {
	// The next probe is a minute away.
	history := story{step: func(at time.Duration, c *tcp) {
		c.Timer, c.due = sampler.TimerKeepalive, c.now.Add(time.Minute)
		if at == 5*time.Second {
			c.Info.Probes = 1
		}
	}}.play(t)

	suspect := first(t, history, "suspected", func(s *sight) bool { return s.Flags.Has(judge.KeepaliveUnanswered) })
	if suspect.at > 6250*time.Millisecond || suspect.Status != judge.Caution {
		t.Errorf("after %v: %v", suspect.at, suspect.Status)
	}

	overdue := first(t, history, "overdue", func(s *sight) bool { return s.Status == judge.Suspect })
	if overdue.at > 6750*time.Millisecond || overdue.Cause != judge.CausePathDead {
		t.Errorf("after %v: %v because of %v", overdue.at, overdue.Status, overdue.Cause)
	}

	// A single segment that may be lost, and is not retransmitted, proves no more.
	if last := history[len(history)-1]; last.Status != judge.Suspect || last.SafeToSend {
		t.Errorf("at the end: %v, safe to send %v", last.Status, last.SafeToSend)
	}
}

func TestFailingZeroWindow(t *testing.T) {
	const closed, opened = 5 * time.Second, 12 * time.Second

	history := story{length: 40 * time.Second, step: func(at time.Duration, c *tcp) {
		switch {
		case at < closed:
			requestResponse(at, 100*time.Millisecond, c)
		case at == closed:
			c.acked()
			c.Info.SndWnd, c.Info.NotsentBytes, c.SendQueue, c.Timer = 0, 20_000, 20_000, sampler.TimerProbe
		case at < opened:
			c.due = c.now.Add(200 * time.Millisecond)
			if every(at, 200*time.Millisecond, 0) {
				c.ackRecv = c.now
			}
		case at == opened:
			c.acked()
			c.Info.SndWnd, c.Info.NotsentBytes = 64_000, 0
		default:
			requestResponse(at, 100*time.Millisecond, c)
		}
	}}.play(t)

	for _, tc := range []struct {
		after  time.Duration
		status judge.Status
		points int
	}{{0, judge.Caution, 1}, {time.Second, judge.Suspect, 3}, {3 * time.Second, judge.Degraded, 5}} {
		got := first(t, history, "at zero window", func(s *sight) bool {
			return s.Flags.Has(judge.ZeroWindow) && s.Status >= tc.status
		})
		if got.at != closed+tc.after || got.Status != tc.status || got.Points != tc.points || got.Cause != judge.CausePeerReceiver {
			t.Errorf("after %v: %v, %d points, %v", got.at-closed, got.Status, got.Points, got.Cause)
		}
	}

	for _, s := range history {
		if s.Status == judge.Stale || s.Flags&fatalFlags() != 0 {
			t.Fatalf("after %v: %v with %s", s.at, s.Status, flagNames(s.Flags))
		}
	}

	requireRecovery(t, history, opened, 250*time.Millisecond)
}

func TestFailingBlackHoleAtZeroWindow(t *testing.T) {
	const closed, gone = 3 * time.Second, 6 * time.Second

	history := story{step: func(at time.Duration, c *tcp) {
		c.Info.SndWnd, c.Info.NotsentBytes, c.SendQueue, c.Timer = 0, 20_000, 20_000, sampler.TimerProbe
		if at < gone {
			c.ackRecv = c.now
		} else if every(at, time.Second, 500*time.Millisecond) {
			c.Info.Probes++
		}
	}}.play(t)

	dead := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(judge.HalfOpenConfirmed) })
	if dead.at > gone+4*time.Second || dead.Status != judge.Stale || dead.Cause != judge.CausePathDead || dead.at < closed {
		t.Errorf("after %v: %v because of %v", dead.at-gone, dead.Status, dead.Cause)
	}
}

func TestFailingReader(t *testing.T) {
	const stops, goesOn = 5 * time.Second, 30 * time.Second

	history := story{length: 55 * time.Second, step: func(at time.Duration, c *tcp) {
		if c.RecvQueue < 50_000 {
			c.dataRecv = c.now
			c.Info.BytesReceived += 500
			c.RecvQueue += 500
		}

		if at < stops || at >= goesOn {
			c.RecvQueue = 0
		}

		c.Info.RcvWnd = 50_000 - c.RecvQueue
	}}.play(t)

	for _, tc := range []struct {
		after  time.Duration
		status judge.Status
		points int
	}{{time.Second, judge.Caution, 2}, {20 * time.Second, judge.Suspect, 3}} {
		got := first(t, history, "stuck", func(s *sight) bool { return s.Status >= tc.status })
		if got.at < stops+tc.after || got.at > stops+tc.after+500*time.Millisecond || got.Points != tc.points ||
			got.Cause != judge.CauseLocalApplication || got.Flags != judge.FlagSet(judge.RecvQueueStuck) {
			t.Errorf("after %v: %d points, %v, %s", got.at-stops, got.Points, got.Cause, flagNames(got.Flags))
		}
	}

	requireRecovery(t, history, goesOn, 250*time.Millisecond)
}

func TestFailingLoss(t *testing.T) {
	const from, to = 5 * time.Second, 15 * time.Second

	// 20 requests a second; one of three is sent twice from five seconds on.
	history := story{length: 40 * time.Second, step: func(at time.Duration, c *tcp) {
		requestResponse(at, 50*time.Millisecond, c)

		if at >= from && at < to && every(at, 150*time.Millisecond, 20*time.Millisecond) {
			c.Info.TotalRetrans++
			c.Info.DataSegsOut++
			c.Info.BytesSent += 300
			c.Info.BytesRetrans += 300
		}
	}}.play(t)

	degraded := first(t, history, "DEGRADED", func(s *sight) bool { return s.Status >= judge.Suspect })
	if degraded.at > from+5*time.Second || degraded.Cause != judge.CausePacketLoss {
		t.Errorf("%v because of %v after %v", degraded.Status, degraded.Cause, degraded.at-from)
	}

	for _, s := range history {
		if s.Status == judge.Stale {
			t.Fatalf("STALE after %v", s.at)
		}
	}

	requireRecovery(t, history, to, 250*time.Millisecond)
}

func TestFailingHeavyLoss(t *testing.T) {
	for _, size := range []int{280, 224} { // older kernels do not provide needless retransmissions
		history := story{size: size, step: func(at time.Duration, c *tcp) {
			requestResponse(at, 50*time.Millisecond, c)

			if at >= 5*time.Second && every(at, 100*time.Millisecond, 20*time.Millisecond) {
				c.Info.TotalRetrans++
				c.Info.DataSegsOut++
				c.Info.BytesSent += 300
				c.Info.BytesRetrans += 300
			}
		}}.play(t)

		got := first(t, history, "DEGRADED", func(s *sight) bool { return s.Status == judge.Degraded })
		if got.at > 10*time.Second || got.Cause != judge.CausePacketLoss || !got.Flags.Has(judge.LossHigh) {
			t.Errorf("%d bytes: %v because of %v after %v", size, got.Status, got.Cause, got.at)
		}
	}
}

func TestFailingLossExplainedByDSACK(t *testing.T) {
	requireMild(t, story{step: func(at time.Duration, c *tcp) {
		requestResponse(at, 50*time.Millisecond, c)

		if every(at, 100*time.Millisecond, 20*time.Millisecond) {
			c.Info.TotalRetrans++
			c.Info.DSACKDups++
			c.Info.DataSegsOut++
			c.Info.BytesSent += 300
			c.Info.BytesRetrans += 300
		}
	}}.play(t), judge.Healthy)
}

func TestFailingRTTStep(t *testing.T) {
	const from, to = 5 * time.Second, 20 * time.Second

	for _, tc := range []struct {
		rtt   uint32
		flags judge.Flags
	}{
		{80_000, judge.FlagSet(judge.RTTDrift)},
		{400_000, judge.FlagSet(judge.RTTDrift, judge.RTTHigh)},
		{1_200_000, judge.FlagSet(judge.RTTDrift, judge.RTTHigh)},
	} {
		history := story{length: 45 * time.Second, step: func(at time.Duration, c *tcp) {
			c.Info.RTT, c.Info.RTO = 20_000, 220_000
			if at >= from && at < to {
				c.Info.RTT, c.Info.RTO = tc.rtt, tc.rtt+200_000
			}

			if every(at, 100*time.Millisecond, 0) {
				c.write()
				c.answered()
			}
		}}.play(t)

		requireMild(t, history, judge.Suspect)

		got := first(t, history, "slow", func(s *sight) bool { return s.Flags&tc.flags == tc.flags })
		if got.at > from+5*time.Second || got.Cause != judge.CausePathDelay || got.Status < judge.Caution {
			t.Errorf("%d µs: %v because of %v after %v", tc.rtt, got.Status, got.Cause, got.at-from)
		}

		requireRecovery(t, history, to, 250*time.Millisecond)
	}
}

func TestFailingPeerThatReadsSlowly(t *testing.T) {
	history := story{step: func(_ time.Duration, c *tcp) {
		c.dataSent, c.ackRecv = c.now, c.now
		c.Info.BytesAcked += 100
		c.Info.BytesSent += 100
		c.Info.BusyTime += 10_000
		c.Info.RwndLimited += 9_000
		c.Info.Unacked, c.SendQueue, c.Info.NotsentBytes = 2, 200_000, 198_000
	}}.play(t)

	requireMild(t, history, judge.Caution)

	last := history[len(history)-1]
	if last.Flags != judge.FlagSet(judge.RecvLimited) || last.Points != 2 || last.Cause != judge.CausePeerReceiver {
		t.Errorf("%s: %d points because of %v", flagNames(last.Flags), last.Points, last.Cause)
	}
}

func TestFailingCongestion(t *testing.T) {
	var seen []judge.Flag

	for _, s := range (story{step: func(at time.Duration, c *tcp) {
		requestResponse(at, 100*time.Millisecond, c)

		switch at {
		case 5 * time.Second:
			c.Info.SndCwnd, c.Info.CAState = 20, byte(sampler.CAOpen)
		case 6 * time.Second:
			c.Info.SndCwnd = 10
			c.Info.TotalRetrans++
		case 7 * time.Second:
			c.Info.SndCwnd = 15
		}

		if at >= 5900*time.Millisecond && at < 6500*time.Millisecond {
			c.Info.CAState = byte(sampler.CARecovery)
		}
	}}).play(t) {
		if s.Status > judge.Caution {
			t.Fatalf("after %v: %v", s.at, s.Status)
		}

		for f := range s.Flags.All() {
			if !slices.Contains(seen, f) {
				seen = append(seen, f)
			}
		}
	}

	for _, f := range []judge.Flag{judge.CongestionSuspected, judge.CongestionConfirmed, judge.CongestionRecovering} {
		if !slices.Contains(seen, f) {
			t.Errorf("%v was never raised", f)
		}
	}
}
