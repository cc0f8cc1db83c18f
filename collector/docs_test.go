package collector_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health/group"
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

// metricsIntro precedes the tables, with straight quotes for code.
const metricsIntro = `# Metrics

Generated from the catalogue by 'make generate'. A series is absent where the kernel does not provide its value; "since" is
the first Linux release that does, if it is not in all of them. Histograms also have native buckets for scrapers that ask for
protobuf. In OpenMetrics and protobuf, an exemplar of 'tcphealth_flag_events_total' names the most recent connection (label
'connection').

**A clock of its own.** Most exporters read their values during the scrape. This one samples every second, independent of
scrapes: a verdict needs a window of samples that are much closer together than scrapes, a dying connection must be named
within two seconds, and two Prometheus servers must see the same. A scrape returns the result of the last sample, whose time
is 'tcphealth_sampler_last_sample_timestamp_seconds', and costs the kernel nothing. What happens between two scrapes is not
lost: transitions of status, activations of flags and window events are counters, which start at zero, and the maximum accept
queue covers the last one to two minutes, for every scraper.

**Budgets.** At most '--collector.connections' connections have series of their own, unhealthy ones first, healthy ones only
from a minimum age on. As many new ones as that may appear at once, and after that a fifth of it, but at least ten, per
minute: a database keeps a series long after its connection has ended. Connections of groups beyond '--collector.groups'
share the group 'other'. At most '--collector.listeners' listeners have series, those with a queue that fills first.
'--dry-run' prints the number of series on a host.

**Coverage.** Connections that open and close between two samples are not tracked. 'tcphealth_kernel_*' are counters of
the kernel itself for the network namespace, to compare with; with '--sampler.filter', the other counters cover only what
the filter selects.

**From a connection to its group.** 'tcphealth_connection_info' has the labels of the group, joined by slashes, in 'group':

    label_join(tcphealth_group_connections{status="STALE"}, "group", "/", "role", "local_port", "remote_address", "remote_port",
      "namespace", "workload", "unit") and on (instance, group) tcphealth_connection_info{network="private"}
`

// renderMetrics renders a section for each set and one for what is always exposed.
func renderMetrics(all []collector.Metric) string {
	var b strings.Builder

	b.WriteString(strings.ReplaceAll(metricsIntro, "'", "`"))

	for _, set := range collector.Sets() {
		rows := only(all, func(m *collector.Metric) bool { return m.Set == set })
		common := all[0].Labels // the first family has none of its own
		fmt.Fprintf(&b, "\n## Per connection, set %s\n\nLabels: %s, and those named below.\n\n", set, code(common...))
		renderTable(&b, rows, len(common))
	}

	groups := only(all, isGroup)
	common := group.DefaultGrouping().Labels()
	fmt.Fprintf(&b, "\n## Per group\n\nLabels: %s, and those named below; [configuration.md](configuration.md#groups) explains "+
		"groups.\n\n", code(common...))
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
	b.WriteString("| metric | type | unit | labels | meaning | kernel source | since | example |\n|---|---|---|---|---|---|---|---|\n")

	for _, m := range rows {
		example := strings.ReplaceAll(code(queryOf(&m)), "|", "\\|")
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s | %s | %s |\n", m.Name, m.Type, unitOf(m.Name), code(m.Labels[common:]...),
			m.Help, code(m.Source), m.Since, example)
	}
}

func code(words ...string) string {
	text := strings.Join(words, "`, `")
	if text == "" {
		return ""
	}

	return "`" + text + "`"
}
