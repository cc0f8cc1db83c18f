package collector_test

import (
	"strings"
	"testing"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/sampler"
)

// TestNamesReportUnits holds the name of each metric that shows a field of tcp_info
// against the field's unit.
func TestNamesReportUnits(t *testing.T) {
	words := map[sampler.Unit]string{
		sampler.Segments: "_segments", sampler.Bytes: "_bytes", sampler.BytesPerSecond: "_bytes_per_second",
		sampler.Microseconds: "_seconds", sampler.Milliseconds: "_seconds",
	}
	metrics := make(map[string]string)

	for _, m := range collector.Catalogue() {
		metrics[m.Source] = strings.TrimSuffix(m.Name, "_total")
	}

	for f := range sampler.NumFields {
		name, ok := metrics["tcpi_"+f.String()]
		if !ok {
			if f != sampler.FieldOptions { // shown as words
				t.Errorf("no metric shows %v", f)
			}

			continue
		}

		want := words[f.Unit()]
		if !strings.HasSuffix(name, want) {
			t.Errorf("%s shows %v, whose unit makes it end in %q", name, f, want)
		}

		for _, word := range words {
			if want == "" && strings.HasSuffix(name, word) {
				t.Errorf("%s shows %v, which has no unit", name, f)
			}
		}
	}
}
