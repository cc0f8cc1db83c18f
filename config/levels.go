package config

import (
	"tcphealth_exporter/health/judge"
)

// off is what a flag has instead of levels to be never raised.
const off = "off"

// maxPoints is how many points a level may add.
const maxPoints = 10

// flags reads the levels of flags.
func flags(l *judge.Thresholds) field {
	return field{name: "flags", read: func(v value) error {
		all := make([]field, judge.NumFlags)
		for f := range judge.NumFlags {
			all[f] = field{name: f.String(), read: func(v value) (err error) {
				l.Steps[f], err = v.levels(f)

				return err
			}}
		}

		return v.fields("flag", "a mapping of flags", all)
	}}
}

// levels reads the levels of a flag: a list, a single one, or none.
func (v value) levels(f judge.Flag) ([]judge.Step, error) {
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

	steps := make([]judge.Step, 0, len(all))

	for _, item := range all {
		step, err := item.level(unit, min(notationTable[unit].maximum, f.Reach()))
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

// level reads one level, whose threshold is at most maximum. A condition without a figure
// has points only.
func (v value) level(unit judge.Unit, maximum float64) (judge.Step, error) {
	var points float64

	step := judge.Step{Threshold: 1}
	fields := []field{
		thresholdField(unit, maximum, &step.Threshold).always(),
		figureField("points", judge.UnitCount, maxPoints, &points).always(),
		figureField("rtts", judge.UnitFactor, maxRTTs, &step.RTTs),
	}

	switch unit {
	case judge.UnitSeconds:
	case judge.UnitNone:
		fields = fields[1:2]
	default:
		fields = fields[:2]
	}

	err := v.fields("key", "a level such as "+exampleLevel(unit), fields)
	step.Points = int(points)

	return step, err
}

// checkRise sees that a level is above those before it, whatever the RTT.
func (v value) checkRise(unit judge.Unit, before []judge.Step, step judge.Step) error {
	if len(before) == 0 {
		return nil
	}

	last := before[len(before)-1]

	switch {
	case unit == judge.UnitNone:
		return v.failf("expected one level, because a condition has no threshold")
	case step.Threshold <= last.Threshold:
		format := notationTable[unit].format

		return v.failf("expected a threshold above the previous %s, found %s", format(last.Threshold), format(step.Threshold))
	case step.RTTs < last.RTTs:
		return v.failf("expected at least the previous %s RTTs, found %s", formatNumber(last.RTTs), formatNumber(step.RTTs))
	case step.Points <= last.Points:
		return v.failf("expected more points than the previous %d, found %d", last.Points, step.Points)
	}

	return nil
}

func exampleLevels(unit judge.Unit) string { return "[" + exampleLevel(unit) + "]" }

func exampleLevel(unit judge.Unit) string {
	if unit == judge.UnitNone {
		return "{points: 2}"
	}

	return "{threshold: " + notationTable[unit].example + ", points: 2}"
}
