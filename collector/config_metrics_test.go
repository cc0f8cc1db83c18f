package collector_test

import (
	"testing"
	"time"

	"tcphealth_exporter/collector"
)

// TestConfigMetrics: a refusal changes one figure, a success both.
func TestConfigMetrics(t *testing.T) {
	m := collector.NewConfigMetrics()
	own := registered(t, m)

	check := func(when string, successful float64, at time.Time) {
		t.Helper()

		all := decode(t, expose(t, own, textFormat()), textFormat())
		if got := all["tcphealth_config_last_reload_successful"].values[0]; got != successful {
			t.Errorf("%s: successful %v, want %v", when, got, successful)
		}

		want := float64(at.UnixMilli()) / 1000
		if got := all["tcphealth_config_last_reload_success_timestamp_seconds"].values[0]; got != want {
			t.Errorf("%s: at %f, want %f", when, got, want)
		}
	}

	m.Loaded(sampledAt)
	check("loaded", 1, sampledAt)
	m.Failed()
	check("refused", 0, sampledAt)
	m.Loaded(sampledAt.Add(time.Minute))
	check("loaded again", 1, sampledAt.Add(time.Minute))
}
