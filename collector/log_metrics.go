package collector

import "github.com/prometheus/client_golang/prometheus"

// logMetricTable is the part of the catalogue that [NewLogMetrics] serves.
var logMetricTable = []Metric{{
	Name: namespace + "exporter_log_lines_dropped_total", Type: "counter",
	Help: "Log lines that were dropped, because nothing read them in time or writing them failed.",
}}

// NewLogMetrics returns the metric about the log. dropped returns the number of dropped
// lines and is safe for concurrent use.
func NewLogMetrics(dropped func() uint64) prometheus.Collector {
	return counterFunc(&logMetricTable[0], dropped)
}
