package health

import "slices"

// Assessment is the judgement of one moment, before hysteresis.
type Assessment struct {
	Flags  Flags
	Points int
	Cause  Cause
	// SafeToSend is false while an answer is overdue.
	SafeToSend bool
}

// assess judges the evidence: each rule gives its points to its cause, the
// highest within a cause counts, the causes add up.
func assess(e *evidence, l *Limits) Assessment {
	var (
		a      Assessment
		points [NumFlags]int
	)

	for f := range premiseTable[e.premises()].All() {
		r := &ruleTable[f]
		if e.afterGap && r.cause.Fatal() {
			continue
		}

		if p, raised := level(r.figure, e, l, l.Steps[f]); raised {
			points[f] = p
			a.Flags |= 1 << f
		}
	}

	if a.Flags == 0 {
		a.SafeToSend = !e.overdue

		return a
	}

	for f := range a.Flags.All() {
		a.Flags &^= ruleTable[f].replaces
	}

	a.Points, a.Cause = addUp(a.Flags, &points)
	a.SafeToSend = !e.overdue && statusOf(a.Points) < Degraded

	return a
}

// level returns the points of the highest step that a figure reaches whose premises
// hold.
func level(figure figureFunc, e *evidence, l *Limits, steps []Step) (points int, raised bool) {
	value, ok := figure(e, l)
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
