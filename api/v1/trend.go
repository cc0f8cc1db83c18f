package v1

import (
	"encoding/json"
	"math"
	"slices"
)

// Trend is how a connection developed in the window. Its values are those of the
// metrics tcphealth_connection_... of the same names. A value that is not known is NaN
// here and absent in JSON.
type Trend struct {
	// SendQueue and ReceiveQueue are the trends of the socket's queues.
	SendQueue, ReceiveQueue QueueTrend
	// RTTDrift is the smoothed RTT divided by the connection's baseline, Jitter the RTT
	// variation divided by the smoothed RTT, RTOInflation the retransmission timeout
	// divided by the expected one.
	RTTDrift, Jitter, RTOInflation float64
	// Loss is the retransmitted share of the data sent.
	Loss float64
	// ReceiverLimited and SndbufLimited are the shares of the busy time in which the
	// receive window and the send buffer limited sending.
	ReceiverLimited, SndbufLimited float64
	// WindowSamples is the number of samples in the window, WindowSeconds the time
	// between the first and the last one.
	WindowSamples, WindowSeconds float64
}

// QueueTrend is how a queue developed in the window.
type QueueTrend struct {
	// Velocity is in bytes per second, Acceleration in bytes per second squared.
	Velocity, Acceleration float64
	// Stddev is the standard deviation in bytes.
	Stddev float64
	// ShortAverage and LongAverage are in bytes, over the newest samples and over all.
	ShortAverage, LongAverage float64
	// Direction is 1 if the queue is growing, -1 if it is shrinking, else 0.
	Direction float64
	// Persistence is the time in seconds since the queue was last empty, within the window.
	Persistence float64
}

// trendValue is one value of a trend under its name in JSON.
type trendValue struct {
	name string
	of   func(*Trend) *float64
}

var trendValueTable = slices.Concat(
	queueValues("send_queue", func(t *Trend) *QueueTrend { return &t.SendQueue }),
	queueValues("receive_queue", func(t *Trend) *QueueTrend { return &t.ReceiveQueue }),
	[]trendValue{
		{"rtt_drift_ratio", func(t *Trend) *float64 { return &t.RTTDrift }},
		{"jitter_ratio", func(t *Trend) *float64 { return &t.Jitter }},
		{"rto_inflation_ratio", func(t *Trend) *float64 { return &t.RTOInflation }},
		{"loss_ratio", func(t *Trend) *float64 { return &t.Loss }},
		{"receiver_limited_ratio", func(t *Trend) *float64 { return &t.ReceiverLimited }},
		{"sndbuf_limited_ratio", func(t *Trend) *float64 { return &t.SndbufLimited }},
		{"window_samples", func(t *Trend) *float64 { return &t.WindowSamples }},
		{"window_seconds", func(t *Trend) *float64 { return &t.WindowSeconds }},
	},
)

func queueValues(queue string, of func(*Trend) *QueueTrend) []trendValue {
	return []trendValue{
		{queue + "_velocity_bytes_per_second", func(t *Trend) *float64 { return &of(t).Velocity }},
		{queue + "_acceleration_bytes_per_second_squared", func(t *Trend) *float64 { return &of(t).Acceleration }},
		{queue + "_stddev_bytes", func(t *Trend) *float64 { return &of(t).Stddev }},
		{queue + "_short_average_bytes", func(t *Trend) *float64 { return &of(t).ShortAverage }},
		{queue + "_long_average_bytes", func(t *Trend) *float64 { return &of(t).LongAverage }},
		{queue + "_direction", func(t *Trend) *float64 { return &of(t).Direction }},
		{queue + "_persistence_seconds", func(t *Trend) *float64 { return &of(t).Persistence }},
	}
}

// MarshalJSON implements [json.Marshaler].
func (t Trend) MarshalJSON() ([]byte, error) {
	const size = 1024

	f := NewFields(size)
	for _, v := range trendValueTable {
		f.AddNumber(v.name, *v.of(&t))
	}

	return f.MarshalJSON()
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Trend) UnmarshalJSON(text []byte) error {
	for _, v := range trendValueTable {
		*v.of(t) = math.NaN()
	}

	return eachMember(text, func(name string, value json.RawMessage) error {
		i := slices.IndexFunc(trendValueTable, func(v trendValue) bool { return v.name == name })
		if i < 0 {
			return nil
		}

		return json.Unmarshal(value, trendValueTable[i].of(t))
	})
}
