package collector

import "github.com/prometheus/client_golang/prometheus"

// NetnsStats describes the sampling of the network namespaces beside the exporter's own.
type NetnsStats struct {
	// Namespaces counts the namespaces by state: watched, idle, skipped, denied, excluded.
	Namespaces map[string]int
	// Opens counts the attempts to open a namespace by result, Errors the sockets that
	// failed by reason, Samples the samples of a namespace by method: walk, get_one,
	// skipped.
	Opens, Errors, Samples map[string]uint64
	// Postponed counts the samples that were left to the next tick.
	Postponed uint64
	// HasBroker reports whether there is a broker, BrokerUp whether the last attempt to open a
	// namespace reached it.
	HasBroker, BrokerUp bool
	// DiscoverySeconds is the duration of the last scan for namespaces, OldestSeconds the
	// age of the oldest last sample of a namespace.
	DiscoverySeconds, OldestSeconds float64
}

// netnsMetricTable is the part of the catalogue that [NewNetnsMetrics] serves.
var netnsMetricTable = []Metric{
	{
		Name: namespace + "netns_namespaces", Type: "gauge", Labels: []string{"state"},
		Help: "Network namespaces beside the exporter's own, by state: watched and idle ones are sampled; skipped ones exceed --netns.max.",
	},
	{
		Name: namespace + "netns_opens_total", Type: "counter", Labels: []string{"result"},
		Help: "Attempts to open a network namespace, by result. Races with processes that end or move are normal.",
	},
	{
		Name: namespace + "netns_errors_total", Type: "counter", Labels: []string{"reason"},
		Help: "Sockets of network namespaces that failed and were replaced, by reason.",
	},
	{
		Name: namespace + "netns_walks_total", Type: "counter", Labels: []string{"method"},
		Help: "Samples of network namespaces, by method: a walk through all sockets, get_one for each known connection, skipped without connections.",
	},
	{
		Name: namespace + "netns_postponed_total", Type: "counter",
		Help: "Samples of network namespaces that were left to the next tick, because of --sampler.max-cpu.",
	},
	{
		Name: namespace + "netns_broker_up", Type: "gauge",
		Help: "Whether the last attempt to open a network namespace reached the broker.",
	},
	{
		Name: namespace + "netns_discovery_duration_seconds", Type: "gauge",
		Help: "Duration of the last scan for network namespaces.",
	},
	{
		Name: namespace + "netns_oldest_sample_seconds", Type: "gauge",
		Help: "Age of the oldest last sample of a network namespace.",
	},
}

// netnsMetrics are the metrics about network namespaces.
type netnsMetrics struct {
	stats func() NetnsStats
	descs []*prometheus.Desc
}

// NewNetnsMetrics returns the metrics about the sampling of other network namespaces. stats
// is safe for concurrent use.
func NewNetnsMetrics(stats func() NetnsStats) prometheus.Collector {
	m := &netnsMetrics{stats: stats}
	for i := range netnsMetricTable {
		f := &netnsMetricTable[i]
		m.descs = append(m.descs, prometheus.NewDesc(f.Name, f.Help, f.Labels, nil))
	}

	return m
}

// Describe implements prometheus.Collector.
func (m *netnsMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range m.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *netnsMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.stats()

	for state, n := range s.Namespaces {
		ch <- prometheus.MustNewConstMetric(m.descs[0], prometheus.GaugeValue, float64(n), state)
	}

	for i, counts := range []map[string]uint64{s.Opens, s.Errors, s.Samples} {
		for label, n := range counts {
			ch <- prometheus.MustNewConstMetric(m.descs[1+i], prometheus.CounterValue, float64(n), label)
		}
	}

	ch <- prometheus.MustNewConstMetric(m.descs[4], prometheus.CounterValue, float64(s.Postponed))

	if s.HasBroker {
		ch <- prometheus.MustNewConstMetric(m.descs[5], prometheus.GaugeValue, boolean(s.BrokerUp))
	}

	for i, value := range []float64{s.DiscoverySeconds, s.OldestSeconds} {
		ch <- prometheus.MustNewConstMetric(m.descs[6+i], prometheus.GaugeValue, value)
	}
}
