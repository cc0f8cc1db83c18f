package health

import (
	"math/rand/v2"
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
)

// pattern is how both applications of a connection write, and how it is sampled.
type pattern struct {
	rtt time.Duration
	// period is the time between two writes, back that between two of the peer, zero
	// if it only acknowledges.
	period, back time.Duration
	// quiet: nothing is written before the path fails.
	quiet    bool
	interval time.Duration
	phase    time.Duration
}

// patternOf turns any input into a pattern.
func patternOf(rtt, period, back, interval, phase uint16, quiet bool) pattern {
	tens := func(n, limit uint16) time.Duration { return time.Duration(n%limit) * storyStep }

	p := pattern{rtt: storyStep + tens(rtt, 60), period: 5*storyStep + tens(period, 300), quiet: quiet}
	p.back = tens(back, 200)
	p.interval = intervals[int(interval)%len(intervals)]
	p.phase = tens(phase, uint16(p.interval/storyStep))

	if p.back > 0 {
		p.back += 5 * storyStep
	}

	return p
}

// failsAfter is when the path of a pattern fails.
const failsAfter = 6 * time.Second

// play plays a pattern, and returns what was found and when the first byte that gets
// lost was written. While the path works, everything is acknowledged an RTT later.
// Afterwards nothing that is sent arrives, and what the peer sends only if it is heard.
func (p pattern) play(t *testing.T, heard bool) (history []sight, lost time.Duration) {
	t.Helper()

	history = story{interval: p.interval, phase: p.phase, rechecks: true, length: failsAfter + 12*time.Second, step: func(at time.Duration, c *tcp) {
		if at == 0 {
			c.Info.RTT, c.Info.RTTVar = uint32(p.rtt.Microseconds()), uint32(p.rtt.Microseconds()/20)
			c.Info.RTO = c.Info.RTT + max(200_000, 4*c.Info.RTTVar)
			c.Info.SndCwnd = 1000
			c.rearms = true
		}

		works := at < failsAfter
		if p.back > 0 && every(at, p.back, 0) && (works || heard) {
			c.received()
		}

		if works && !p.quiet && every(at, p.period, p.rtt) && at < failsAfter-p.period {
			c.acked()
		}

		if every(at, p.period, 0) && (!works || !p.quiet && at < failsAfter-p.rtt-p.period) {
			c.write()

			if !works && lost == 0 {
				lost = at
			}
		}
	}}.play(t)

	return history, lost
}

// requireHealthyBefore fails if anything was found before the path failed.
func requireHealthyBefore(t *testing.T, history []sight, lost time.Duration) {
	t.Helper()

	for i := range history {
		if s := &history[i]; s.at < lost && s.Status > judge.Caution {
			t.Fatalf("after %v, before the path fails: %v with %v, %s", s.at, s.Status, flagNames(s.Flags), diagtest.Describe(&s.Row))
		}
	}
}

// stale returns the time at which the connection is STALE for good.
func stale(t *testing.T, history []sight) time.Duration {
	t.Helper()

	from := time.Duration(-1)

	for i := range history {
		switch s := &history[i]; {
		case s.Status != judge.Stale:
			from = -1
		case from < 0:
			from = s.at
		}
	}

	if from < 0 {
		s := history[len(history)-1]
		t.Fatalf("never STALE for good, at the end %v with %v, %s", s.Status, flagNames(s.Flags), diagtest.Describe(&s.Row))
	}

	return from
}

func addPatterns(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	number := func() uint16 { return uint16(random.Uint32()) }

	for range 150 {
		f.Add(number(), number(), number(), number(), number(), random.IntN(4) == 0)
	}
}

// FuzzDeadPath: however the application writes, whatever the RTT up to 600 ms and
// whenever samples are taken, a path that fails is STALE in time, and stays so.
func FuzzDeadPath(f *testing.F) {
	addPatterns(f)
	// The first write is as long before a sample as possible, and the end of the silence
	// as long before a recheck.
	f.Add(uint16(53), uint16(1), uint16(8), uint16(2), uint16(49), false)
	f.Fuzz(func(t *testing.T, rtt, period, back, interval, phase uint16, quiet bool) {
		p := patternOf(rtt, period, back, interval, phase, quiet)
		history, lost := p.play(t, false)
		requireHealthyBefore(t, history, lost)

		rto := p.rtt + 200*time.Millisecond

		limit := max(2*time.Second, 4*rto) + p.interval
		if took := stale(t, history) - lost; took > limit {
			t.Errorf("%+v: STALE after %v, limit %v", p, took, limit)
		}
	})
}

// FuzzDeadForwardPath: the same while the peer goes on sending.
func FuzzDeadForwardPath(f *testing.F) {
	addPatterns(f)
	f.Fuzz(func(t *testing.T, rtt, period, back, interval, phase uint16, quiet bool) {
		p := patternOf(rtt%50, period%95, back%95+1, interval, phase, quiet)
		history, lost := p.play(t, true)
		requireHealthyBefore(t, history, lost)

		const limit = 4 * time.Second
		if took := stale(t, history) - lost; took > limit+p.interval {
			t.Errorf("%+v: STALE after %v, limit %v", p, took, limit)
		}
	})
}

// lossyPath loses segments and ACKs at random. Its receiver keeps what arrives out of
// order, and its sender repairs a hole when an ACK reports it, or by a timeout.
type lossyPath struct {
	random *rand.Rand
	loss   float64
	rtt    time.Duration
	// acks are the arrivals of ACKs. hole: a segment is missing at the receiver.
	acks []time.Duration
	hole bool
	// repaired is when the hole was last repaired, retrans what the kernel had
	// retransmitted when it was last looked at.
	repaired time.Duration
	retrans  uint32
}

func (p *lossyPath) lost() bool { return p.random.Float64() < p.loss }

// arrives lets a segment reach the receiver, which answers.
func (p *lossyPath) arrives(at time.Duration) {
	if !p.lost() {
		p.acks = append(p.acks, at+p.rtt)
	}
}

// step lets 10 ms pass. The sender writes if it is time to.
func (p *lossyPath) step(at time.Duration, c *tcp, write bool) {
	if write {
		c.write()

		if p.lost() {
			p.hole = true
		} else {
			p.arrives(at)
		}
	}

	if c.Info.TotalRetrans != p.retrans { // by the timer
		p.resent(at, c)
	}

	for len(p.acks) > 0 && p.acks[0] <= at {
		p.acks = p.acks[1:]

		if !p.hole {
			c.acked()

			continue
		}

		c.ackRecv = c.now
		c.Info.SegsIn++

		if at-p.repaired > p.rtt {
			c.Info.TotalRetrans++
			c.Info.DataSegsOut++
			c.Info.BytesSent += 300
			c.Info.BytesRetrans += 300
			c.dataSent = c.now
			p.resent(at, c)
		}
	}
}

// resent sends the missing segment again.
func (p *lossyPath) resent(at time.Duration, c *tcp) {
	p.repaired, p.retrans = at, c.Info.TotalRetrans

	if !p.lost() {
		p.hole = false
		p.arrives(at)
	}
}

// TestLossyPathIsNotDead: random losses of up to 15 % each way are not taken for a dead
// path, except for runs of losses in the first seconds, before the loss is known, or rare
// ones afterwards.
func TestLossyPathIsNotDead(t *testing.T) {
	t.Parallel()

	const runs = 400

	stale := 0

	for seed := range uint64(runs) {
		random := rand.New(rand.NewPCG(seed, 3))
		path := lossyPath{random: random, rtt: time.Duration(1+random.IntN(30)) * storyStep}
		period := time.Duration(5+random.IntN(50)) * storyStep
		loss := 0.15 * random.Float64()
		worst := judge.Healthy

		history := story{interval: intervals[seed%4], length: time.Minute, step: func(at time.Duration, c *tcp) {
			if at == 0 {
				c.Info.RTT, c.Info.RTTVar = uint32(path.rtt.Microseconds()), uint32(path.rtt.Microseconds()/20)
				c.Info.RTO = c.Info.RTT + 200_000
			}

			if at > 5*time.Second {
				path.loss = loss
			}

			path.step(at, c, every(at, period, 0))
		}}.play(t)

		for i := range history {
			if s := &history[i]; s.at > 15*time.Second {
				worst = max(worst, s.Status)
			}
		}

		if worst == judge.Stale {
			stale++
		}

		if loss > 0.08 && period < 150*time.Millisecond && worst < judge.Suspect {
			t.Errorf("seed %d, loss %.3f, RTT %v, period %v: %v at worst", seed, loss, path.rtt, period, worst)
		}
	}

	if stale > runs/100 {
		t.Errorf("STALE in %d of %d minutes", stale, runs)
	}
}

// TestSlowPathIsNotDead: delays of up to 600 ms that come and go are never taken for a
// dead path.
func TestSlowPathIsNotDead(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 4))
		path := lossyPath{random: random, rtt: storyStep}
		period := time.Duration(5+random.IntN(250)) * storyStep
		change := time.Duration(0)

		for _, s := range (story{interval: intervals[seed%4], length: 60 * time.Second, step: func(at time.Duration, c *tcp) {
			if at >= change {
				path.rtt = time.Duration(1+random.IntN(60)) * storyStep
				change = at + time.Duration(random.IntN(800))*storyStep
			}

			acked := c.Info.BytesAcked
			path.step(at, c, every(at, period, 0))

			if c.Info.BytesAcked != acked { // the kernel follows the delay
				c.Info.RTT += uint32((path.rtt.Microseconds() - int64(c.Info.RTT)) / 8)
				c.Info.RTO = c.Info.RTT + 200_000
			}
		}}).play(t) {
			if s.Status == judge.Stale {
				t.Fatalf("seed %d, RTT %v, period %v, after %v: %v with %v, %s",
					seed, path.rtt, period, s.at, s.Status, flagNames(s.Flags), diagtest.Describe(&s.Row))
			}
		}
	}
}

// TestFirstFlightOfABulkSender: others that start at the same time may lose it with its
// first two retransmissions. For longer than 2.5 s, it is a dead path.
func TestFirstFlightOfABulkSender(t *testing.T) {
	const sent = 400 * time.Millisecond

	for answered, want := range map[time.Duration]judge.Status{2100 * time.Millisecond: judge.Caution, time.Minute: judge.Stale} {
		worst, stale := judge.Healthy, time.Duration(0)

		for _, s := range (story{length: 10 * time.Second, step: func(at time.Duration, c *tcp) {
			switch at {
			case 0:
				c.Info.RTT, c.Info.RTTVar, c.Info.RTO = 60_000, 20_000, 264_000
				c.Info.BytesAcked, c.Info.Delivered, c.Info.BytesSent, c.Info.DataSegsOut = 0, 0, 0, 0
			case 100 * time.Millisecond:
				c.push(1, 37)
			case 160 * time.Millisecond:
				c.acked()
			case sent:
				c.push(12, 1448)
				c.Info.NotsentBytes = 60_000
				c.SendQueue += 60_000
			case sent + answered:
				c.Info.NotsentBytes = 0
				c.SendQueue = 12 * 1448
				c.acked()
			}
		}}).play(t) {
			if worst = max(worst, s.Status); s.Status == judge.Stale && stale == 0 {
				stale = s.at
			}
		}

		if worst != want || want == judge.Stale && stale > sent+2750*time.Millisecond {
			t.Errorf("answered after %v: %v at worst, STALE after %v", answered, worst, stale)
		}
	}
}
