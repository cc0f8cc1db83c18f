package collector_test

import (
	"testing"

	"tcphealth_exporter/collector"
)

// TestNamespacesWithOneName: a name that is used again does not make a scrape fail.
func TestNamespacesWithOneName(t *testing.T) {
	m := collector.NewNamespaceMetrics()
	if families := gather(t, registered(t, m)); len(families) != 0 {
		t.Errorf("%d families before the first reading", len(families))
	}

	m.Set([]collector.NamespaceStats{{Name: "1", Sockets: 1}, {Name: "2"}, {Name: "1", Sockets: 3}}, 0)

	for _, f := range gather(t, registered(t, m)) {
		if n := len(f.Metric); f.GetName() == "tcphealth_netns_sockets" && (n != 2 || f.Metric[0].GetGauge().GetValue() != 1) {
			t.Errorf("%d series: %v", n, f)
		}
	}
}
