package collector

import "github.com/prometheus/client_golang/prometheus"

// bundle is several collectors in one. It implements prometheus.Collector.
type bundle []prometheus.Collector

// Describe implements prometheus.Collector.
func (b bundle) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range b {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (b bundle) Collect(ch chan<- prometheus.Metric) {
	for _, c := range b {
		c.Collect(ch)
	}
}

// counterFunc returns a counter whose value a function returns.
func counterFunc(m *Metric, value func() uint64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, func() float64 { return float64(value()) })
}
