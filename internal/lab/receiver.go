package lab

import (
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/netlab"
)

const smallBuffer = 16 << 10

// intoSmallBuffer is traffic that the far end has little room for.
func intoSmallBuffer(s *Scene) {
	s.ServerBuffer = smallBuffer
	s.Connect()
	s.Push(s.Client, 2000, 100*ms)
	s.Drain(s.Server)
}

// stopped is a scenario in which the application at the far end stops reading, until its window is closed.
func stopped(name string, traffic func(*Scene)) Scenario {
	return Scenario{
		Name: name, RTT: 20 * ms, Traffic: traffic,
		Fault: func(s *Scene) { s.Stop(s.Server) }, Repair: func(s *Scene) { s.Resume(s.Server) },
		Seen: WindowClosed, FaultFor: 12 * time.Second,
		Expect: Expectation{
			Status: judge.Suspect, Never: judge.Stale, Causes: []judge.Cause{judge.CausePeerReceiver},
			Flags: []judge.Flag{judge.ZeroWindow}, Limit: 3 * time.Second,
		},
	}
}

func receiverScenarios() []Scenario {
	return []Scenario{
		stopped("peer process stopped", intoSmallBuffer),
		// The kernel drops what it has promised to take, and answers it: the sender's timer backs off, as on a dead path.
		stopped("peer process stopped, its buffer shrunk", func(s *Scene) {
			s.Connect()
			_ = s.Server.SetReadBuffer(smallBuffer)
			s.Push(s.Client, 2000, 100*ms)
			s.Drain(s.Server)
		}),
		{
			Name: "peer reads for 2 s of every 5 s", RTT: 20 * ms, Traffic: intoSmallBuffer,
			Fault:  func(s *Scene) { s.Go(func() { s.stutter(s.Server, 3*time.Second, 2*time.Second) }) },
			Repair: func(s *Scene) { s.mended.Store(true); s.Resume(s.Server) },
			Seen:   WindowClosed, FaultFor: 30 * time.Second, Long: true,
			Expect: Expectation{
				Status: judge.Suspect, Never: judge.Stale, Causes: []judge.Cause{judge.CausePeerReceiver},
				Flags: []judge.Flag{judge.Flapping}, Limit: 3 * time.Second, Share: 0.6,
			},
		},
		{
			Name: "slow reader, 10 KB/s", RTT: 20 * ms, Traffic: bulk,
			Fault: func(s *Scene) {
				s.Stop(s.Server)
				s.awaitWindowClosed()
				s.marks.Fault = time.Now()
				s.slowly(s.Server, 1000, 100*ms)
			},
			Repair: func(s *Scene) { s.mended.Store(true); s.Resume(s.Server) }, FaultFor: 15 * time.Second,
			Path: netlab.Conditions{Rate: 20e6, Queue: 100_000},
			Expect: Expectation{
				Status: judge.Caution, Before: judge.Degraded, Never: judge.Stale, Causes: []judge.Cause{judge.CausePeerReceiver},
				Flags: []judge.Flag{judge.RecvLimited, judge.ZeroWindow}, Limit: 5 * time.Second,
			},
		},
		{
			Name: "local application stops reading", RTT: 20 * ms, Traffic: func(s *Scene) {
				s.Connect()
				s.Push(s.Server, 5000, 100*ms)
				s.Drain(s.Client)
			},
			Fault: func(s *Scene) { s.Stop(s.Client) }, Repair: func(s *Scene) { s.Resume(s.Client) },
			Expect: Expectation{
				Status: judge.Caution, Causes: []judge.Cause{judge.CauseLocalApplication},
				Flags: []judge.Flag{judge.RecvQueueStuck}, Limit: 3 * time.Second,
			},
		},
	}
}
