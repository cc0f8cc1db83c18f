package health

import (
	"testing"
	"time"

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
		requireMild(tb, history, Caution)

		last := history[len(history)-1]
		if last.Row.Info.Retransmits() < 4 || last.SafeToSend {
			tb.Errorf("at the end safe to send %v, %s", last.SafeToSend, diagtest.Describe(&last.Row))
		}
	})
}

// TestPeerThatSendsButAcknowledgesNothing is heard of after each attempt, too,
// but by data alone: its ACKs don't tell that ours arrives.
func TestPeerThatSendsButAcknowledgesNothing(t *testing.T) {
	everywhere(t, dropping(func(c *tcp) {
		c.dataRecv = c.now
		c.Info.SegsIn++
		c.Info.DataSegsIn++
		c.Info.BytesReceived += 100
	}), func(tb testing.TB, history []sight) {
		last := history[len(history)-1]
		if last.Status != Stale || last.Flags&fatalFlags() != flagSet(StaleConfirmedSend) {
			tb.Errorf("at the end %v with %s", last.Status, flagNames(last.Flags))
		}
	})
}

// TestPeerThatAnswersNoLonger is dead once its last answers are old, also if
// other data arrives.
func TestPeerThatAnswersNoLonger(t *testing.T) {
	for name, tc := range map[string]struct {
		after func(c *tcp) // 8 s
		want  Flags
	}{
		"silent":     {func(*tcp) {}, flagSet(HalfOpenConfirmed, StaleConfirmedSend)},
		"still data": {func(c *tcp) { c.dataRecv = c.now; c.Info.SegsIn++; c.Info.DataSegsIn++ }, flagSet(StaleConfirmedSend)},
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
				dead := first(tb, history, "dead", func(s *sight) bool { return s.Status == Stale })
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
		requireMild(tb, history, Caution)

		if last := history[len(history)-1]; last.Flags != flagSet(RecvQueueStuck) || last.Points != 2 || !last.SafeToSend {
			tb.Errorf("at the end %s, %d points", flagNames(last.Flags), last.Points)
		}
	})
}

// TestRTOOfARoute takes the least variation that the connection had for its
// own: a route may have a greater minimum than 200 ms (rto_min).
func TestRTOOfARoute(t *testing.T) {
	at := func(rto uint32, backoff uint8) row {
		r := outstanding(30, 30)
		r.Info.RTT, r.Info.RTO, r.Info.Backoff, r.Info.Retransmits = 20_000, rto, backoff, backoff

		return r
	}

	for _, tc := range []struct {
		name string
		rows []row
		want float64 // the figure of rto_inflation
	}{
		{"200 ms, the usual minimum", []row{at(220_000, 0)}, 1},
		{"a minimum of one second", []row{at(1_020_000, 0), at(1_020_000, 0)}, 1},
		{"a minimum of one second, backed off", []row{at(1_020_000, 0), at(2_040_000, 1)}, 2},
		{"a minimum of one second, known only backed off", []row{at(2_040_000, 1)}, 2_040. / 220},
		{"a minimum of 5 ms", []row{at(25_000, 0)}, 1},
		{"a minimum of 5 ms, backed off", []row{at(25_000, 0), at(50_000, 1)}, 2},
		{"a jump of the RTO", []row{at(220_000, 0), at(660_000, 0)}, 3},
	} {
		f := newFollowing(t)

		var e evidence
		for _, r := range tc.rows {
			e = f.see(r)
		}

		if got, ok := rtoInflation(&e, DefaultLimits()); !ok || !near(got, tc.want) {
			t.Errorf("%s: %v, %v, want %v", tc.name, got, ok, tc.want)
		}
	}
}

// TestFINOfASocketWithDataInFlight is no lone FIN.
func TestFINOfASocketWithDataInFlight(t *testing.T) {
	for _, tc := range []struct {
		state     sampler.State
		sendQueue uint32
		want      bool
	}{
		{sampler.StateFinWait1, 1, true},
		{sampler.StateLastAck, 1, true},
		{sampler.StateClosing, 1, true},
		{sampler.StateFinWait1, 301, false},
		{sampler.StateEstablished, 1, false},
		{sampler.StateCloseWait, 1, false},
	} {
		r := outstanding(100, 100)
		r.State, r.SendQueue = tc.state, tc.sendQueue

		var e evidence
		if e.fromKernel(&diagtest.Decode(t, r)[0]); e.finOnly != tc.want {
			t.Errorf("%v with %d bytes: %v", tc.state, tc.sendQueue, e.finOnly)
		}
	}
}

// TestFINThatNobodyAcknowledges is found by the transport alone.
func TestFINThatNobodyAcknowledges(t *testing.T) {
	history := story{step: func(at time.Duration, c *tcp) {
		if at == 5*time.Second {
			c.State = sampler.StateFinWait1
			c.push(1, 1)
			c.dataSent = c.now.Add(-time.Hour) // a FIN does not move that clock
		}
	}}.play(t)

	suspect := first(t, history, "suspected", func(s *sight) bool { return s.Flags.Has(StaleSuspectRecv) })
	if suspect.at > 6750*time.Millisecond {
		t.Errorf("suspected after %v", suspect.at-5*time.Second)
	}

	dead := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(StaleConfirmedRecv) })
	if dead.at > 8250*time.Millisecond || dead.Status != Stale || dead.Cause != CausePathDead {
		t.Errorf("after %v: %v because of %v", dead.at-5*time.Second, dead.Status, dead.Cause)
	}
}
