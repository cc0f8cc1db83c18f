package health

// noNote stands for a connection without raised flags.
const noNote = -1

// notes keeps the evidence of the connections with raised flags, so that
// sentences can be made of it for whoever asks.
type notes struct {
	all  []evidence
	free []int32
}

// keep returns the index of the note that holds the evidence for the flags,
// given the index of the last one.
func (n *notes) keep(i int32, flags Flags, e *evidence) int32 {
	if flags == 0 {
		n.drop(i)

		return noNote
	}

	switch {
	case i != noNote:
	case len(n.free) > 0:
		i = n.free[len(n.free)-1]
		n.free = n.free[:len(n.free)-1]
	default:
		i = int32(len(n.all))
		n.all = append(n.all, evidence{})
	}

	n.all[i] = *e

	return i
}

func (n *notes) drop(i int32) {
	if i != noNote {
		n.free = append(n.free, i)
	}
}

// reasons returns a sentence for each raised flag, and one for what is held
// without any.
func (t *Tracker) reasons(c *connection) (sentences []string) {
	v, limits := &c.verdict, t.limits(c)

	if c.note == noNote {
		return v.held()
	}

	e := &t.notes.all[c.note]
	for f := range v.flags.All() {
		sentences = append(sentences, f.String()+": "+ruleTable[f].explain(e, limits, limits.Steps[f]))
	}

	return sentences
}

// held says why a connection without raised flags is not HEALTHY yet.
func (v *verdict) held() []string {
	if v.status == Healthy {
		return nil
	}

	return []string{"no flag is raised any more; " + v.status.String() + " is held a little longer"}
}

// explain renders the sentence of a raised flag. Steps that are not those it was
// raised by, after a reload, may not be reached: then the first one is told.
func (r *rule) explain(e *evidence, l *Limits, steps []Step) string {
	figure, _ := r.figure(e, l)

	step, raised := highestStep(figure, steps, e.srtt)
	if !raised && len(steps) > 0 {
		step = steps[0]
	}

	return r.say(e, r.unit.format(figure), r.unit.format(step.at(e.srtt)))
}
