package judge

import (
	"math"
	"testing"

	"tcphealth_exporter/health/window"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// queued returns samples a second apart with these send queues.
func queued(queues ...uint32) []window.Sample {
	all := make([]window.Sample, len(queues))
	for i, q := range queues {
		all[i] = window.Sample{At: 1_000_000 + int64(i)*1000, SendQueue: q}
	}

	return all
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 || math.IsNaN(a) && math.IsNaN(b) }

// TestQueueTrend compares with figures computed by hand.
func TestQueueTrend(t *testing.T) {
	for _, tc := range []struct {
		name    string
		samples []window.Sample
		mss     uint32
		want    QueueTrend
	}{
		{"one sample", queued(500), 100, QueueTrend{ShortAverage: 500, LongAverage: 500}},
		{
			"two samples", queued(0, 1000), 100,
			// Short: the second one alone, above the mean of 500.
			QueueTrend{Velocity: 1000, Stddev: 500, ShortAverage: 1000, LongAverage: 500, Growing: true, Persistence: 1},
		},
		{
			"faster and faster", queued(0, 1000, 4000), 100,
			// Halves: 1000 and 3000 bytes/s, their middles one second apart. Mean 5000/3,
			// mean square 17e6/3.
			QueueTrend{
				Velocity: 2000, Acceleration: 2000, Stddev: math.Sqrt(17e6/3 - 25e6/9),
				ShortAverage: 4000, LongAverage: 5000. / 3, Growing: true, Persistence: 2,
			},
		},
		{
			"slower and slower, eleven samples", queued(0, 1000, 2000, 3000, 4000, 5000, 5000, 5000, 5000, 5000, 5000), 100,
			// Halves of five seconds each: 1000 and 0 bytes/s. Short: the last three.
			QueueTrend{
				Velocity: 500, Acceleration: -1000. / 5, Stddev: math.Sqrt(180e6/11 - 1600e6/121),
				ShortAverage: 5000, LongAverage: 40e3 / 11., Growing: true, Persistence: 10,
			},
		},
		{
			"draining", queued(9000, 6000, 3000, 0), 100,
			QueueTrend{
				Velocity: -3000, Acceleration: 0, Stddev: math.Sqrt(126e6/4 - 4500*4500),
				ShortAverage: 0, LongAverage: 4500, Shrinking: true, Persistence: 0,
			},
		},
		{
			"steady", queued(7000, 7000, 7000, 7000), 100,
			QueueTrend{ShortAverage: 7000, LongAverage: 7000, Persistence: 3},
		},
		{
			"less than a segment is nothing", queued(0, 0, 0, 1000), 1448,
			QueueTrend{
				Velocity: 1000. / 3, Acceleration: (500 - 0) / 1.5, Stddev: math.Sqrt(1e6/4 - 250*250),
				ShortAverage: 1000, LongAverage: 250, Persistence: 1,
			},
		},
		{
			"less than a tenth is nothing", queued(10_000, 10_000, 10_000, 11_000), 100,
			QueueTrend{
				Velocity: 1000. / 3, Acceleration: 500 / 1.5, Stddev: math.Sqrt(421e6/4 - 10_250*10_250),
				ShortAverage: 11_000, LongAverage: 10_250, Persistence: 3,
			},
		},
		{
			"empty in between", queued(500, 0, 500, 500), 1448,
			QueueTrend{
				Acceleration: (250 + 500) / 1.5, Stddev: math.Sqrt(750e3/4 - 375*375),
				ShortAverage: 500, LongAverage: 375, Persistence: 2,
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := queueTrend(filled(1000, 10_000, tc.samples...), sendQueueOf, tc.mss)
			want := tc.want

			for name, pair := range map[string][2]float64{
				"velocity":      {got.Velocity, want.Velocity},
				"acceleration":  {got.Acceleration, want.Acceleration},
				"stddev":        {got.Stddev, want.Stddev},
				"short average": {got.ShortAverage, want.ShortAverage},
				"long average":  {got.LongAverage, want.LongAverage},
				"persistence":   {got.Persistence, want.Persistence},
			} {
				if math.Abs(pair[0]-pair[1]) > 1e-6*(1+math.Abs(pair[1])) {
					t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
				}
			}

			if got.Growing != want.Growing || got.Shrinking != want.Shrinking {
				t.Errorf("growing %v, shrinking %v", got.Growing, got.Shrinking)
			}
		})
	}
}

func TestQueueTrendOfUnevenSamples(t *testing.T) {
	r := filled(1000, 10_000, window.Sample{At: 0}, window.Sample{At: 1000, SendQueue: 100}, window.Sample{At: 4000, SendQueue: 1000})

	got := queueTrend(r, sendQueueOf, 1)
	if !near(got.Velocity, 250) || !near(got.Acceleration, (300-100)/2.) {
		t.Errorf("velocity %v, acceleration %v", got.Velocity, got.Acceleration)
	}

	// Two rows at the same time have no slope.
	r = filled(1000, 10_000, window.Sample{At: 0}, window.Sample{At: 0, SendQueue: 100}, window.Sample{At: 0, SendQueue: 500})
	if got := queueTrend(r, sendQueueOf, 1); got.Velocity != 0 || got.Acceleration != 0 {
		t.Errorf("out of no time: velocity %v, acceleration %v", got.Velocity, got.Acceleration)
	}

	same := window.New(make([]window.Sample, 3), window.Position{Count: 3})
	if v, a := motion(&same, sendQueueOf); v != 0 || a != 0 {
		t.Errorf("three samples at one time: velocity %v, acceleration %v", v, a)
	}
}

func TestTrendOfWhatIsKnown(t *testing.T) {
	r := established(1)
	r.Info.RTT, r.Info.RTTVar, r.Info.RTO = 60_000, 15_000, 520_000
	r.RecvQueue, r.SendQueue = 70, 30
	s := &diagtest.Decode(t, r)[0]

	w := filled(1000, 10_000,
		window.Sample{At: 0},
		window.Sample{At: 2000, BytesSent: 1000, BytesRetrans: 50, Busy: 400, ReceiverLimited: 100, SndbufLimited: 20, SendQueue: 30, RecvQueue: 70},
	)

	got := NewTrend(w, &State{baseline: aged{current: 20_000}}, s)
	for name, pair := range map[string][2]float64{
		"span": {got.Span, 2}, "drift": {got.RTTDrift, 3}, "jitter": {got.Jitter, 0.25},
		"RTO inflation": {got.RTOInflation, 2}, "loss": {got.Loss, 0.05},
		"receiver-limited": {got.ReceiverLimited, 0.25}, "sndbuf-limited": {got.SndbufLimited, 0.05},
		"send velocity": {got.Send.Velocity, 15}, "receive velocity": {got.Recv.Velocity, 35},
	} {
		if !near(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}

	if got.Samples != 2 {
		t.Errorf("%d samples", got.Samples)
	}
}

func TestTrendOfWhatIsNotKnown(t *testing.T) {
	r := established(1)
	r.Info.RTT, r.Info.RTTVar = 0, 250_000 // as before the first measurement

	for name, s := range map[string]*sampler.Socket{
		"nothing measured": &diagtest.Decode(t, r)[0],
		"no tcp_info":      {State: sampler.StateEstablished},
	} {
		got := NewTrend(filled(1000, 10_000, window.Sample{}, window.Sample{At: 1000}), new(State), s)
		for figure, v := range map[string]float64{
			"drift": got.RTTDrift, "jitter": got.Jitter, "RTO inflation": got.RTOInflation, "loss": got.Loss,
			"receiver-limited": got.ReceiverLimited, "sndbuf-limited": got.SndbufLimited,
		} {
			if !math.IsNaN(v) {
				t.Errorf("%s: %s is %v", name, figure, v)
			}
		}
	}
}
