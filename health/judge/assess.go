package judge

import "slices"

// assessment is the judgment of one moment, before hysteresis.
type assessment struct {
	flags  Flags
	points int
	cause  Cause
	// safeToSend is false while an answer is overdue.
	safeToSend bool
}

// assess judges the evidence: each rule gives its points to its cause, the
// highest within a cause counts, the causes add up.
func assess(e *Evidence, t *Thresholds) assessment {
	var (
		a      assessment
		points [NumFlags]int
	)

	for f := range premiseTable[e.premises()].All() {
		r := &ruleTable[f]
		if e.afterGap && r.cause.Fatal() {
			continue
		}

		if p, raised := level(r.figure, e, t, t.Steps[f]); raised {
			points[f] = p
			a.flags |= 1 << f
		}
	}

	if a.flags == 0 {
		a.safeToSend = !e.overdue

		return a
	}

	for f := range a.flags.All() {
		a.flags &^= ruleTable[f].replaces
	}

	a.points, a.cause = addUp(a.flags, &points)
	a.safeToSend = !e.overdue && StatusOf(a.points) < Degraded

	return a
}

// level returns the points of the highest step that a figure reaches whose premises
// hold.
func level(figure figureFunc, e *Evidence, t *Thresholds, steps []Step) (points int, raised bool) {
	value, ok := figure(e, t)
	if !ok {
		return 0, false
	}

	return reached(value, steps, e.srtt)
}

// reached returns the points of the highest step that a figure reaches.
func reached(figure float64, steps []Step, srtt float64) (points int, raised bool) {
	step, raised := highestStep(figure, steps, srtt)

	return step.Points, raised
}

// highestStep returns the highest step that a figure reaches.
func highestStep(figure float64, steps []Step, srtt float64) (step Step, raised bool) {
	for _, step := range slices.Backward(steps) {
		if figure >= step.at(srtt) {
			return step, true
		}
	}

	return Step{}, false
}

// addUp applies the rules of addition: the highest flag of each cause counts;
// weak flags fill up to CAUTION at most; only a fatal cause makes STALE, and no
// mere suspicion of one together with something else.
func addUp(flags Flags, points *[NumFlags]int) (sum int, cause Cause) {
	var (
		strong, all [NumCauses]int
		raised      [NumCauses]bool
	)

	fatal := false

	for f := range flags.All() {
		r := &ruleTable[f]
		raised[r.cause] = true
		all[r.cause] = max(all[r.cause], points[f])

		if !r.weak {
			strong[r.cause] = max(strong[r.cause], points[f])
		}

		fatal = fatal || r.cause.Fatal() && points[f] >= leastPointTable[Stale]
	}

	total := 0

	for c := range NumCauses {
		sum += strong[c]
		total += all[c]

		if all[c] > all[cause] || cause == CauseNone && raised[c] {
			cause = c
		}
	}

	sum = max(sum, min(total, leastPointTable[Suspect]-1))
	if !fatal {
		sum = min(sum, leastPointTable[Stale]-1)
	}

	return sum, cause
}
