package collector

import "github.com/prometheus/client_golang/prometheus"

// webMetricTable is the part of the catalogue that [WebMetrics] serves.
var webMetricTable = []Metric{
	{
		Name: namespace + "web_answer_bytes", Type: "gauge",
		Help: "Memory of the answers to scrapes that are being rendered or sent.",
	},
	{
		Name: namespace + "web_answers_aborted_total", Type: "counter", Labels: []string{"reason"},
		Help: "Answers to scrapes that were not sent completely, by reason: client (closed the connection), memory (needed for other answers), slow (took a minute), stalled (no progress for 10 s).",
	},
}

// WebMetrics reports how the answers to scrapes are sent. It implements
// prometheus.Collector and is safe for concurrent use.
type WebMetrics struct {
	bundle

	memory  prometheus.Gauge
	aborted *prometheus.CounterVec
}

// NewWebMetrics returns metrics at zero, each reason to abort an answer present.
func NewWebMetrics(reasons []string) *WebMetrics {
	memory, aborted := &webMetricTable[0], &webMetricTable[1]
	m := &WebMetrics{
		memory:  prometheus.NewGauge(prometheus.GaugeOpts{Name: memory.Name, Help: memory.Help}),
		aborted: prometheus.NewCounterVec(prometheus.CounterOpts{Name: aborted.Name, Help: aborted.Help}, aborted.Labels),
	}

	m.bundle = bundle{m.memory, m.aborted}

	for _, reason := range reasons {
		m.aborted.WithLabelValues(reason)
	}

	return m
}

// Memory records the size of the answers in memory, in bytes.
func (m *WebMetrics) Memory(bytes int) { m.memory.Set(float64(bytes)) }

// Aborted records an answer that was not sent completely.
func (m *WebMetrics) Aborted(reason string) { m.aborted.WithLabelValues(reason).Inc() }
