package bench

import (
	"fmt"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// BenchmarkRecheck compares rechecking some sockets with the dump of all, turn
// and turn about. It reports what either costs for each socket that it reads,
// and how many rechecks of a socket are as dear as the dump.
func BenchmarkRecheck(b *testing.B) {
	netlab.RequireRoot(b)

	const sockets = 10_000

	ns, _ := population(b, sockets)

	for _, watched := range []int{10, 500} {
		b.Run(fmt.Sprintf("sockets=%d/watched=%d", sockets, watched), func(b *testing.B) {
			conn := dial(b, ns)
			targets := every(b, conn, sockets/watched)

			var dumps, rounds meter

			for b.Loop() {
				dumps.measure(func() { expect(b, conn, sockets) })
				rounds.measure(func() {
					r, err := conn.Recheck(targets, func(time.Time, []sampler.Socket) {})
					if err != nil || r.Sockets != watched {
						b.Fatalf("found %d connections of %d: %v", r.Sockets, watched, err)
					}
				})
			}

			perTarget := rounds.median() / float64(watched)
			b.ReportMetric(dumps.median()/sockets, "dump-ns/socket")
			b.ReportMetric(perTarget, "recheck-ns/socket")
			b.ReportMetric(dumps.median()/perTarget, "rechecks/dump")
			b.ReportMetric(float64(rounds.allocs)/float64(len(rounds.walls)), "allocs/round")
			b.ReportMetric(0, "ns/op") // a dump and a round together: says nothing
		})
	}
}

// every dumps and returns each nth connection.
func every(b *testing.B, conn *sampler.Conn, nth int) []sampler.Target {
	b.Helper()

	var (
		targets []sampler.Target
		n       int
	)

	_, err := conn.Dump(func(_ time.Time, rows []sampler.Socket) {
		for i := range rows {
			if rows[i].State != sampler.StateEstablished {
				continue
			}

			if n%nth == 0 {
				targets = append(targets, rows[i].Target())
			}

			n++
		}
	})
	if err != nil {
		b.Fatal(err)
	}

	return targets
}
