package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// configMetricTable is the part of the catalogue that [ConfigMetrics] serves.
var configMetricTable = []Metric{
	{
		Name: namespace + "config_last_reload_successful", Type: "gauge",
		Help: "Whether the last load of the configuration file succeeded (1) or not (0), absent without a file.",
	},
	{
		Name: namespace + "config_last_reload_success_timestamp_seconds", Type: "gauge",
		Help: "Unix time of the last successful load of the configuration file, absent without a file.",
	},
}

// ConfigMetrics reports the loads of the configuration file. It
// implements prometheus.Collector and is safe for concurrent use.
type ConfigMetrics struct {
	bundle

	successful, at prometheus.Gauge
}

// NewConfigMetrics returns metrics of a file that has yet to be loaded.
func NewConfigMetrics() *ConfigMetrics {
	gauge := func(m *Metric) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: m.Name, Help: m.Help})
	}

	m := &ConfigMetrics{successful: gauge(&configMetricTable[0]), at: gauge(&configMetricTable[1])}
	m.bundle = bundle{m.successful, m.at}

	return m
}

// Loaded records a successful load.
func (m *ConfigMetrics) Loaded(at time.Time) {
	m.at.Set(float64(at.UnixMilli()) / 1000)
	m.successful.Set(1)
}

// Failed records a failed load; the previous configuration stays active.
func (m *ConfigMetrics) Failed() { m.successful.Set(0) }
