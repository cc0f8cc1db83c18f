package lab

import (
	"net"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/netlab"
)

// write writes once to one end.
func write(c *net.TCPConn, size int) { _, _ = c.Write(make([]byte, size)) }

// loseSYN opens a connection whose first SYN is lost.
func loseSYN(s *Scene) {
	s.listener = s.far.Listen(s.tb, "tcp4", net.JoinHostPort(s.farAddr.String(), "0"))
	s.later(func() {
		forward(s)
		before := s.dropped(netlab.AToB)
		s.dialVoid()
		s.await(func() bool { return s.dropped(netlab.AToB) != before })
		s.Restore()
	})
}

// later runs part of a healthy scenario after the windows have been filled.
func (s *Scene) later(f func()) {
	s.Go(func() {
		if s.Sleep(2500 * ms) {
			f()
		}
	})
}

// stalls has the path to the peer delay everything for a moment, every two seconds.
func (s *Scene) stalls() {
	s.Go(func() {
		for s.Sleep(2 * time.Second) {
			s.Break(netlab.AToB, func(c *netlab.Conditions) { c.Delay = 200 * ms })
			s.Sleep(50 * ms)
			s.Restore()
		}
	})
}

// fieldHealthy are healthy connections of real programs that were judged wrong once.
func fieldHealthy() []Scenario { return counted(fieldStreams(), fieldDialogs()) }

// counted are scenarios that take the counters of segments to judge (Linux 4.6).
func counted(lists ...[]Scenario) []Scenario {
	all := slices.Concat(lists...)
	for i := range all {
		all[i].MinInfo = max(all[i].MinInfo, 160)
	}
	return all
}

// fieldStreams have more to send than the path or the peer takes.
func fieldStreams() []Scenario {
	return []Scenario{
		{Name: "bulk up, 220 ms, receive buffer of 64 KB", RTT: 220 * ms, Traffic: func(s *Scene) {
			s.ServerBuffer = 64 << 10
			bulk(s)
		}},
		{
			Name: "bulk up, 10 Mbit/s, 600 ms, queue of one BDP", RTT: 600 * ms, Path: netlab.Conditions{Rate: 10e6, Queue: 750_000},
			Traffic: bulk,
		},
		{
			Name: "bulk up, the rate falls to a fifth", RTT: 40 * ms, Path: netlab.Conditions{Rate: 20e6, Queue: 100_000},
			Traffic: func(s *Scene) {
				bulk(s)
				s.later(func() { s.Break(netlab.AToB, func(c *netlab.Conditions) { c.Rate = 4e6 }) })
			},
		},
		{
			Name: "bulk up, seven others join", RTT: 40 * ms, Path: netlab.Conditions{Rate: 20e6, Queue: 100_000}, Traffic: func(s *Scene) {
				bulk(s)
				s.later(func() {
					for range 7 {
						client, server := s.open()
						s.Flood(client)
						s.Drain(server)
					}
				})
			},
		},
	}
}

// fieldDialogs send a little now and then.
func fieldDialogs() []Scenario {
	return []Scenario{
		{Name: "client limits its download, the path stalls for 200 ms", Path: netlab.Conditions{Rate: 100e6, Queue: 500_000}, Traffic: func(s *Scene) {
			s.Connect()
			s.Flood(s.Client)
			s.Go(func() {
				for b := make([]byte, 100_000); s.Sleep(100 * ms); {
					if _, err := s.Server.Read(b); err != nil {
						return
					}
				}
			})
			s.stalls()
		}},
		{Name: "request/response 20 Hz, the path stalls for 200 ms", RTT: 20 * ms, Traffic: func(s *Scene) {
			requests(20)(s)
			s.stalls()
		}},
		{
			Name: "loss 0.5 % both ways, request/response 20 Hz", RTT: 20 * ms, Path: netlab.Conditions{Loss: 0.005}, Traffic: requests(20),
		},
		{Name: "36 bytes every 0.4 s, one outage of 0.8 s", RTT: 20 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.Push(s.Client, 36, 400*ms)
			s.Drain(s.Server)
			s.later(func() {
				bothWays(s)
				s.Sleep(800 * ms)
				s.Restore()
			})
		}},
		{Name: "one SYN-ACK lost, then idle, 120 ms", RTT: 120 * ms, Traffic: func(s *Scene) {
			returnOnly(s)
			s.Go(func() {
				before := s.dropped(netlab.BToA)
				s.await(func() bool { return s.dropped(netlab.BToA) != before })
				s.Restore()
			})
			s.Connect()
			s.Drain(s.Server)
			write(s.Client, messageSize)
		}},
		{Name: "one SYN lost, 500 ms", RTT: 500 * ms, Traffic: loseSYN},
		{Name: "messages of 1 MB, read when complete", RTT: 20 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.control(s.Client, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, 1<<20) })
			s.Push(s.Server, 20_000, 100*ms)
			s.Go(func() {
				for b := make([]byte, 4<<20); ; {
					if _, err := s.Client.Read(b); err != nil {
						return
					}
				}
			})
		}},
	}
}

// fieldFailing are faults that were missed, found late or given the wrong cause once.
func fieldFailing() []Scenario {
	return counted(fieldSilent(), fieldForward(), fieldLossy(), fieldMTU())
}

// fieldSilent have a path that dies under a pattern of writes in which the kernel's timers show little.
func fieldSilent() []Scenario {
	return []Scenario{
		{
			Name: "black hole, a byte each 500 ms, 600 ms", RTT: 600 * ms, Traffic: func(s *Scene) {
				s.Connect()
				s.Drain(s.Server)
				write(s.Client, 100)
			},
			Fault: func(s *Scene) {
				bothWays(s)
				s.Push(s.Client, 100, 500*ms)
			},
			Repair: (*Scene).Restore, Seen: FirstDataDrop, FaultFor: 12 * time.Second,
			Expect: dead(7*time.Second, 6250*ms, halfOpenTable...),
		},
		{
			Name: "black hole, 20 lines a second after a large transfer, 100 ms", RTT: 100 * ms, Traffic: func(s *Scene) {
				s.Connect()
				s.Drain(s.Server)
				s.Go(func() {
					write(s.Client, 20<<20)
					s.Push(s.Client, 80, 50*ms)
				})
			},
			Fault: bothWays, Repair: (*Scene).Restore, Seen: FirstDataDrop,
			Expect: dead(2*time.Second, 1750*ms, halfOpenTable...),
		},
		{
			Name: "keepalive every 10 s unanswered", RTT: 20 * ms, Traffic: func(s *Scene) {
				s.Connect()
				config := net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: 10 * time.Second, Count: 9}
				if err := s.Client.SetKeepAliveConfig(config); err != nil {
					s.tb.Fatal(err)
				}
			},
			Fault: bothWays, Repair: (*Scene).Restore, Seen: FirstDrop, FaultFor: 12 * time.Second,
			Expect: Expectation{
				Status: judge.Suspect, Causes: []judge.Cause{judge.CausePathDead},
				Flags: []judge.Flag{judge.KeepaliveUnanswered}, Limit: 4 * time.Second,
			},
		},
	}
}

// fieldForward lose what is sent, while the peer's own data arrives.
func fieldForward() (all []Scenario) {
	for _, rtt := range []time.Duration{300 * ms, 500 * ms} {
		all = append(all, Scenario{
			Name: "black hole forward, both ends send at 2 Hz, " + rtt.String(), RTT: rtt, Traffic: func(s *Scene) {
				s.Connect()
				s.Push(s.Client, 200, 500*ms)
				s.Push(s.Server, 200, 500*ms)
				s.Drain(s.Client)
				s.Drain(s.Server)
			},
			Fault: forward, Repair: (*Scene).Restore, Seen: FirstDataDrop,
			Expect: dead(4*time.Second, 0, judge.StaleSuspectSend, judge.StaleConfirmedSend),
		})
	}
	return all
}

// fieldLossy have a path that is lossy or slow, but not dead.
func fieldLossy() []Scenario {
	return []Scenario{
		{
			Name: "loss 10 % both ways, request/response 20 Hz", RTT: 20 * ms, Traffic: requests(20),
			Fault:  func(s *Scene) { s.BreakBoth(func(c *netlab.Conditions) { c.Loss = 0.1 }) },
			Repair: (*Scene).Restore, Seen: FirstDataDrop, FaultFor: 15 * time.Second,
			Expect: Expectation{
				Status: judge.Suspect, Never: judge.Stale, Causes: []judge.Cause{judge.CausePacketLoss},
				Flags: []judge.Flag{judge.LossHigh}, Limit: 6 * time.Second,
			},
		},
		{
			Name: "loss 15 %, bulk", RTT: 20 * ms, Traffic: bulk, Long: true,
			Fault:  func(s *Scene) { s.Break(netlab.AToB, func(c *netlab.Conditions) { c.Loss = 0.15 }) },
			Repair: (*Scene).Restore, Seen: FirstDataDrop, FaultFor: 60 * time.Second,
			Expect: Expectation{
				Status: judge.Suspect, Never: judge.Stale, Causes: []judge.Cause{judge.CausePacketLoss},
				Flags: []judge.Flag{judge.LossHigh}, Limit: 12 * time.Second, Share: 0.7,
			},
		},
		{
			Name: "burst of another flow into a queue of 2 s, request/response 10 Hz", RTT: 20 * ms,
			Path: netlab.Conditions{Rate: 2e6, Queue: 500_000}, Traffic: requests(10),
			Fault: (*Scene).burst, FaultFor: 8 * time.Second,
			Expect: Expectation{
				Status: judge.Caution, Never: judge.Stale, Limit: 4 * time.Second, Share: 0.3,
				Causes: []judge.Cause{judge.CausePathDead, judge.CausePathDelay, judge.CausePacketLoss, judge.CauseCongestion},
			},
		},
	}
}

// fieldMTU lose full-size packets only.
func fieldMTU() []Scenario {
	return []Scenario{mtuHole("an upload of 40 KB", 40_000), mtuHole("a write of 1520 bytes", 1520)}
}

// mtuHole is a path that turns out to lose full-size packets when they are needed.
func mtuHole(name string, size int) Scenario {
	return Scenario{
		Name: "MTU hole, " + name + " after small ones", OwnPath: true, MinInfo: 224, RTT: 20 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.BreakBoth(func(c *netlab.Conditions) { c.MTUHole = 1400 })
			s.RequestResponse(1)
		},
		Fault: func(s *Scene) { write(s.Client, size) }, Repair: (*Scene).Restore, Seen: FirstDataDrop,
		Expect: Expectation{
			Status: judge.Degraded, Causes: []judge.Cause{judge.CauseMTU}, Flags: []judge.Flag{judge.MTUBlackholeSuspect}, Limit: 3 * time.Second,
		},
	}
}

// burst sends more over the path than its queue takes, from another socket.
func (s *Scene) burst() {
	s.near.Do(func() {
		c, err := net.Dial("udp4", net.JoinHostPort(s.farAddr.String(), "9"))
		if err != nil {
			s.tb.Error(err)
			return
		}
		defer c.Close()
		for range 500 {
			_, _ = c.Write(make([]byte, 1200))
			time.Sleep(200 * time.Microsecond)
		}
	})
}
