package config

import (
	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
)

// off is what a flag has instead of levels to be never raised.
const off = "off"

// maxPoints is how many points a level may add.
const maxPoints = 10

// flags reads the levels of flags.
func flags(l *judge.Thresholds) field {
	return field{name: "flags", read: func(v value) error {
		all := make([]field, health.NumFlags)
		for f := range health.NumFlags {
			all[f] = field{name: f.String(), read: func(v value) (err error) {
				l.Steps[f], err = v.levels(f)

				return err
			}}
		}

		return v.fields("flag", "a mapping of flags", all)
	}}
}

// levels reads the levels of a flag: a list, a single one, or none.
func (v value) levels(f health.Flag) ([]health.Step, error) {
	unit := f.Unit()
	what := "a list of levels such as " + exampleLevels(unit) + ", or off"

	if text, err := v.text(what); err == nil && text == off {
		return nil, nil
	}

	all := []value{v}
	if v.kind() != "a mapping" {
		var err error
		if all, err = v.items(what); err != nil {
			return nil, err
		}
	}

	if len(all) == 0 {
		return nil, v.failf("expected %s, found none", what)
	}

	steps := make([]health.Step, 0, len(all))

	for _, item := range all {
		step, err := item.level(unit, min(notationTable[unit].most, f.Reach()))
		if err != nil {
			return nil, err
		}

		if err := item.checkRise(unit, steps, step); err != nil {
			return nil, err
		}

		steps = append(steps, step)
	}

	return steps, nil
}

// level reads one level, whose limit is at most the given one. A condition without a figure has points alone.
func (v value) level(unit health.Unit, most float64) (health.Step, error) {
	var points float64

	step := health.Step{Threshold: 1}
	fields := []field{
		figureField("limit", unit, most, &step.Threshold).always(),
		figureField("points", health.UnitCount, maxPoints, &points).always(),
		figureField("rtts", health.UnitFactor, maxRTTs, &step.RTTs),
	}

	switch unit {
	case health.UnitSeconds:
	case health.UnitNone:
		fields = fields[1:2]
	default:
		fields = fields[:2]
	}

	err := v.fields("key", "a level such as "+exampleLevel(unit), fields)
	step.Points = int(points)

	return step, err
}

// checkRise sees that a level is above those before it, whatever the RTT.
func (v value) checkRise(unit health.Unit, before []health.Step, step health.Step) error {
	if len(before) == 0 {
		return nil
	}

	last := before[len(before)-1]

	switch {
	case unit == health.UnitNone:
		return v.failf("expected one level, for a condition has no limit that could rise")
	case step.Threshold <= last.Threshold:
		format := notationTable[unit].format

		return v.failf("expected a limit above the %s before it, found %s", format(last.Threshold), format(step.Threshold))
	case step.RTTs < last.RTTs:
		return v.failf("expected no fewer RTTs than the %s before it, found %s", formatNumber(last.RTTs), formatNumber(step.RTTs))
	case step.Points <= last.Points:
		return v.failf("expected more points than the %d before it, found %d", last.Points, step.Points)
	}

	return nil
}

func exampleLevels(unit health.Unit) string { return "[" + exampleLevel(unit) + "]" }

func exampleLevel(unit health.Unit) string {
	if unit == health.UnitNone {
		return "{points: 2}"
	}

	return "{limit: " + notationTable[unit].example + ", points: 2}"
}
