package bench

import (
	"testing"
	"time"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/internal/holder"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// BenchmarkFilter compares a dump that the kernel filters down to 1 % with the
// dump of everything, turn and turn about, both decoded.
func BenchmarkFilter(b *testing.B) {
	netlab.RequireRoot(b)

	const sockets, share = 20_000, 100

	ns := netlab.New(b)
	holder.Start(b, ns, sockets/4, "127.0.1.1", nil)
	holder.Start(b, ns, sockets/4-sockets/share/2, "127.0.2.1", nil)
	holder.Start(b, ns, sockets/share/2, "127.0.200.1", nil)

	all, one := dial(b, ns), dial(b, ns)

	filter, err := bytecode.Parse("src 127.0.200.1 or dst 127.0.200.1", bytecode.Env{})
	if err != nil {
		b.Fatal(err)
	}

	features, err := bytecode.Probe(one.Offer)
	if err != nil {
		b.Fatal(err)
	}

	plan, err := filter.Compile(features)
	if err != nil || plan.Rest != nil {
		b.Fatalf("the kernel does not do it alone: %v", err)
	}

	one.SetFilter(sampler.Filter{Program: plan.Program})

	var full, filtered meter

	for b.Loop() {
		full.measure(func() { expect(b, all, sockets) })
		filtered.measure(func() { expect(b, one, sockets/share) })
	}

	b.ReportMetric(full.median()/1e6, "full-ms")
	b.ReportMetric(filtered.median()/1e6, "filtered-ms")
	b.ReportMetric(filtered.median()/full.median(), "filtered/full")
	b.ReportMetric(0, "ns/op")
}

// expect dumps and counts the connections.
func expect(b *testing.B, conn *sampler.Conn, connections int) {
	b.Helper()

	got := 0

	_, err := conn.Dump(func(_ time.Time, rows []sampler.Socket) {
		for i := range rows {
			if rows[i].State == sampler.StateEstablished {
				got++
			}
		}
	})
	if err != nil || got != connections {
		b.Fatalf("found %d connections of %d: %v", got, connections, err)
	}
}
