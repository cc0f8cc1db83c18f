package judge

import (
	"cmp"
	"slices"
)

// Explain returns a sentence for each active flag of a verdict, the one with the most
// points first, and one for a status that is held without any flag. e is the evidence of
// the verdict, nil if no flag is active.
func Explain(v *Verdict, e *Evidence, t *Thresholds) (sentences []string) {
	if e == nil {
		return v.held()
	}

	points := func(f Flag) int {
		n, _ := level(ruleTable[f].figure, e, t, t.Steps[f])

		return n
	}

	flags := slices.SortedStableFunc(v.Flags.All(), func(f, g Flag) int { return cmp.Compare(points(g), points(f)) })
	for _, f := range flags {
		sentences = append(sentences, f.String()+": "+ruleTable[f].explain(e, t, t.Steps[f]))
	}

	return sentences
}

// held explains why a connection without active flags is not HEALTHY yet.
func (v *Verdict) held() []string {
	if v.Status == Healthy {
		return nil
	}

	return []string{"no flag is active, " + v.Status.String() + " is held until the better status has lasted"}
}

// explain renders the sentence of an active flag. After a reload, the steps may no
// longer be those that activated it; if none is reached, the first one is named.
func (r *rule) explain(e *Evidence, t *Thresholds, steps []Step) string {
	figure, _ := r.figure(e, t)

	step, active := highestStep(figure, steps, e.srtt)
	if !active && len(steps) > 0 {
		step = steps[0]
	}

	return r.say(e, r.unit.format(figure), r.unit.format(step.at(e.srtt)))
}
