package health

// durations are the distributions of times over all connections.
type durations struct {
	outstanding, lifetime histogram
}

func newDurations() durations {
	return durations{outstanding: newHistogram(outstandingBoundTable), lifetime: newHistogram(lifetimeBoundTable)}
}

// observeDurations takes in what a sample has brought of a connection that has just
// been judged. What is read again between two samples is left to the next one, so
// that all connections count alike.
func (t *Tracker) observeDurations(i uint32) {
	c, e := t.slab.conn(i), &t.evidence

	if e.Outstanding() {
		t.durations.outstanding.observe(e.Age())
	}

	if c.group == noGroup || !c.judged.TakeProgress() {
		return
	}

	if srtt := e.SRTT(); srtt > 0 {
		t.groups.of(c).rtt.observe(srtt)
	}
}
