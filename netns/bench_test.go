package netns

import (
	"fmt"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// BenchmarkSample measures a tick over namespaces with so many connections each: by a dump
// of each, by reading the known connections, and, where there is none, by the number of
// sockets.
func BenchmarkSample(b *testing.B) {
	netlab.RequireRoot(b)

	for _, tc := range []struct{ namespaces, pairs int }{{100, 0}, {100, 10}, {100, 100}} {
		s := newScene(b, nil)
		peers := make([]*peer, tc.namespaces)

		for i := range peers {
			peers[i] = newPeer(b, 20000+i, tc.pairs)
		}

		s.await("all namespaces", func() bool { return len(s.namespaces()) == tc.namespaces })

		for _, method := range []string{"walk", "skip", "revisit"} {
			if method == "skip" && tc.pairs > 0 || method == "revisit" && tc.pairs == 0 {
				continue
			}

			b.Run(fmt.Sprintf("namespaces=%d/connections=%d/%s", tc.namespaces, 2*tc.pairs, method), func(b *testing.B) {
				measure(b, s, method)
			})
		}

		for _, p := range peers {
			p.kill()
		}

		s.await("end of all namespaces", func() bool { return len(s.namespaces()) == 0 })
	}
}

// measure ticks, with each namespace sampled by a method.
func measure(b *testing.B, s *scene, method string) {
	b.Helper()
	s.Sample(0, s.recorder)

	before := s.Stats()

	for b.Loop() {
		for _, n := range s.namespaces() {
			n.walked, n.took = time.Now(), time.Second
			if method == "walk" {
				n.walked = time.Time{}
			}
		}

		s.Sample(0, s.recorder)
	}

	after := s.Stats()
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/tick")
	b.ReportMetric(float64(after.Walks-before.Walks)/float64(b.N), "walks/tick")
}
