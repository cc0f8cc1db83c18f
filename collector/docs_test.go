package collector_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tcphealth_exporter/collector"
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

	b.WriteString("# Metrics\n\nGenerated from the catalogue by `make generate`. A series is absent where the kernel told nothing.\n")

	for _, set := range collector.Sets() {
		fmt.Fprintf(&b, "\n## Per connection, set %s\n\nLabels: `%s`, and those named below.\n\n",
			set, strings.Join(connectionLabels(all), "`, `"))
		renderTable(&b, all, set)
	}

	b.WriteString("\n## Host and exporter\n\nAlways exposed.\n\n")
	renderTable(&b, all, "")

	return b.String()
}

func renderTable(b *strings.Builder, all []collector.Metric, set collector.Set) {
	b.WriteString("| metric | type | labels | meaning | kernel source |\n|---|---|---|---|---|\n")

	for _, m := range all {
		if m.Set != set {
			continue
		}

		own := m.Labels
		if set != "" {
			own = own[len(connectionLabels(all)):]
		}

		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Type, code(own...), m.Help, code(m.Source))
	}
}

// connectionLabels are the labels of the first family, which has none of its own.
func connectionLabels(all []collector.Metric) []string { return all[0].Labels }

func code(words ...string) string {
	text := strings.Join(words, "`, `")
	if text == "" {
		return ""
	}

	return "`" + text + "`"
}
