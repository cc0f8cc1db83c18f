package judge

import (
	"testing"

	"tcphealth_exporter/health/window"
)

// backlogged returns samples a second apart with so much unsent, between which
// so many segments were delivered.
func backlogged(segments uint32, notsent ...uint32) []window.Sample {
	all := make([]window.Sample, len(notsent))
	for i, n := range notsent {
		all[i] = window.Sample{At: 1_000_000 + int64(i)*1000, Notsent: n, Delivered: uint32(i) * segments}
	}

	return all
}

// TestQueueStats compares with figures computed by hand. Segments have 1000
// bytes.
func TestQueueStats(t *testing.T) {
	l := DefaultThresholds() // lasting for 3 s, rising over 1 s

	for _, tc := range []struct {
		name    string
		samples []window.Sample
		want    queueStats
	}{
		{"one sample", backlogged(9, 500), queueStats{now: 500, minimum: 500, mean: 500}},
		{
			"growing faster and faster", backlogged(5, 0, 1000, 3000),
			queueStats{now: 3000, rate: 5000, rise: 2000, riseBefore: 1000, minimum: 0, mean: 4000. / 3, stddev: 1247.219128924647},
		},
		{
			"lasting, and once empty before", backlogged(2, 0, 4000, 3000, 2000, 3000),
			queueStats{now: 3000, rate: 2000, rise: 1000, riseBefore: -1000, minimum: 2000, lasting: true, mean: 2400, stddev: 1356.4659966250536},
		},
		{
			"not lasting yet", backlogged(2, 4000, 3000, 2000),
			queueStats{now: 2000, rate: 2000, rise: -1000, riseBefore: -1000, minimum: 2000, mean: 3000, stddev: 816.496580927726},
		},
		{
			"nothing delivered", backlogged(0, 7, 7, 7, 7),
			queueStats{now: 7, minimum: 7, lasting: true, mean: 7},
		},
	} {
		r := filled(1000, 10_000, tc.samples...)

		got := newQueueStats(r, l, 1000)
		if !near(got.stddev, tc.want.stddev) || !near(got.mean, tc.want.mean) {
			t.Errorf("%s: mean %v, deviation %v, want %v, %v", tc.name, got.mean, got.stddev, tc.want.mean, tc.want.stddev)
		}

		got.mean, got.stddev = tc.want.mean, tc.want.stddev
		if got != tc.want {
			t.Errorf("%s: got  %+v\nwant %+v", tc.name, got, tc.want)
		}
	}
}

// TestDeliveryRateOfAWrappingCounter takes the difference.
func TestDeliveryRateOfAWrappingCounter(t *testing.T) {
	r := filled(1000, 10_000, window.Sample{At: 1000, Delivered: 1<<32 - 3}, window.Sample{At: 3000, Delivered: 7})
	if got := r.DeliveryRate(3000, 1000); got != 5000 {
		t.Errorf("ten segments in two seconds are %v bytes/s", got)
	}
}
