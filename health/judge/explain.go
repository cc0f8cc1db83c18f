package judge

// Explain returns a sentence for each active flag of a verdict, and one for a
// status that is held without any. e is the evidence of the verdict, nil if no flag
// is active.
func Explain(v *Verdict, e *Evidence, t *Thresholds) (sentences []string) {
	if e == nil {
		return v.held()
	}

	for f := range v.Flags.All() {
		sentences = append(sentences, f.String()+": "+ruleTable[f].explain(e, t, t.Steps[f]))
	}

	return sentences
}

// held says why a connection without raised flags is not HEALTHY yet.
func (v *Verdict) held() []string {
	if v.Status == Healthy {
		return nil
	}

	return []string{"no flag is raised any more; " + v.Status.String() + " is held a little longer"}
}

// explain renders the sentence of a raised flag. Steps that are not those it was
// raised by, after a reload, may not be reached: then the first one is told.
func (r *rule) explain(e *Evidence, t *Thresholds, steps []Step) string {
	figure, _ := r.figure(e, t)

	step, raised := highestStep(figure, steps, e.srtt)
	if !raised && len(steps) > 0 {
		step = steps[0]
	}

	return r.say(e, r.unit.format(figure), r.unit.format(step.at(e.srtt)))
}
