package api

import (
	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/health/judge"
)

// trendFigure is a figure of a trend under the name of its metric.
type trendFigure[T any] struct {
	name  string
	value func(*T) float64
}

var queueFigureTable = []trendFigure[judge.QueueTrend]{
	{"_velocity_bytes_per_second", func(t *judge.QueueTrend) float64 { return t.Velocity }},
	{"_acceleration_bytes_per_second_squared", func(t *judge.QueueTrend) float64 { return t.Acceleration }},
	{"_stddev_bytes", func(t *judge.QueueTrend) float64 { return t.Stddev }},
	{"_short_average_bytes", func(t *judge.QueueTrend) float64 { return t.ShortAverage }},
	{"_long_average_bytes", func(t *judge.QueueTrend) float64 { return t.LongAverage }},
	{"_direction", direction},
	{"_persistence_seconds", func(t *judge.QueueTrend) float64 { return t.Persistence }},
}

var trendFigureTable = []trendFigure[judge.Trend]{
	{"rtt_drift_ratio", func(t *judge.Trend) float64 { return t.RTTDrift }},
	{"jitter_ratio", func(t *judge.Trend) float64 { return t.Jitter }},
	{"rto_inflation_ratio", func(t *judge.Trend) float64 { return t.RTOInflation }},
	{"loss_ratio", func(t *judge.Trend) float64 { return t.Loss }},
	{"receiver_limited_ratio", func(t *judge.Trend) float64 { return t.ReceiverLimited }},
	{"sndbuf_limited_ratio", func(t *judge.Trend) float64 { return t.SndbufLimited }},
	{"window_samples", func(t *judge.Trend) float64 { return float64(t.Samples) }},
	{"window_seconds", func(t *judge.Trend) float64 { return t.Span }},
}

func direction(t *judge.QueueTrend) float64 {
	switch {
	case t.Growing:
		return 1
	case t.Shrinking:
		return -1
	default:
		return 0
	}
}

// newTrend renders a trend; an unknown ratio is omitted.
func newTrend(t *judge.Trend) v1.Figures {
	all := make(v1.Figures, 0, 1024)

	for _, queue := range []struct {
		name  string
		trend *judge.QueueTrend
	}{{"send_queue", &t.Send}, {"receive_queue", &t.Recv}} {
		for _, figure := range queueFigureTable {
			all.AddNumber(queue.name+figure.name, figure.value(queue.trend))
		}
	}

	for _, figure := range trendFigureTable {
		all.AddNumber(figure.name, figure.value(t))
	}

	return all
}
