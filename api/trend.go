package api

import (
	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/health/judge"
)

func newTrend(t *judge.Trend) v1.Trend {
	return v1.Trend{
		SendQueue:       newQueueTrend(&t.Send),
		ReceiveQueue:    newQueueTrend(&t.Recv),
		RTTDrift:        t.RTTDrift,
		Jitter:          t.Jitter,
		RTOInflation:    t.RTOInflation,
		Loss:            t.Loss,
		ReceiverLimited: t.ReceiverLimited,
		SndbufLimited:   t.SndbufLimited,
		WindowSamples:   float64(t.Samples),
		WindowSeconds:   t.Span,
	}
}

func newQueueTrend(t *judge.QueueTrend) v1.QueueTrend {
	q := v1.QueueTrend{
		Velocity:     t.Velocity,
		Acceleration: t.Acceleration,
		Stddev:       t.Stddev,
		ShortAverage: t.ShortAverage,
		LongAverage:  t.LongAverage,
		Persistence:  t.Persistence,
	}

	switch {
	case t.Growing:
		q.Direction = 1
	case t.Shrinking:
		q.Direction = -1
	}

	return q
}
