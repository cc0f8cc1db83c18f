package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
)

// everyProfile plays a story under each built-in profile.
func everyProfile(t *testing.T, s story, check func(tb testing.TB, history []sight)) {
	t.Helper()

	for _, p := range judge.BuiltinProfiles() {
		t.Run(p.Name, func(t *testing.T) {
			s.policy = &Policy{Profiles: []judge.Profile{p}}
			check(t, s.play(t))
		})
	}
}

// spotless fails unless nothing at all was raised.
func spotless(tb testing.TB, history []sight) {
	tb.Helper()

	for _, s := range history {
		if s.Flags != 0 || s.Status != judge.Healthy || s.Score != 100 || !s.SafeToSend {
			tb.Fatalf("after %v: %v with %s, %s", s.at, s.Status, flagNames(s.Flags), diagtest.Describe(&s.Row))
		}
	}
}

// TestOneLossIsNotForEver (B2): a lost segment, then ninety clean messages.
func TestOneLossIsNotForEver(t *testing.T) {
	everyProfile(t, story{length: 40 * time.Second, step: func(at time.Duration, c *tcp) {
		requestResponse(at, 400*time.Millisecond, c)

		if at == 4*time.Second+10*time.Millisecond {
			c.Info.TotalRetrans++
			c.Info.DataSegsOut++
			c.Info.BytesSent += 300
			c.Info.BytesRetrans += 300
		}
	}}, func(tb testing.TB, history []sight) {
		requireMild(tb, history, judge.Caution)
		requireRecovery(tb, history, 4*time.Second, 250*time.Millisecond)

		if last := history[len(history)-1]; last.Row.Info.TotalRetrans() != 1 || last.Flags != 0 {
			tb.Errorf("at the end %s after %d retransmissions", flagNames(last.Flags), last.Row.Info.TotalRetrans())
		}
	})
}

// TestDataInFlightIsNotAStuckQueue (B3): the send queue counts what is on its
// way; what matters is whether it gets on.
func TestDataInFlightIsNotAStuckQueue(t *testing.T) {
	everyProfile(t, story{step: func(at time.Duration, c *tcp) {
		// Two to four full segments are always out, and acknowledged after one RTT.
		if every(at, 10*time.Millisecond, 0) {
			acked := min(c.Info.Unacked, 2)
			c.Info.Unacked -= acked
			c.SendQueue -= acked * 1448
			c.Info.BytesAcked += uint64(acked) * 1448
			c.Info.Delivered += acked
			c.ackRecv = c.now
			c.push(2, 1448)
			c.due = c.now.Add(c.rto())
		}
	}}, func(tb testing.TB, history []sight) {
		spotless(tb, history)

		if last := history[len(history)-1]; last.Row.SendQueue < 2048 {
			tb.Errorf("only %d bytes are in flight", last.Row.SendQueue)
		}
	})
}

// TestMessagesAreNoQueue (B4): what is queued at the samples grows faster and
// faster, as it happens, but all of it is gone within a round trip.
func TestMessagesAreNoQueue(t *testing.T) {
	policy := &Policy{Profiles: judge.BuiltinProfiles()[:1]}
	w := newWatch(t, Config{Interval: 250 * time.Millisecond, Export: showAll, Policy: policy})
	r := established(1)
	r.Info.LastDataSent, r.Info.LastAckRecv = 1, 1

	for n := range 40 {
		queued := []uint32{0, 300, 900, 2100, 4500, 9300}[n%6]
		r.Info.NotsentBytes, r.SendQueue, r.Info.Unacked = queued, queued+300, 1
		r.Info.BytesAcked += 12_000
		r.Info.BytesSent += 12_000
		r.Info.Delivered += 10
		r.Info.DataSegsOut += 10

		if got := w.tick(r).shown(1); got.Flags != 0 || got.Status != judge.Healthy {
			t.Fatalf("sample %d: %v with %s", n, got.Status, flagNames(got.Flags))
		}
	}
}

// TestIdleIsNotDead (B8): no one owes an answer, in either direction.
func TestIdleIsNotDead(t *testing.T) {
	everyProfile(t, story{length: 30 * time.Second, step: func(time.Duration, *tcp) {}}, func(tb testing.TB, history []sight) {
		spotless(tb, history)

		for _, s := range history {
			if !s.Idle {
				tb.Fatalf("not idle after %v", s.at)
			}
		}
	})

	// Only receiving, it has not sent data for an hour; its ACKs don't count as such.
	everyProfile(t, story{step: func(at time.Duration, c *tcp) {
		if every(at, 20*time.Millisecond, 0) {
			c.dataRecv = c.now
			c.Info.BytesReceived += 1448
			c.Info.SegsIn++
			c.Info.DataSegsIn++
		}
	}}, spotless)

	// Only sending, it has not received data for an hour.
	everyProfile(t, story{step: func(at time.Duration, c *tcp) {
		if every(at, 50*time.Millisecond, 0) {
			c.write()
		}

		if every(at, 50*time.Millisecond, c.srtt()) {
			c.acked()
		}
	}}, spotless)
}

// TestDeadStaysDead (B10): the back-off doubles, so that most samples see no
// new retransmission; the verdict does not flicker.
func TestDeadStaysDead(t *testing.T) {
	const gone = 5 * time.Second

	history := story{interval: 200 * time.Millisecond, length: 90 * time.Second, step: func(at time.Duration, c *tcp) {
		if at < gone {
			requestResponse(at, 200*time.Millisecond, c)
		} else if at == gone {
			c.write()
		}
	}}.play(t)

	dead := first(t, history, "confirmed", func(s *sight) bool { return s.Flags.Has(judge.HalfOpenConfirmed) })
	quiet := 0

	for i, s := range history {
		if s.at <= dead.at {
			continue
		}

		if !s.Flags.Has(judge.HalfOpenConfirmed) || s.Status != judge.Stale || !s.StatusSince.Equal(dead.StatusSince) {
			t.Fatalf("%v after the path died: %v since %v with %s", s.at-gone, s.Status, s.StatusSince, flagNames(s.Flags))
		}

		if s.Row.Info.TotalRetrans() == history[i-1].Row.Info.TotalRetrans() {
			quiet++
		}
	}

	if quiet < 400 {
		t.Errorf("only %d samples without a retransmission", quiet)
	}
}

// TestReuseInheritsNothing (B13): not the addresses make a connection, and a
// window holds nothing that is older than it.
func TestReuseInheritsNothing(t *testing.T) {
	bad := established(1)
	bad.Info.LastDataSent, bad.Info.LastAckRecv = 10, 10

	worsen := func() {
		bad.Info.TotalRetrans += 40
		bad.Info.DataSegsOut += 100
		bad.Info.BytesSent += 100_000
		bad.Info.BytesRetrans += 40_000
		bad.Info.BytesAcked += 60_000
	}

	t.Run("a new socket with the addresses of an ended one", func(t *testing.T) {
		w := newWatch(t, Config{MaxConnections: 1, Export: showAll})
		for range 5 {
			worsen()
			w.tick(bad)
		}

		fresh := sameAddresses(established(2), 1)
		for range 3 {
			w.tick(fresh)
		}

		got := w.tick(fresh).shown(2)
		if got == nil || got.Flags != 0 || got.Status != judge.Healthy || got.Trend.Samples > 2 || got.FirstSeen.Equal(start) {
			t.Errorf("%+v", got)
		}
	})

	t.Run("the same socket, connected again", func(t *testing.T) {
		w := newWatch(t, Config{Export: showAll})
		for range 5 {
			worsen()
			w.tick(bad)
		}

		again := established(1)
		if got := w.tick(again).shown(1); got.Flags != 0 || got.Trend.Samples != 1 {
			t.Errorf("%s after %d samples", flagNames(got.Flags), got.Trend.Samples)
		}
	})

	t.Run("a sample from before a pause of 299 s", func(t *testing.T) {
		w := newWatch(t, Config{Export: showAll})
		worsen()
		w.tick(bad)
		w.now = w.now.Add(299 * time.Second)
		worsen()

		if got := w.tick(bad).shown(1); got.Flags != 0 || got.Trend.Samples != 1 || got.Trend.Span != 0 {
			t.Errorf("%s, a window of %v s", flagNames(got.Flags), got.Trend.Span)
		}
	})
}

// TestAnsweringIsNoVolatility (B15): requests and responses empty the queue
// each time.
func TestAnsweringIsNoVolatility(t *testing.T) {
	for _, interval := range []time.Duration{100 * time.Millisecond, 250 * time.Millisecond, time.Second} {
		w := newWatch(t, Config{Interval: interval, Export: showAll})
		r := established(1)
		r.Info.LastDataSent, r.Info.LastAckRecv = 1, 1

		for n := range 60 {
			r.SendQueue, r.Info.NotsentBytes = 0, 0
			if n%2 == 1 {
				r.SendQueue, r.Info.NotsentBytes, r.Info.Unacked = 1000, 1000, 0
			}

			r.Info.BytesAcked += 1000
			r.Info.BytesSent += 1000
			r.Info.Delivered++
			r.Info.DataSegsOut++

			if got := w.tick(r).shown(1); got.Flags != 0 || got.Status != judge.Healthy {
				t.Fatalf("every %v, sample %d: %v with %s", interval, n, got.Status, flagNames(got.Flags))
			}
		}
	}
}

// TestNoOneInventsSamples (B16): what a dump missed is unknown, and not zero.
func TestNoOneInventsSamples(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Info.LastDataSent, r.Info.LastAckRecv, r.SendQueue, r.Info.Unacked = 10, 10, 3000, 10
	r.Info.TotalRetrans, r.Info.BytesRetrans, r.Info.BytesSent, r.Info.DataSegsOut = 500, 500_000, 1e6, 1000

	step := func() {
		r.Info.BytesAcked += 3000
		r.Info.BytesSent += 3000
		r.Info.DataSegsOut += 10
		r.Info.Delivered += 10
	}

	for range 4 {
		step()
		w.tick(r)
	}

	seen := w.snapshot.shown(1)
	step()

	if missed := w.tick().shown(1); plainTrend(missed.Trend) != plainTrend(seen.Trend) || missed.Row != seen.Row || missed.Flags != 0 {
		t.Errorf("a dump without it makes %d samples of %d", missed.Trend.Samples, seen.Trend.Samples)
	}

	step()

	got := w.tick(r).shown(1)
	if got.Trend.Samples != seen.Trend.Samples+1 || got.Trend.Send.Stddev != 0 || got.Trend.Loss != 0 || got.Flags != 0 {
		t.Errorf("back again: %d samples, %+v with %s", got.Trend.Samples, got.Trend, flagNames(got.Flags))
	}

	// Of a socket that was never seen with figures there are none.
	bare := established(2)
	bare.InfoSize = diagtest.NoInfo

	if s := w.tick(r, bare); s.shown(2) != nil || s.Tracker.Live != 1 {
		t.Errorf("shown %+v", s.shown(2))
	}
}

// TestLowSsthreshIsNoProblem (B18): it is the trace of one loss, maybe years ago.
func TestLowSsthreshIsNoProblem(t *testing.T) {
	for _, ssthresh := range []uint32{0, 2, 5, 9, 10, 0x7fffffff} {
		everyProfile(t, story{length: 12 * time.Second, step: func(at time.Duration, c *tcp) {
			c.Info.SndSsthresh = ssthresh
			requestResponse(at, 200*time.Millisecond, c)
		}}, spotless)
	}
}
