package proctcp

import (
	"strconv"
	"testing"
	"time"

	"tcphealth_exporter/internal/holder"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// BenchmarkParse is the cost of a row without that of the kernel.
func BenchmarkParse(b *testing.B) {
	row := []byte(busyRow)

	var s sampler.Socket

	for b.Loop() {
		_, _ = parse(&s, row)
	}
}

// BenchmarkDump compares the time of a dump of the files with that of INET_DIAG, in turns.
func BenchmarkDump(b *testing.B) {
	netlab.RequireRoot(b)

	for _, sockets := range []int{100, 1000, 10_000} {
		b.Run(strconv.Itoa(sockets), func(b *testing.B) {
			n := netlab.New(b)
			holder.Start(b, n, sockets/2, "127.0.9.1", nil)

			dir, _ := netOf(b, n)
			benchmarkPair(b, open(b, dir, Config{}), dial(b, n))
		})
	}
}

func benchmarkPair(b *testing.B, files, diag sampler.Source) {
	b.Helper()

	var took [2]time.Duration
	least := [2]time.Duration{time.Hour, time.Hour}
	found := 0

	b.ReportAllocs()

	for b.Loop() {
		for i, source := range []sampler.Source{files, diag} {
			d, err := source.Dump(func(time.Time, []sampler.Socket) {})
			must(b, err)

			took[i] += d.End.Sub(d.Start)
			least[i] = min(least[i], d.End.Sub(d.Start))
			found = d.Sockets
		}
	}

	for i, name := range []string{"files", "diag"} {
		b.ReportMetric(float64(least[i].Nanoseconds())/float64(found), name+"-ns/socket")
	}

	b.ReportMetric(float64(least[0])/float64(least[1]), "ratio-of-minima")
	b.ReportMetric(float64(took[0])/float64(took[1]), "ratio-of-means")
}
