package lab

import (
	"net"
	"slices"
	"time"

	"tcphealth_exporter/internal/netlab"
)

const ms = time.Millisecond

// requests is the traffic of a client that asks so many times a second.
func requests(hz float64) func(*Scene) {
	return func(s *Scene) {
		s.Connect()
		s.RequestResponse(hz)
	}
}

// Healthy are the scenarios in which nothing may be found.
func Healthy() []Scenario {
	return slices.Concat(calmScenarios(), dialogScenarios(), streamScenarios(), bulkScenarios(), fieldHealthy(), []Scenario{
		{Name: "the exporter pauses for 3 s", RTT: 40 * ms, Traffic: requests(10), Pause: 3 * time.Second},
		{Name: "late ticks", RTT: 40 * ms, Traffic: requests(10), Late: 900 * ms},
	})
}

// calmScenarios have little or no traffic.
func calmScenarios() []Scenario {
	return []Scenario{
		{Name: "idle on a LAN", Traffic: (*Scene).Connect},
		{Name: "idle, keepalive each second", RTT: 20 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.keepalive(s.Client)
		}},
		{Name: "long poll, answer after 6 s", RTT: 40 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.Serve(s.Server, func() (int, time.Duration) { return messageSize, 6 * time.Second })
			s.Ask(s.Client, 100*ms, func() int { return messageSize })
		}},
		{Name: "app-limited trickle", RTT: 40 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.Push(s.Client, 100, 300*ms)
			s.Drain(s.Server)
		}},
	}
}

// dialogScenarios are requests and responses.
func dialogScenarios() []Scenario {
	return []Scenario{
		{Name: "request/response 10 Hz, LAN", Traffic: requests(10)},
		{Name: "request/response 10 Hz, 40 ms", RTT: 40 * ms, Traffic: requests(10)},
		{Name: "request/response 10 Hz, 120 ms", RTT: 120 * ms, Traffic: requests(10)},
		{Name: "request/response 10 Hz, 20 ms, IPv6", RTT: 20 * ms, Network: IPv6, Traffic: requests(10)},
		{Name: "request/response 1 Hz, one segment lost", RTT: 40 * ms, Traffic: func(s *Scene) {
			requests(1)(s)
			s.loseOne(5 * time.Second)
		}},
		{Name: "request/response 10 Hz, one loss recovered", RTT: 40 * ms, Traffic: func(s *Scene) {
			requests(10)(s)
			s.loseOne(5 * time.Second)
		}},
		{Name: "replies of mixed speed", RTT: 40 * ms, Traffic: mixedReplies},
		{Name: "twenty fresh connections", RTT: 40 * ms, Traffic: freshConnections},
		{Name: "IPv4 on a dual-stack listener", RTT: 20 * ms, Network: Mapped, Traffic: func(s *Scene) {
			s.Accept()
			s.Serve(s.Client, func() (int, time.Duration) { return messageSize, 0 })
			s.Ask(s.Server, 100*ms, func() int { return messageSize })
		}},
	}
}

// streamScenarios go one way, at a pace that is not the path's.
func streamScenarios() []Scenario {
	fast := netlab.Conditions{Rate: 20e6, Queue: 200_000}
	return []Scenario{
		{Name: "receive-only push", RTT: 20 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.Push(s.Server, 500, 100*ms)
			s.Drain(s.Client)
		}},
		{Name: "peer reads each 500 ms", RTT: 20 * ms, Traffic: func(s *Scene) {
			s.Connect()
			s.Push(s.Client, 4000, 100*ms)
			s.ReadBursts(s.Server, 500*ms)
		}},
		{Name: "reader pauses for 300 ms", RTT: 20 * ms, Path: fast, Traffic: func(s *Scene) {
			bulk(s)
			s.Go(func() {
				for s.Sleep(3 * time.Second) {
					s.Stop(s.Server)
					s.Sleep(300 * ms)
					s.Resume(s.Server)
				}
			})
		}},
		{Name: "bulk down, bursty reader", RTT: 20 * ms, Path: netlab.Conditions{Rate: 50e6, Queue: 200_000}, Traffic: func(s *Scene) {
			s.Connect()
			s.Flood(s.Server)
			s.ReadBursts(s.Client, 150*ms)
		}},
		{Name: "cubic resumes after 4 s", RTT: 40 * ms, Path: fast, Traffic: func(s *Scene) {
			s.Connect()
			s.Drain(s.Server)
			s.Push(s.Client, 1<<20, 4*time.Second)
		}},
	}
}

// bulkScenarios fill the path.
func bulkScenarios() (all []Scenario) {
	for _, cc := range []string{"cubic", "bbr"} {
		all = append(all,
			Scenario{
				Name: "bulk up, 20 Mbit/s, 600 ms, queue of 100 ms, " + cc, RTT: 600 * ms, Congestion: cc,
				Path: netlab.Conditions{Rate: 20e6, Queue: 250_000}, Traffic: bulk,
			},
			Scenario{Name: "bulk up on a LAN, " + cc, Cable: true, Congestion: cc, Exclusive: true, Traffic: bulk},
			Scenario{
				Name: "bulk up, 20 Mbit/s, 40 ms, queue of one BDP, " + cc, RTT: 40 * ms, Congestion: cc,
				Path: netlab.Conditions{Rate: 20e6, Queue: 100_000}, Traffic: bulk,
			},
		)
	}
	return all
}

func bulk(s *Scene) {
	s.Connect()
	s.Flood(s.Client)
	s.Drain(s.Server)
}

// mixedReplies has answers of different sizes come at once, late, and very late.
func mixedReplies(s *Scene) {
	s.Connect()
	kinds := []struct {
		size  int
		after time.Duration
	}{{100, 0}, {20_000, 50 * ms}, {300, 700 * ms}, {100_000, 200 * ms}, {300, 2 * time.Second}}
	served, asked := 0, 0
	s.Serve(s.Server, func() (int, time.Duration) {
		k := kinds[served%len(kinds)]
		served++
		return k.size, k.after
	})
	s.Ask(s.Client, 100*ms, func() int {
		asked++
		return kinds[(asked-1)%len(kinds)].size
	})
}

// freshConnections opens twenty connections in quick succession, over and over.
func freshConnections(s *Scene) {
	s.Connect()
	s.RequestResponse(10)
	for range 19 {
		time.Sleep(20 * ms)
		client, server := s.open()
		s.Serve(server, func() (int, time.Duration) { return messageSize, 0 })
		s.Ask(client, 200*ms, func() int { return messageSize })
	}
}

// keepalive has one end probe each second once it has been idle for a second.
func (s *Scene) keepalive(c *net.TCPConn) {
	config := net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 30}
	if err := c.SetKeepAliveConfig(config); err != nil {
		s.tb.Fatal(err)
	}
}

// loseOne has the path lose a single packet of the near end each period.
func (s *Scene) loseOne(period time.Duration) {
	s.Go(func() {
		for s.Sleep(period) {
			before := s.dropped(netlab.AToB)
			s.Break(netlab.AToB, func(c *netlab.Conditions) { c.Blackhole = true })
			s.await(func() bool { return s.dropped(netlab.AToB) != before })
			s.Break(netlab.AToB, func(*netlab.Conditions) {})
		}
	})
}
