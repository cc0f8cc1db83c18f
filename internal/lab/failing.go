package lab

import (
	"net"
	"slices"
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/netlab"
)

func blackhole(c *netlab.Conditions) { c.Blackhole = true }

// Holes.
func bothWays(s *Scene)   { s.BreakBoth(blackhole) }
func forward(s *Scene)    { s.Break(netlab.AToB, blackhole) }
func returnOnly(s *Scene) { s.Break(netlab.BToA, blackhole) }

// dead is what should be said of a path that is gone.
func dead(limit, fast time.Duration, flags ...judge.Flag) Expectation {
	return Expectation{Status: judge.Stale, Causes: []judge.Cause{judge.CausePathDead}, Flags: flags, Limit: limit, Fast: fast}
}

var halfOpenTable = []judge.Flag{judge.HalfOpenSuspect, judge.HalfOpenConfirmed}

// Failing are the scenarios in which a fault is to be found.
func Failing() []Scenario {
	var all []Scenario
	for _, rtt := range []time.Duration{20 * ms, 120 * ms} {
		for _, hole := range []struct {
			name string
			dig  func(*Scene)
		}{{"both ways", bothWays}, {"return only", returnOnly}} {
			all = append(all, Scenario{
				Name: "black hole " + hole.name + ", request/response 5 Hz, " + rtt.String(), RTT: rtt, Traffic: requests(5),
				Fault: hole.dig, Repair: (*Scene).Restore, Seen: FirstDataDrop,
				Expect: dead(2*time.Second, 4*(rtt+200*ms)+600*ms, halfOpenTable...),
			})
		}
	}
	for _, cc := range []string{"cubic", "bbr"} {
		all = append(all, Scenario{
			Name: "black hole under bulk, " + cc, RTT: 20 * ms, Path: netlab.Conditions{Rate: 20e6, Queue: 100_000}, Congestion: cc, Traffic: bulk,
			Fault: bothWays, Repair: (*Scene).Restore, Seen: FirstDataDrop, Expect: dead(2*time.Second, 0, halfOpenTable...),
		})
	}
	return slices.Concat(all, deadScenarios(), answerScenarios(), lossScenarios(), slowScenarios(), receiverScenarios(), fieldFailing())
}

// deadScenarios have data that is not acknowledged.
func deadScenarios() []Scenario {
	return []Scenario{
		{
			Name: "black hole during a zero window", RTT: 20 * ms, Traffic: intoSmallBuffer,
			Fault: func(s *Scene) {
				s.Stop(s.Server)
				s.awaitWindowClosed()
				s.Sleep(time.Second)
				s.marks.Fault = time.Now()
				s.noteDropped()
				bothWays(s)
			},
			Repair: func(s *Scene) { s.Restore(); s.Resume(s.Server) },
			Seen:   FirstDrop, FaultFor: 12 * time.Second,
			Expect: Expectation{
				Status: judge.Stale, Before: judge.Suspect, Causes: []judge.Cause{judge.CausePathDead}, Flags: halfOpenTable, Limit: 4 * time.Second,
			},
		},
		{
			Name: "black hole forward, the peer goes on sending", RTT: 20 * ms, Traffic: func(s *Scene) {
				s.Connect()
				s.Push(s.Client, 300, 200*ms)
				s.Push(s.Server, 300, 200*ms)
				s.Drain(s.Client)
				s.Drain(s.Server)
			},
			Fault: forward, Repair: (*Scene).Restore, Seen: FirstDataDrop,
			Expect: dead(4*time.Second, 0, judge.StaleSuspectSend, judge.StaleConfirmedSend),
		},
		{
			Name: "peer gone without RST, then one message", RTT: 20 * ms, Traffic: func(s *Scene) {
				s.Connect()
				s.Drain(s.Server)
			},
			Fault: func(s *Scene) {
				bothWays(s)
				s.Sleep(3 * time.Second)
				s.marks.Fault = time.Now()
				_, _ = s.Client.Write(make([]byte, messageSize))
			},
			Repair: (*Scene).Restore, Seen: FirstDataDrop,
			Expect: dead(2*time.Second, 0, halfOpenTable...),
		},
	}
}

// answerScenarios lack other answers than the ACK of data.
func answerScenarios() []Scenario {
	return []Scenario{
		{
			Name: "keepalive unanswered", RTT: 20 * ms, Traffic: func(s *Scene) {
				s.Connect()
				s.keepalive(s.Client)
			},
			Fault: bothWays, Repair: (*Scene).Restore, Seen: FirstDrop,
			Expect: Expectation{
				Status: judge.Suspect, Causes: []judge.Cause{judge.CausePathDead},
				Flags: []judge.Flag{judge.KeepaliveUnanswered}, Limit: 4 * time.Second,
				Then: []Expectation{dead(6*time.Second, 0, judge.HalfOpenConfirmed)},
			},
		},
		{
			Name: "SYN into the void", RTT: 20 * ms, Traffic: func(s *Scene) { s.listener = s.far.Listen(s.tb, "tcp4", "[::]:0") },
			Fault: func(s *Scene) {
				bothWays(s)
				s.noteDropped()
				s.dialVoid()
			},
			Repair: (*Scene).Restore, Seen: FirstDrop,
			Expect: Expectation{
				Status: judge.Suspect, Causes: []judge.Cause{judge.CauseHandshake}, Flags: []judge.Flag{judge.SynUnanswered}, Limit: 2500 * ms,
			},
		},
		{
			Name: "MTU hole", OwnPath: true, RTT: 20 * ms, Traffic: func(s *Scene) {
				s.Connect()
				s.Push(s.Client, 4000, 200*ms)
				s.Push(s.Server, 100, 200*ms)
				s.Drain(s.Client)
				s.Drain(s.Server)
			},
			Fault:  func(s *Scene) { s.BreakBoth(func(c *netlab.Conditions) { c.MTUHole = 1000 }) },
			Repair: (*Scene).Restore, Seen: FirstDataDrop,
			Expect: Expectation{
				Status: judge.Degraded, Causes: []judge.Cause{judge.CauseMTU}, Flags: []judge.Flag{judge.MTUBlackholeSuspect}, Limit: 3 * time.Second,
			},
		},
	}
}

// dialVoid opens a connection that no one answers while the fault lasts.
func (s *Scene) dialVoid() {
	s.tb.Helper()
	_, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		s.tb.Fatal(err)
	}
	s.Go(func() {
		c := s.dialFrom(net.JoinHostPort(s.farAddr.String(), port))
		if c == nil {
			return
		}
		<-s.done
		_ = c.Close()
	})
}

func lossScenarios() []Scenario {
	lossy := func(share float64) func(*Scene) {
		return func(s *Scene) { s.Break(netlab.AToB, func(c *netlab.Conditions) { c.Loss = share }) }
	}
	loss := func(status judge.Status, flags ...judge.Flag) Expectation {
		return Expectation{Status: status, Causes: []judge.Cause{judge.CausePacketLoss}, Flags: flags, Limit: 5 * time.Second}
	}
	return []Scenario{
		{
			Name: "loss 3 %, 2 Mbit/s, 40 ms", RTT: 40 * ms, Traffic: func(s *Scene) {
				s.Connect()
				s.Push(s.Client, 25_000, 100*ms)
				s.Drain(s.Server)
			},
			Fault: lossy(0.03), Repair: (*Scene).Restore, Seen: FirstDataDrop, FaultFor: 15 * time.Second,
			Expect: loss(judge.Caution, judge.LossDetected, judge.LossHigh),
		},
		{
			Name: "loss 25 %, request/response 20 Hz", RTT: 20 * ms, Traffic: requests(20),
			Fault: lossy(0.25), Repair: (*Scene).Restore, Seen: FirstDataDrop, FaultFor: 15 * time.Second,
			Expect: loss(judge.Degraded, judge.LossHigh),
		},
		{
			Name: "1 s on, 1 s off, request/response 5 Hz", RTT: 20 * ms, Traffic: requests(5),
			Fault: func(s *Scene) {
				bothWays(s)
				s.Go(func() {
					for off := false; s.Sleep(time.Second); off = !off {
						switch {
						case s.mended.Load():
							s.Restore()
							return
						case off:
							bothWays(s)
						default:
							s.Restore()
						}
					}
				})
			},
			Repair: func(s *Scene) { s.mended.Store(true); s.Restore() },
			Seen:   FirstDataDrop, FaultFor: 20 * time.Second,
			Expect: Expectation{
				Status: judge.Suspect, Causes: []judge.Cause{judge.CausePathDead, judge.CausePacketLoss},
				Limit: 5 * time.Second, Share: 0.5,
			},
		},
	}
}

func slowScenarios() []Scenario {
	return []Scenario{
		{
			Name: "RTT step from 20 to 400 ms", RTT: 20 * ms, Traffic: requests(10),
			Fault:  func(s *Scene) { s.BreakBoth(func(c *netlab.Conditions) { c.Delay = 200 * ms }) },
			Repair: (*Scene).Restore, FaultFor: 15 * time.Second,
			Expect: Expectation{
				Status: judge.Caution, Causes: []judge.Cause{judge.CausePathDelay},
				Flags: []judge.Flag{judge.RTTDrift, judge.RTTHigh}, Limit: 5 * time.Second,
			},
		},
		{
			Name: "rate from 20 to 0.5 Mbit/s, queue of 1 s", RTT: 40 * ms, Path: netlab.Conditions{Rate: 20e6, Queue: 100_000}, Traffic: bulk,
			Fault: func(s *Scene) {
				s.Break(netlab.AToB, func(c *netlab.Conditions) { c.Rate, c.Queue = 0.5e6, 62_500 })
			},
			Repair: (*Scene).Restore, FaultFor: 15 * time.Second,
			Expect: Expectation{
				Status: judge.Suspect, Causes: []judge.Cause{judge.CausePathDelay, judge.CauseCongestion},
				Flags: []judge.Flag{judge.RTTDrift, judge.RTTHigh, judge.QueueGrowing, judge.QueuePersistent}, Limit: 6 * time.Second,
			},
		},
	}
}
