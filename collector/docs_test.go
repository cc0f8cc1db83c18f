package collector_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
)

const metricsDoc = "../docs/metrics.md"

// TestGoldenMetricsDoc compares the table of metrics with the catalogue.
func TestGoldenMetricsDoc(t *testing.T) {
	want := renderMetrics(collector.Catalogue())

	if *update {
		if err := os.WriteFile(metricsDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	got, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}

	if string(got) != want {
		t.Errorf("%s is stale: make generate", metricsDoc)
	}
}

// renderMetrics renders a section for each set and one for what is always exposed.
func renderMetrics(all []collector.Metric) string {
	var b strings.Builder

	b.WriteString("# Metrics\n\nGenerated from the catalogue by `make generate`. A series is absent where the kernel told nothing.\n" +
		"Histograms have native buckets, too, where a scraper asks for protobuf. In OpenMetrics and protobuf an exemplar of\n" +
		"`tcphealth_flag_events_total` names the last connection (label `flow`).\n")

	for _, set := range collector.Sets() {
		rows := only(all, func(m *collector.Metric) bool { return m.Set == set })
		common := all[0].Labels // the first family has none of its own
		fmt.Fprintf(&b, "\n## Per connection, set %s\n\nLabels: %s, and those named below.\n\n", set, code(common...))
		renderTable(&b, rows, len(common))
	}

	groups := only(all, isGroup)
	common := health.DefaultGrouping().Labels()
	fmt.Fprintf(&b, "\n## Per group\n\nLabels: %s, and those named below; [configuration.md](configuration.md#groups) tells "+
		"what groups are.\n\n", code(common...))
	renderTable(&b, groups, len(common))

	b.WriteString("\n## Host and exporter\n\nAlways exposed. Counters of bytes, segments and busy time are sums over all connections, " +
		"as far as the kernel has them.\n\n")
	renderTable(&b, only(all, func(m *collector.Metric) bool { return m.Set == "" && !isGroup(m) }), 0)

	return b.String()
}

func isGroup(m *collector.Metric) bool { return strings.HasPrefix(m.Name, "tcphealth_group_") }

func only(all []collector.Metric, wanted func(*collector.Metric) bool) (some []collector.Metric) {
	for i := range all {
		if wanted(&all[i]) {
			some = append(some, all[i])
		}
	}

	return some
}

// renderTable renders rows with so many labels in common.
func renderTable(b *strings.Builder, rows []collector.Metric, common int) {
	b.WriteString("| metric | type | labels | meaning | kernel source |\n|---|---|---|---|---|\n")

	for _, m := range rows {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Type, code(m.Labels[common:]...), m.Help, code(m.Source))
	}
}

func code(words ...string) string {
	text := strings.Join(words, "`, `")
	if text == "" {
		return ""
	}

	return "`" + text + "`"
}
