package health

import (
	"fmt"
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// everywhere plays the story at several intervals and phases, so that a
// verdict can't depend on where the samples fall.
func everywhere(t *testing.T, step func() func(at time.Duration, c *tcp), check func(tb testing.TB, history []sight)) {
	t.Helper()

	for _, interval := range []time.Duration{250 * time.Millisecond, time.Second} {
		for _, phase := range []time.Duration{0, 10, 20, 30, 110, 230} {
			t.Run(fmt.Sprintf("%v+%d", interval, phase), func(t *testing.T) {
				check(t, story{step: step(), interval: interval, phase: phase * time.Millisecond}.play(t))
			})
		}
	}
}

// healthy plays a story in which nothing may be called worse than the status.
func healthy(t *testing.T, worst judge.Status, step func() func(at time.Duration, c *tcp)) {
	t.Helper()
	everywhere(t, step, func(tb testing.TB, history []sight) { requireMild(tb, history, worst) })
}

// always is for stories without a memory of their own.
func always(step func(at time.Duration, c *tcp)) func() func(time.Duration, *tcp) {
	return func() func(time.Duration, *tcp) { return step }
}

func TestTrapIdleForAnHour(t *testing.T) {
	everywhere(t, always(func(time.Duration, *tcp) {}), func(tb testing.TB, history []sight) {
		requireMild(tb, history, judge.Healthy)

		for _, s := range history {
			if !s.Idle || !s.SafeToSend || s.Cause != judge.CauseNone {
				tb.Fatalf("after %v: idle %v, safe to send %v", s.at, s.Idle, s.SafeToSend)
			}
		}
	})
}

func TestTrapFirstByteAfterAnHour(t *testing.T) {
	// At 10 s a request goes out: last_ack_recv and last_data_recv are an hour.
	healthy(t, judge.Healthy, always(func(at time.Duration, c *tcp) {
		switch at {
		case 10 * time.Second:
			c.write()
		case 10*time.Second + 30*time.Millisecond:
			c.answered()
		}
	}))

	// In the first row that is ever seen, too.
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Info.Unacked, r.SendQueue, r.Timer, r.Info.LastDataSent = 1, 300, sampler.TimerRetransmit, 4

	if got := w.tick(r).shown(1); got.Flags != 0 || !got.SafeToSend {
		t.Errorf("at first sight: %s", flagNames(got.Flags))
	}
}

func TestTrapFINAfterAnHour(t *testing.T) {
	for _, state := range []sampler.State{sampler.StateFinWait1, sampler.StateLastAck, sampler.StateClosing} {
		t.Run(state.String(), func(t *testing.T) {
			w := newWatch(t, Config{Export: showAll})
			r := established(1)
			w.tick(r)

			// The FIN does not touch last_data_sent.
			r.State, r.Info.Unacked, r.SendQueue, r.Timer, r.Expires = state, 1, 1, sampler.TimerRetransmit, 200

			if got := w.tick(r).shown(1); got.Flags != 0 || !got.SafeToSend {
				t.Errorf("seen before: %s", flagNames(got.Flags))
			}

			r.Cookie = 2
			if got := w.tick(r).shown(2); got.Flags != 0 || !got.SafeToSend {
				t.Errorf("at first sight: %s", flagNames(got.Flags))
			}
		})
	}
}

// keepalives sends a probe each second; the answer comes one RTT later.
func keepalives(rtt time.Duration) func(at time.Duration, c *tcp) {
	return func(at time.Duration, c *tcp) {
		c.Info.RTT = uint32(rtt.Microseconds())
		c.Timer, c.due = sampler.TimerKeepalive, c.now.Add(time.Second)

		if every(at, time.Second, 500*time.Millisecond) {
			c.Info.Probes = 1
		}

		if every(at, time.Second, 500*time.Millisecond+rtt) {
			c.Info.Probes, c.ackRecv = 0, c.now
		}
	}
}

func TestTrapKeepaliveProbes(t *testing.T) {
	for _, rtt := range []time.Duration{10 * time.Millisecond, 40 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(rtt.String(), func(t *testing.T) { healthy(t, judge.Caution, always(keepalives(rtt))) })
	}

	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	w.tick(r)

	r.Timer, r.Info.Probes = sampler.TimerKeepalive, 1
	if got := w.tick(r).shown(1); got.Flags != 0 || !got.SafeToSend {
		t.Errorf("the first probe after an hour: %s", flagNames(got.Flags))
	}
}

// TestTrapProbeAtEverySample has each sample fall between a keepalive and its
// answer, which came right behind it: last_ack_recv counts in jiffies.
func TestTrapProbeAtEverySample(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Timer = sampler.TimerKeepalive
	w.tick(r)

	r.Info.Probes = 1

	for range 10 {
		if got := w.tick(r).shown(1); got.Flags != 0 {
			t.Fatalf("raised %s", flagNames(got.Flags))
		}

		r.Info.LastAckRecv = 1000 // an interval ago, at the resolution of jiffies
	}
}

func TestTrapZeroWindowWithAnswers(t *testing.T) {
	// The window closes at 3 s and stays closed. Probes go out at growing
	// intervals and are answered: the back-off grows, nothing is retransmitted.
	step := func() func(time.Duration, *tcp) {
		next, gap := 3200*time.Millisecond, 200*time.Millisecond

		return func(at time.Duration, c *tcp) {
			if at < 3*time.Second {
				requestResponse(at, 100*time.Millisecond, c)

				return
			}

			if at == 3*time.Second {
				c.acked()
			}

			c.SendQueue, c.Info.NotsentBytes, c.Info.SndWnd, c.Timer = 50_000, 50_000, 0, sampler.TimerProbe
			c.Info.Backoff = uint8(gap / (200 * time.Millisecond))
			c.due = start.Add(next)

			switch at {
			case next:
				c.Info.Probes = 1
				gap *= 2
				next += gap
			case next - gap + c.srtt():
				c.Info.Probes, c.ackRecv = 0, c.now
			}
		}
	}

	everywhere(t, step, func(tb testing.TB, history []sight) {
		requireMild(tb, history, judge.Degraded)

		last := history[len(history)-1]
		if !last.Flags.Has(judge.ZeroWindow) || last.Cause != judge.CausePeerReceiver || last.Status < judge.Suspect {
			tb.Errorf("at the end %v because of %v with %s", last.Status, last.Cause, flagNames(last.Flags))
		}
	})
}

// TestTrapReaderThatPauses has a peer whose window is closed at each sample,
// but open in between.
func TestTrapReaderThatPauses(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Timer, r.Info.SndWnd, r.Info.NotsentBytes, r.SendQueue = sampler.TimerProbe, 0, 9000, 9000
	r.Info.LastDataSent, r.Info.LastAckRecv = 300, 200

	for range 20 {
		if got := w.tick(r).shown(1); got.Status > judge.Caution || !got.Flags.Has(judge.ZeroWindow) {
			t.Fatalf("%v with %s", got.Status, flagNames(got.Flags))
		}

		r.Info.BytesAcked += 64_000
		r.Info.BytesSent += 64_000
	}
}

func TestTrapGarbageClocksOfSynSent(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	c := newTCP(start)
	c.State, c.Info.Unacked, c.Info.RTT, c.Info.RTTVar, c.Info.RTO = sampler.StateSynSent, 1, 0, 250_000, 1_000_000
	c.Timer, c.due, c.probed = sampler.TimerRetransmit, start.Add(time.Minute), true

	for range 3 {
		c.passed(w.now)

		got := w.tick(c.sight()).shown(1)
		if got.Flags != 0 || got.Idle {
			t.Fatalf("idle %v with %s", got.Idle, flagNames(got.Flags))
		}
	}

	// The SYN is answered: the clocks mean something from now on.
	c.passed(w.now)
	c.State, c.Timer, c.Info.Unacked = sampler.StateEstablished, sampler.TimerNone, 0
	c.Info.RTT, c.Info.RTTVar, c.Info.RTO = 20_000, 10_000, 220_000
	c.Info.BytesAcked++
	c.dataSent, c.dataRecv, c.ackRecv = c.now, c.now, c.now

	if got := w.tick(c.sight()).shown(1); got.Flags != 0 || !got.SafeToSend {
		t.Errorf("once established: %s", flagNames(got.Flags))
	}
}

func TestTrapProgressBetweenSamples(t *testing.T) {
	// A request is out at every sample, but each time another one.
	for _, rtt := range []uint32{20_000, 120_000} {
		healthy(t, judge.Healthy, always(func(at time.Duration, c *tcp) {
			c.Info.RTT, c.Info.MinRTT = rtt, rtt
			requestResponse(at, 200*time.Millisecond, c)
		}))
	}
}

func TestTrapBulkSender(t *testing.T) {
	// 10 Mbit/s flat out: the send buffer is full, cwnd used up, the ACKs come.
	everywhere(t, always(func(_ time.Duration, c *tcp) {
		c.dataSent, c.ackRecv = c.now, c.now
		c.Info.BytesAcked += 12_500
		c.Info.BytesSent += 12_500
		c.Info.DataSegsOut += 9
		c.Info.Delivered += 9
		c.Info.Unacked, c.Info.SndCwnd, c.Info.NotsentBytes, c.SendQueue = 40, 40, 2_000_000, 2_058_000
		c.Info.BusyTime += 10_000
		c.Timer, c.due = sampler.TimerRetransmit, c.now.Add(c.rto())
	}), func(tb testing.TB, history []sight) {
		requireMild(tb, history, judge.Healthy)

		if last := history[len(history)-1]; last.Trend.Send.Persistence < 9 || last.Idle {
			tb.Errorf("a full queue for %v s", last.Trend.Send.Persistence)
		}
	})
}

func TestTrapOneRetransmissionLongAgo(t *testing.T) {
	everywhere(t, always(func(at time.Duration, c *tcp) {
		requestResponse(at, 100*time.Millisecond, c)

		if at == 2*time.Second {
			c.Info.TotalRetrans++
			c.Info.BytesRetrans += 300
		}
	}), func(tb testing.TB, history []sight) {
		requireMild(tb, history, judge.Caution)

		seen := false

		for _, s := range history {
			seen = seen || s.Status == judge.Caution && s.Flags.Has(judge.LossDetected)

			if s.at >= 16*time.Second && (s.Status != judge.Healthy || s.Flags != 0 || s.Cause != judge.CauseNone) {
				tb.Fatalf("after %v: %v with %s", s.at, s.Status, flagNames(s.Flags))
			}
		}

		if !seen {
			tb.Error("the retransmission was not seen at all")
		}
	})
}

func TestTrapGapInSampling(t *testing.T) {
	for _, gap := range []time.Duration{3 * time.Second, time.Minute, time.Hour} {
		t.Run(gap.String(), func(t *testing.T) {
			w := newWatch(t, Config{Export: showAll})
			r := established(1)
			r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 500, 500, 500
			r.Info.Unacked, r.SendQueue = 1, 300

			for range 3 {
				r.Info.BytesAcked += 300
				w.tick(r)
			}

			// Stopped with the whole machine, nothing was acknowledged since.
			w.now = w.now.Add(gap - w.interval)
			millis := uint32(gap.Milliseconds())
			r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = millis, millis, millis
			r.Info.Retransmits, r.Info.Backoff, r.Timer = 3, 3, sampler.TimerRetransmit

			got := w.tick(r).shown(1)
			if got.Flags&fatalFlags() != 0 || got.Status > judge.Caution {
				t.Errorf("first sample after the gap: %v with %s", got.Status, flagNames(got.Flags))
			}

			// An answer came at once; the next request is out.
			r.Info.BytesAcked += 300
			r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 10, 900, 900
			r.Info.Retransmits, r.Info.Backoff, r.Timer = 0, 0, sampler.TimerRetransmit

			for range 3 {
				if got := w.tick(r).shown(1); got.Flags&fatalFlags() != 0 {
					t.Errorf("then: %s", flagNames(got.Flags))
				}

				r.Info.BytesAcked += 300
			}
		})
	}
}

func TestTrapCountersReset(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Info.LastDataSent, r.Info.LastDataRecv, r.Info.LastAckRecv = 10, 10, 10
	r.Info.TotalRetrans, r.Info.BytesRetrans, r.Info.DSACKDups = 5000, 5_000_000, 10

	for range 5 {
		r.Info.BytesSent += 1_000_000
		r.Info.BytesAcked += 1_000_000
		r.Info.DataSegsOut += 700
		r.Info.Delivered += 700
		r.Info.BusyTime += 900_000
		w.tick(r)
	}

	// Disconnected and connected again to the same place: all counters are zero,
	// or so small that a difference would wrap.
	r.Info.BytesSent, r.Info.BytesAcked, r.Info.BytesRetrans = 10, 11, 0
	r.Info.TotalRetrans, r.Info.DSACKDups, r.Info.DataSegsOut, r.Info.Delivered = 0, 0, 1, 2

	got := w.tick(r).shown(1)
	if got.Flags != 0 || got.Status != judge.Healthy || got.Trend.Samples != 1 {
		t.Errorf("%v with %s after %d samples", got.Status, flagNames(got.Flags), got.Trend.Samples)
	}

	for range 5 {
		r.Info.BytesSent += 1000
		r.Info.BytesAcked += 1000
		r.Info.DataSegsOut++
		r.Info.Delivered++

		if got := w.tick(r).shown(1); got.Flags != 0 {
			t.Errorf("then %s", flagNames(got.Flags))
		}
	}
}

func TestTrapReceiveOnly(t *testing.T) {
	healthy(t, judge.Healthy, always(func(_ time.Duration, c *tcp) {
		c.dataRecv = c.now
		c.Info.BytesReceived += 5000
		c.RecvQueue = 0

		if c.Info.BytesReceived/5000%3 == 1 {
			c.RecvQueue = 5000 // read a little later
		}
	}))
}

func TestTrapReaderInBatches(t *testing.T) {
	// The application reads every two seconds: its queue is never seen empty,
	// but it is being read.
	healthy(t, judge.Caution, always(func(at time.Duration, c *tcp) {
		c.dataRecv = c.now
		c.Info.BytesReceived += 100

		if c.RecvQueue += 100; every(at, 2*time.Second, 0) {
			c.RecvQueue = 100
		}
	}))
}

func TestTrapFINInTheReceiveQueue(t *testing.T) {
	for _, state := range []sampler.State{sampler.StateCloseWait, sampler.StateLastAck, sampler.StateClosing} {
		w := newWatch(t, Config{Export: showAll})
		r := established(1)
		r.State, r.RecvQueue, r.Info.BytesReceived, r.Info.LastAckRecv = state, 1, 1, 100

		for range 20 {
			got := w.tick(r).shown(1)
			if got.Flags != 0 || got.Trend.Recv.LongAverage != 0 {
				t.Fatalf("%v: %s, %v bytes unread", state, flagNames(got.Flags), got.Trend.Recv.LongAverage)
			}
		}
	}
}

func TestTrapShortTCPInfo(t *testing.T) {
	stories := map[string]func() func(time.Duration, *tcp){
		"idle": always(func(time.Duration, *tcp) {}),
		"request and response": always(func(at time.Duration, c *tcp) {
			requestResponse(at, 200*time.Millisecond, c)
		}),
		"one request always out": always(func(at time.Duration, c *tcp) {
			c.Info.RTT = 100_000
			if every(at, 100*time.Millisecond, 0) {
				c.answered()
				c.write()
			}
		}),
		"bulk": always(func(_ time.Duration, c *tcp) {
			c.dataSent, c.ackRecv = c.now, c.now
			c.Info.BytesAcked += 12_500
			c.Info.BytesSent += 12_500
			c.Info.DataSegsOut += 9
			c.Info.Unacked, c.SendQueue, c.Info.NotsentBytes = 40, 2_000_000, 1_900_000
			c.Timer, c.due = sampler.TimerRetransmit, c.now.Add(c.rto())
		}),
		"unread data": always(func(_ time.Duration, c *tcp) {
			c.dataRecv, c.RecvQueue = c.now, 4000
			c.Info.BytesReceived += 4000
		}),
	}

	for name, step := range stories {
		for _, size := range diagtest.InfoSizes() {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				for _, interval := range []time.Duration{250 * time.Millisecond, time.Second} {
					requireMild(t, story{step: step(), size: size, interval: interval}.play(t), judge.Healthy)
				}
			})
		}
	}
}

func TestTrapIdleAfterJitter(t *testing.T) {
	// A path that was bad when the connection fell quiet says nothing about it
	// an hour later: the kernel keeps its last srtt, rttvar and RTO.
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.Info.RTT, r.Info.RTTVar, r.Info.RTO, r.Info.BytesAcked = 900_000, 400_000, 9_000_000, 5_000_000

	for range 20 {
		if got := w.tick(r).shown(1); got.Flags != 0 || got.Status != judge.Healthy {
			t.Fatalf("%v with %s", got.Status, flagNames(got.Flags))
		}
	}
}

func TestTrapSamplesThatAreAlwaysLate(t *testing.T) {
	// A host too busy for its interval is sampled late each time. Connections
	// that fail are still found.
	w := newWatch(t, Config{Interval: 100 * time.Millisecond, Export: showAll})
	c := newTCP(w.now)
	dead := false

	for n := range 40 {
		c.passed(w.now)

		if n == 10 {
			c.write()
		}

		dead = w.sample(c.sight()).shown(1).Flags.Has(judge.HalfOpenConfirmed)
		w.now = w.now.Add(350 * time.Millisecond)
	}

	if !dead {
		t.Error("none found the dead path")
	}
}
