package config

import (
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
)

// setting is a figure of a profile beside the levels of its flags.
type setting struct {
	name, meaning string
	unit          health.Unit
	// least and most are in the unit.
	least, most float64
	get         func(*judge.Thresholds) float64
	set         func(*judge.Thresholds, float64)
}

// maxRTTs is the highest multiple of a smoothed RTT that makes sense.
const maxRTTs = 1000

//go:generate go test . -run TestGolden(Doc|Example) -update

// settingTable is the single truth about what a profile may set beside its
// base, the levels of its flags and patience, which is more than a figure.
var settingTable = []setting{
	span("loss_window", "the short window over which loss is looked at as well", 0,
		func(l *judge.Thresholds) *time.Duration { return &l.LossWindow }),
	span("loss_burst", "length of the one burst of losses that a sender which fills the path may have in a window", 0,
		func(l *judge.Thresholds) *time.Duration { return &l.LossBurst }),
	number("loss_min_retrans", "retransmissions that a share of loss needs", health.UnitCount, 1e6,
		func(l *judge.Thresholds) *int { return &l.LossMinRetrans }),
	number("loss_min_samples", "samples over which they must be spread", health.UnitCount, 64,
		func(l *judge.Thresholds) *int { return &l.LossMinSamples }),
	number("drift_above", "least rise of the RTT that counts as drift", health.UnitSeconds, maxSeconds,
		func(l *judge.Thresholds) *float64 { return &l.DriftAbove }),
	number("drift_above_sparse", "the same with few segments in flight, where delayed ACKs lift the RTT", health.UnitSeconds, maxSeconds,
		func(l *judge.Thresholds) *float64 { return &l.DriftAboveSparse }),
	number("sparse_segments", "how many segments in flight are few", health.UnitCount, 1e6,
		func(l *judge.Thresholds) *uint32 { return &l.SparseSegments }),
	number("jitter_above", "least RTT deviation that counts as jitter", health.UnitSeconds, maxSeconds,
		func(l *judge.Thresholds) *float64 { return &l.JitterAbove }),
	number("jitter_delivered", "segments delivered in the window that jitter needs", health.UnitCount, 1e6,
		func(l *judge.Thresholds) *uint32 { return &l.JitterDelivered }),
	number("limited_busy", "busy time in the window that a share of it needs", health.UnitSeconds, maxSeconds,
		func(l *judge.Thresholds) *float64 { return &l.LimitedBusy }),
	span("baseline_age", "how long a least RTT counts as the connection's own", time.Second,
		func(l *judge.Thresholds) *time.Duration { return &l.BaselineAge }),
	span("rate_age", "how long a delivery rate counts as the connection's own recent one", time.Second,
		func(l *judge.Thresholds) *time.Duration { return &l.RateAge }),
	number("rate_fall", "share of that rate below which unsent data speaks against the path", health.UnitShare, 1,
		func(l *judge.Thresholds) *float64 { return &l.RateFall }),
	span("queue_span", "for how long a queue must last", 0,
		func(l *judge.Thresholds) *time.Duration { return &l.QueueSpan }),
	span("queue_rise", "over what time a queue must grow", 0,
		func(l *judge.Thresholds) *time.Duration { return &l.QueueRise }),
	number("full_segment", "share of the MSS from which on segments count as full", health.UnitShare, 1,
		func(l *judge.Thresholds) *float64 { return &l.FullSegment }),
	span("flap_span", "time within which entries into SUSPECT or worse are counted", 0,
		func(l *judge.Thresholds) *time.Duration { return &l.FlapSpan }),
	span("hold", "how long a better status, or another cause, must last to be believed", 0,
		func(l *judge.Thresholds) *time.Duration { return &l.Hold }),
	number("hold_intervals", "the same in sampling intervals; the longer one holds", health.UnitCount, 1000,
		func(l *judge.Thresholds) *int { return &l.HoldIntervals }),
}

// maxSeconds is the highest of all durations.
const maxSeconds = float64(24 * time.Hour / time.Second)

// span is a setting of the type time.Duration.
func span(name, meaning string, least time.Duration, field func(*judge.Thresholds) *time.Duration) setting {
	return setting{
		name: name, meaning: meaning, unit: health.UnitSeconds, least: least.Seconds(), most: maxSeconds,
		get: func(l *judge.Thresholds) float64 { return field(l).Seconds() },
		set: func(l *judge.Thresholds, v float64) { *field(l) = duration(v) },
	}
}

// number is a setting of a numeric type, in the unit.
func number[T int | uint32 | float64](name, meaning string, unit health.Unit, most float64, field func(*judge.Thresholds) *T) setting {
	return setting{
		name: name, meaning: meaning, unit: unit, most: most,
		get: func(l *judge.Thresholds) float64 { return float64(*field(l)) },
		set: func(l *judge.Thresholds, v float64) { *field(l) = T(v) },
	}
}

// field reads the setting into limits.
func (s *setting) field(l *judge.Thresholds) field {
	return field{name: s.name, read: func(v value) error {
		figure, err := v.figure(s.unit, s.least, s.most)
		if err == nil {
			s.set(l, figure)
		}

		return err
	}}
}

// patience reads how long an answer may take.
func patience(l *judge.Thresholds) field {
	return field{name: "patience", read: func(v value) error {
		return v.fields("key", `a mapping such as {limit: 1s, rtts: 3}`, []field{
			figureField("limit", health.UnitSeconds, maxSeconds, &l.Patience.Threshold),
			figureField("rtts", health.UnitFactor, maxRTTs, &l.Patience.RTTs),
		})
	}}
}

// figureField reads a figure into a variable.
func figureField(name string, unit health.Unit, most float64, into *float64) field {
	return field{name: name, read: func(v value) (err error) {
		*into, err = v.figure(unit, 0, most)

		return err
	}}
}
