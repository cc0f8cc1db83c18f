package bench

import (
	"flag"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

var churnFor = flag.Duration("memory.churn", 10*time.Minute, "how long BenchmarkMemory opens and closes connections")

// calmFor is the time the program has to return memory.
const calmFor = 5 * time.Minute

// BenchmarkMemory fills the program's tables, with 100,000 sockets at once or with 400
// connections a second, and then closes them. It reports the maximum resident memory, the
// resident memory at the end, and its ratio to that of a new process; it logs the resident
// memory after each idle minute.
func BenchmarkMemory(b *testing.B) {
	netlab.RequireRoot(b)

	const manySockets, fastChurn = 100_000, 400

	for name, load := range map[string]func(*testing.B, *netlab.Namespace, func(time.Duration)){
		"sockets=100000": func(b *testing.B, ns *netlab.Namespace, watch func(time.Duration)) {
			holders := holdersOf(b, ns, manySockets)
			watch(time.Minute)

			for _, h := range holders {
				h.Stop()
			}
		},
		"churn=400": func(b *testing.B, ns *netlab.Namespace, watch func(time.Duration)) {
			stop := churn(b, ns, fastChurn)
			watch(*churnFor)
			stop()
		},
	} {
		b.Run(name, func(b *testing.B) { benchmarkMemory(b, load) })
	}
}

func benchmarkMemory(b *testing.B, load func(*testing.B, *netlab.Namespace, func(time.Duration))) {
	for b.Loop() {
		ns := netlab.New(b)
		p := startProgram(b, ns)
		maximum := 0.0

		load(b, ns, func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
				maximum = max(maximum, p.resident())
			}
		})
		b.ReportMetric(maximum, "rss-MB-max")

		for minute := range calmFor / time.Minute {
			time.Sleep(time.Minute)
			b.Logf("after %d min of calm: %.1f MB", minute+1, p.resident())
		}

		last := p.resident()
		fresh := startProgramAt(b, ns, "127.0.0.1:10048")
		b.ReportMetric(last, "rss-MB-last")
		b.ReportMetric(last/fresh.resident(), "rss-last/new")
		b.ReportMetric(0, "ns/op")
	}
}
