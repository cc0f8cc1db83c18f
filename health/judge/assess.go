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

// assess judges the evidence: each active flag gives its points to its cause, and the
// worst cause determines the status.
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

		if p, active := level(r.figure, e, t, t.Steps[f]); active {
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

// level returns the points of the highest step that a figure reaches, and reports
// whether it reaches any while its premises hold.
func level(figure figureFunc, e *Evidence, t *Thresholds, steps []Step) (points int, active bool) {
	value, ok := figure(e, t)
	if !ok {
		return 0, false
	}

	return reached(value, steps, e.srtt)
}

// reached returns the points of the highest step that a figure reaches.
func reached(figure float64, steps []Step, srtt float64) (points int, active bool) {
	step, active := highestStep(figure, steps, srtt)

	return step.Points, active
}

// highestStep returns the highest step that a figure reaches.
func highestStep(figure float64, steps []Step, srtt float64) (step Step, active bool) {
	for _, step := range slices.Backward(steps) {
		if figure >= step.at(srtt) {
			return step, true
		}
	}

	return Step{}, false
}

// addUp returns the points of the connection and the cause with the most. Within a
// cause, the strongest flag counts. The status is that of the worst cause: the points
// of other causes rank connections of the same status, but mild problems that have
// nothing to do with each other do not make a severe one. Weak flags reach CAUTION at
// most, and only a flag of a fatal cause that is STALE by itself makes the connection
// STALE.
func addUp(flags Flags, points *[NumFlags]int) (sum int, cause Cause) {
	var (
		strong, all [NumCauses]int
		active      [NumCauses]bool
	)

	fatal := false

	for f := range flags.All() {
		r := &ruleTable[f]
		active[r.cause] = true
		all[r.cause] = max(all[r.cause], points[f])

		if !r.weak {
			strong[r.cause] = max(strong[r.cause], points[f])
		}

		fatal = fatal || r.cause.Fatal() && points[f] >= minPointTable[Stale]
	}

	worst, total := 0, 0

	for c := range NumCauses {
		sum += strong[c]
		total += all[c]
		worst = max(worst, strong[c])

		if all[c] > all[cause] || cause == CauseNone && active[c] {
			cause = c
		}
	}

	status := StatusOf(worst)
	if status == Stale && !fatal {
		status = Degraded
	}

	sum = status.limit(sum)

	return max(sum, Caution.limit(total)), cause
}
