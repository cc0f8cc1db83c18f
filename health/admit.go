package health

import (
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
)

// advanceAdmission rotates a crowded table once per sample of the exporter's own
// namespace, which is sampled on every tick.
func (t *Tracker) advanceAdmission() {
	sum := t.ticks()
	t.admission.advance(t.spaces[0].clock.tickLength(), t.slab.used-len(t.ended)+sum.untracked, t.kept)
}

// keep reports whether a connection stays in a crowded table out of its turn: unhealthy
// and exported ones do, up to half of the table.
func (t *Tracker) keep(i uint32) bool {
	c := t.slab.conn(i)
	if c.judged.Verdict().Status < judge.Suspect && c.place == export.NoPlace || t.kept >= t.cfg.MaxConnections/2 {
		return false
	}

	t.kept++
	t.at.tick.kept++

	return true
}

// admit makes a place for a new connection, if necessary that of an ended one.
func (t *Tracker) admit(m *judge.Moment, turn bool) (uint32, bool) {
	if !turn {
		return 0, false
	}

	if t.slab.used >= t.cfg.MaxConnections {
		if len(t.ended) == 0 {
			return 0, false
		}

		t.forgetEnded()
	}

	i := t.slab.alloc()
	c := t.slab.conn(i)
	c.identify(m.Socket)
	c.profile, c.revision = t.policy.choose(m.Socket), t.revision
	c.firstSeen = m.At
	c.foundAtStart = t.at.first
	c.opened = !t.at.first && !t.admission.crowded && !t.admission.relaxed
	c.congestion = t.algorithms.number(m.Socket)
	t.at.index[c.cookie] = i

	if t.kernel.Len() == 0 {
		t.kernel = m.Socket.Info
	}

	if c.opened {
		t.stats.Opened++
	}

	t.arrivals = append(t.arrivals, i)
	t.exports.Appeared(i, m.Socket)

	return i, true
}
