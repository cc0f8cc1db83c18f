package app

import (
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/promlab"
)

// TestNativeHistograms: a Prometheus that scrapes native histograms has no series
// _bucket, and yet data for all dashboard queries and recording rules on histograms.
func TestNativeHistograms(t *testing.T) {
	netlab.RequireRoot(t)

	w := newWard(t)
	w.ns.Start(t, binary(t), "--web.listen-address="+exporterAddress)
	p := promlab.Start(t, w.ns, promlab.Config{
		Jobs:             []promlab.Job{{Name: "tcphealth", Target: exporterAddress, Interval: scrapedEach}},
		NativeHistograms: true,
		RuleFiles:        []string{absolute(t, "../deploy/prometheus/recording_rules.yml")},
		Evaluation:       scrapedEach,
	})

	queries := map[string]string{
		"median recorded":          "job:tcphealth_group_rtt_seconds:p50_15m > 0",
		"99th percentile recorded": "job:tcphealth_group_rtt_seconds:p99_15m > 0",
	}

	for where, query := range queriesOfDashboards(t) {
		if strings.Contains(query, "_bucket") {
			queries[where] = query
		}
	}

	if len(queries) < 10 {
		t.Fatalf("only %d queries on histograms found", len(queries))
	}

	for end := time.Now().Add(time.Minute); len(queries) > 0 && time.Now().Before(end); time.Sleep(time.Second) {
		for where, query := range queries {
			if hasNumber(p, query) {
				delete(queries, where)
			}
		}
	}

	for where, query := range queries {
		t.Errorf("%s: no data for %s", where, query)
	}

	if classic := p.Query(`{__name__=~"tcphealth_.*_bucket"}`); len(classic) > 0 {
		t.Errorf("there are classic histograms, too: %v", classic[0])
	}
}
