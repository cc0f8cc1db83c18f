package collector

import "github.com/prometheus/client_golang/prometheus"

// recordingMetricTable is the part of the catalogue that [NewRecordingMetrics] serves.
var recordingMetricTable = []Metric{
	{
		Name: namespace + "recording_active", Type: "gauge",
		Help: "Whether samples are recorded (1) or the recording has failed (0), absent without a recording.",
	},
	{
		Name: namespace + "recording_bytes_total", Type: "counter",
		Help: "Bytes written to the recording.",
	},
	{
		Name: namespace + "recording_errors_total", Type: "counter",
		Help: "Failures to write the recording. The first one ends it, but not the sampling.",
	},
}

// NewRecordingMetrics returns the metrics about a recording. written and failed return
// the bytes written and the number of failures; both are safe for concurrent use.
func NewRecordingMetrics(written, failed func() uint64) prometheus.Collector {
	table := recordingMetricTable
	active := func() float64 {
		if failed() > 0 {
			return 0
		}

		return 1
	}

	return bundle{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: table[0].Name, Help: table[0].Help}, active),
		counterFunc(&table[1], written),
		counterFunc(&table[2], failed),
	}
}
