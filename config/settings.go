package config

import (
	"time"

	"tcphealth_exporter/health/judge"
)

// setting is a figure of a profile beside the levels of its flags.
type setting struct {
	name, meaning string
	unit          judge.Unit
	// minimum and maximum are in the unit.
	minimum, maximum float64
	get              func(*judge.Thresholds) float64
	set              func(*judge.Thresholds, float64)
}

// maxRTTs is the maximum multiple of a smoothed RTT.
const maxRTTs = 1000

//go:generate go test . -run TestGolden(Doc|Example) -update

// settingTable defines what a profile may set beside its base, the levels of its flags,
// and patience, which is more than a figure.
var settingTable = []setting{
	span("loss_window", "short window over which loss is evaluated as well", 0,
		func(t *judge.Thresholds) *time.Duration { return &t.LossWindow }),
	span("loss_burst", "length of the one burst of losses per window accepted from a sender that fills the path", 0,
		func(t *judge.Thresholds) *time.Duration { return &t.LossBurst }),
	number("loss_min_retrans", "minimum retransmissions for a loss ratio", judge.UnitCount, 1e6,
		func(t *judge.Thresholds) *int { return &t.LossMinRetrans }),
	number("loss_min_samples", "minimum samples in which they appear", judge.UnitCount, 64,
		func(t *judge.Thresholds) *int { return &t.LossMinSamples }),
	number("drift_above", "minimum increase of the RTT that counts as drift", judge.UnitSeconds, maxSeconds,
		func(t *judge.Thresholds) *float64 { return &t.DriftAbove }),
	number("drift_above_sparse", "the same with few segments in flight, where delayed ACKs increase the RTT", judge.UnitSeconds, maxSeconds,
		func(t *judge.Thresholds) *float64 { return &t.DriftAboveSparse }),
	number("sparse_segments", "maximum segments in flight that count as few", judge.UnitCount, 1e6,
		func(t *judge.Thresholds) *uint32 { return &t.SparseSegments }),
	number("jitter_above", "minimum RTT deviation that counts as jitter", judge.UnitSeconds, maxSeconds,
		func(t *judge.Thresholds) *float64 { return &t.JitterAbove }),
	number("jitter_delivered", "minimum segments delivered in the window for jitter", judge.UnitCount, 1e6,
		func(t *judge.Thresholds) *uint32 { return &t.JitterDelivered }),
	number("limited_busy", "minimum busy time in the window for its shares", judge.UnitSeconds, maxSeconds,
		func(t *judge.Thresholds) *float64 { return &t.LimitedBusy }),
	span("baseline_age", "how long a minimum RTT counts as the connection's own", time.Second,
		func(t *judge.Thresholds) *time.Duration { return &t.BaselineAge }),
	span("rate_age", "how long a delivery rate counts as the connection's own recent one", time.Second,
		func(t *judge.Thresholds) *time.Duration { return &t.RateAge }),
	number("rate_fall", "share of that rate below which unsent data indicates congestion", judge.UnitShare, 1,
		func(t *judge.Thresholds) *float64 { return &t.RateFall }),
	span("queue_span", "minimum duration of a persistent queue", 0,
		func(t *judge.Thresholds) *time.Duration { return &t.QueueSpan }),
	span("queue_rise", "minimum duration of a growing queue", 0,
		func(t *judge.Thresholds) *time.Duration { return &t.QueueRise }),
	number("full_segment", "share of the MSS at which segments count as full-size", judge.UnitShare, 1,
		func(t *judge.Thresholds) *float64 { return &t.FullSegment }),
	span("flap_span", "time within which entries into SUSPECT or worse are counted", 0,
		func(t *judge.Thresholds) *time.Duration { return &t.FlapSpan }),
	span("hold", "how long a better status, or another cause, must last before it is reported", 0,
		func(t *judge.Thresholds) *time.Duration { return &t.Hold }),
	number("hold_intervals", "the same in sampling intervals; the longer one applies", judge.UnitCount, 1000,
		func(t *judge.Thresholds) *int { return &t.HoldIntervals }),
}

// maxSeconds is the maximum of all durations.
const maxSeconds = float64(24 * time.Hour / time.Second)

// span is a setting of the type time.Duration.
func span(name, meaning string, minimum time.Duration, field func(*judge.Thresholds) *time.Duration) setting {
	return setting{
		name: name, meaning: meaning, unit: judge.UnitSeconds, minimum: minimum.Seconds(), maximum: maxSeconds,
		get: func(t *judge.Thresholds) float64 { return field(t).Seconds() },
		set: func(t *judge.Thresholds, v float64) { *field(t) = duration(v) },
	}
}

// number is a setting of a numeric type, in the unit.
func number[T int | uint32 | float64](name, meaning string, unit judge.Unit, maximum float64, field func(*judge.Thresholds) *T) setting {
	return setting{
		name: name, meaning: meaning, unit: unit, maximum: maximum,
		get: func(t *judge.Thresholds) float64 { return float64(*field(t)) },
		set: func(t *judge.Thresholds, v float64) { *field(t) = T(v) },
	}
}

// field reads the setting into thresholds.
func (s *setting) field(t *judge.Thresholds) field {
	return field{name: s.name, read: func(v value) error {
		figure, err := v.figure(s.unit, s.minimum, s.maximum)
		if err == nil {
			s.set(t, figure)
		}

		return err
	}}
}

// patience reads how long an answer may take.
func patience(t *judge.Thresholds) field {
	return field{name: "patience", read: func(v value) error {
		return v.fields("key", `a mapping such as {threshold: 1s, rtts: 3}`, []field{
			thresholdField(judge.UnitSeconds, maxSeconds, &t.Patience.Threshold),
			figureField("rtts", judge.UnitFactor, maxRTTs, &t.Patience.RTTs),
		})
	}}
}

// thresholdField reads a threshold into a variable.
func thresholdField(unit judge.Unit, maximum float64, into *float64) field {
	f := figureField("threshold", unit, maximum, into)
	f.old = "limit"

	return f
}

// figureField reads a figure into a variable.
func figureField(name string, unit judge.Unit, maximum float64, into *float64) field {
	return field{name: name, read: func(v value) (err error) {
		*into, err = v.figure(unit, 0, maximum)

		return err
	}}
}
