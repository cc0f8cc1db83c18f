package collector_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
)

// BenchmarkScrape compares the gatherer (path=reused) with constant metrics
// (path=const): the gathering alone, and whole answers in each format, not
// compressed. All sets and 100 groups are shown, and each scrape meets another
// snapshot.
//
//	benchstat -col /path -row /connections,/answer
func BenchmarkScrape(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		snapshots := []*health.Snapshot{grouped(crowd(b, n)), grouped(crowd(b, n))}
		scrapes := 0
		cfg := collector.Config{Latest: func() *health.Snapshot {
			scrapes++

			return snapshots[scrapes%2]
		}}

		paths := map[string]func() prometheus.TransactionalGatherer{
			"const": func() prometheus.TransactionalGatherer {
				registry := prometheus.NewRegistry()
				registry.MustRegister(collector.NewReference(cfg))

				return prometheus.ToTransactionalGatherer(registry)
			},
			"reused": func() prometheus.TransactionalGatherer { return collector.NewGatherer(cfg) },
		}

		for _, path := range []string{"const", "reused"} {
			name := fmt.Sprintf("connections=%d/path=%s/answer=", n, path)
			b.Run(name+"none", func(b *testing.B) { benchmarkGather(b, paths[path]()) })

			for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoDelim} {
				b.Run(name+formatName(format), func(b *testing.B) { benchmarkAnswer(b, paths[path](), format) })
			}
		}
	}
}

// grouped adds 100 groups to a snapshot.
func grouped(s *health.Snapshot) *health.Snapshot {
	s.GroupLabels = group.DefaultGrouping().Labels()
	for n := range 100 {
		s.Groups = append(s.Groups, numbered(n, "server", strconv.Itoa(n), "", "", "", "", ""))
	}

	return s
}

func formatName(format expfmt.FormatType) string {
	return map[expfmt.FormatType]string{
		expfmt.TypeTextPlain: "text", expfmt.TypeOpenMetrics: "openmetrics", expfmt.TypeProtoDelim: "protobuf",
	}[format]
}

func benchmarkGather(b *testing.B, g prometheus.TransactionalGatherer) {
	series := 0
	scrape := func() {
		families, done, err := g.Gather()
		defer done()

		if err != nil {
			b.Fatal(err)
		}

		series = 0
		for _, f := range families {
			series += len(f.GetMetric())
		}
	}

	scrape()
	b.ReportAllocs()

	for b.Loop() {
		scrape()
	}

	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*series), "ns/series")
}

func benchmarkAnswer(b *testing.B, g prometheus.TransactionalGatherer, format expfmt.FormatType) {
	h := promhttp.HandlerForTransactional(g, promhttp.HandlerOpts{EnableOpenMetrics: true})
	request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept", string(expfmt.NewFormat(format)))

	answer := &counting{header: make(http.Header)}
	h.ServeHTTP(answer, request)
	b.ReportAllocs()

	for b.Loop() {
		answer.bytes = 0
		clear(answer.header)
		h.ServeHTTP(answer, request)
	}

	b.ReportMetric(float64(answer.bytes), "bytes")
}

// counting is a client that takes everything at once.
type counting struct {
	header http.Header
	bytes  int
}

func (c *counting) Header() http.Header { return c.header }

func (c *counting) WriteHeader(int) {}

func (c *counting) Write(b []byte) (int, error) {
	c.bytes += len(b)

	return len(b), nil
}
