package health

import "tcphealth_exporter/health/group"

// durations are the distributions of times over all connections.
type durations struct {
	outstanding, lifetime group.Distribution
}

func newDurations() durations {
	return durations{outstanding: group.NewDistribution(group.OutstandingBoundTable), lifetime: group.NewDistribution(group.LifetimeBoundTable)}
}

// observeDurations takes in what a sample has brought of a connection that has just
// been judged. What is read again between two samples is left to the next one, so
// that all connections count alike.
func (t *Tracker) observeDurations(i uint32) {
	c, e := t.slab.conn(i), &t.evidence

	if e.Outstanding() {
		t.durations.outstanding.Observe(e.Age())
	}

	if c.group == group.None || !c.judged.TakeProgress() {
		return
	}

	if srtt := e.SRTT(); srtt > 0 {
		t.groups.Of(c.group).ObserveRTT(srtt)
	}
}
