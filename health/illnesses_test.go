package health

import (
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// problem is what can be the matter with a connection; step is called every
// 10 ms while it lasts.
type problem struct {
	name string
	step func(at time.Duration, c *tcp)
	// worst is the worst status that it can have within some seconds.
	worst judge.Status
	// loses: segments are retransmitted.
	loses bool
	// grain is how far apart the events are that make it.
	grain time.Duration
}

// busy asks ten times a second and is answered after one RTT.
func busy(at time.Duration, c *tcp) { requestResponse(at, 100*time.Millisecond, c) }

// problems begin with none.
var problems = []problem{
	{"none", busy, judge.Healthy, false, 0},
	{"idle", func(time.Duration, *tcp) {}, judge.Healthy, false, 0},
	{"a black hole", func(at time.Duration, c *tcp) {
		if every(at, 500*time.Millisecond, 0) && c.Info.Retransmits == 0 {
			c.write()
		}
	}, judge.Stale, true, 0},
	{"a black hole, while data arrives", func(at time.Duration, c *tcp) {
		c.dataRecv = c.now
		c.Info.SegsIn++
		c.Info.DataSegsIn++

		if every(at, 500*time.Millisecond, 0) && c.Info.Retransmits == 0 {
			c.write()
		}
	}, judge.Stale, true, 0},
	{"full-size segments that vanish", func(at time.Duration, c *tcp) {
		c.dataRecv = c.now
		c.Info.SegsIn++
		c.Info.DataSegsIn++

		if c.Info.Unacked == 0 {
			c.push(3, 1448)
		}
	}, judge.Stale, true, 0},
	{"loss", func(at time.Duration, c *tcp) {
		busy(at, c)

		if every(at, 300*time.Millisecond, 20*time.Millisecond) {
			c.Info.TotalRetrans++
			c.Info.DataSegsOut++
			c.Info.BytesSent += 300
			c.Info.BytesRetrans += 300
			c.Info.SndCwnd = max(2, c.Info.SndCwnd/2)
			c.Info.CAState = uint8(sampler.CARecovery)
		}
	}, judge.Degraded, true, 300 * time.Millisecond},
	{"a long RTT that varies", func(at time.Duration, c *tcp) {
		c.Info.RTT, c.Info.RTTVar, c.Info.RTO = 1_100_000, 500_000, 3_100_000

		if every(at, 100*time.Millisecond, 0) {
			c.push(4, 300)
			c.answered()
		}
	}, judge.Suspect, false, 0},
	{"a closed window", func(at time.Duration, c *tcp) {
		if c.Info.SndWnd > 0 {
			c.acked()
		}

		c.Info.SndWnd, c.Info.NotsentBytes, c.SendQueue, c.Timer = 0, 20_000, 20_000, sampler.TimerProbe
		c.due = c.now.Add(200 * time.Millisecond)

		if every(at, 200*time.Millisecond, 0) {
			c.ackRecv = c.now
		}
	}, judge.Degraded, false, 0},
	{"a black hole at a closed window", func(at time.Duration, c *tcp) {
		if c.Info.SndWnd > 0 {
			c.acked()
		}

		c.Info.SndWnd, c.Info.NotsentBytes, c.SendQueue, c.Timer = 0, 20_000, 20_000, sampler.TimerProbe
		if every(at, 500*time.Millisecond, 0) {
			c.Info.Probes++
			c.Info.Backoff++
		}
	}, judge.Stale, false, 0},
	{"an application that does not read", func(_ time.Duration, c *tcp) {
		if c.RecvQueue < 50_000 {
			c.dataRecv = c.now
			c.Info.BytesReceived += 500
			c.RecvQueue += 500
		}

		c.Info.RcvWnd = 50_000 - c.RecvQueue
	}, judge.Caution, false, 0},
	{"unanswered keepalives", func(at time.Duration, c *tcp) {
		if c.Info.Unacked > 0 {
			c.acked()
		}

		c.Timer, c.due = sampler.TimerKeepalive, c.now.Add(time.Second)
		if every(at, time.Second, 500*time.Millisecond) {
			c.Info.Probes++
		}
	}, judge.Stale, false, 0},
	{"a peer that reads slowly", func(at time.Duration, c *tcp) {
		bulkStep(c, 0)
		c.Info.RwndLimited += 9_000
	}, judge.Caution, false, 0},
	{"a path that has got slow", func(at time.Duration, c *tcp) {
		c.dataSent, c.ackRecv = c.now, c.now
		c.Info.Unacked, c.Info.NotsentBytes = 10, c.Info.NotsentBytes+5_000
		c.SendQueue = c.Info.NotsentBytes + 14_480
		c.Info.BytesAcked += 145
		c.due = c.now.Add(c.rto())

		if every(at, 100*time.Millisecond, 0) {
			c.Info.Delivered++
		}
	}, judge.Suspect, false, 0},
	{"congestion marks", func(at time.Duration, c *tcp) {
		busy(at, c)

		if every(at, 100*time.Millisecond, 0) {
			c.Info.DeliveredCE++
			c.Info.SndCwnd = max(2, c.Info.SndCwnd-1)
		}
	}, judge.Caution, false, 0},
}

// heal makes the connection what it was: everything is acknowledged, read and open.
func heal(c *tcp) {
	if c.Info.Unacked > 0 || c.SendQueue > 0 {
		c.acked()
	}

	well := established(1)
	c.Timer, c.RecvQueue, c.SendQueue, c.probed = sampler.TimerNone, 0, 0, false
	c.Info.NotsentBytes, c.Info.SndWnd, c.Info.Sacked, c.Info.Probes, c.Info.CAState = 0, well.Info.SndWnd, 0, 0, 0
	c.Info.RTT, c.Info.RTTVar, c.Info.RTO, c.Info.SndCwnd = well.Info.RTT, well.Info.RTTVar, well.Info.RTO, well.Info.SndCwnd
	c.Info.Retransmits, c.Info.Backoff = 0, 0
	c.ackRecv = c.now
}
