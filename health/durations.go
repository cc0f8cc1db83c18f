package health

import "tcphealth_exporter/health/group"

// durations are distributions of times over all connections.
type durations struct {
	outstanding, lifetime group.Distribution
}

func newDurations() durations {
	return durations{outstanding: group.NewDistribution(group.OutstandingBoundTable), lifetime: group.NewDistribution(group.LifetimeBoundTable)}
}

// observeDurations adds a connection that a sample has just judged. Rechecks do not
// count, so that all connections count alike.
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
