package health

import (
	"time"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// aborts are the times at which the kernel gives up connections of a network namespace, by
// group the first one in the last sample, in ms on the tracker's clock.
type aborts map[group.ID]int64

// abortsIn returns the time until the kernel gives up the connection of a socket, and
// reports whether it is known. The settings of other namespaces are not.
func (t *Tracker) abortsIn(s *sampler.Socket) (left time.Duration, known bool) {
	if s.Space != 0 {
		return 0, false
	}

	return t.cfg.Retries.In(s)
}

// withoutKeepalive reports whether nothing would detect that the peer of a connection is
// dead.
func withoutKeepalive(s *sampler.Socket, e *judge.Evidence) bool {
	return s.State == sampler.StateEstablished && s.SendQueue == 0 && s.Timer != sampler.TimerKeepalive && !e.Outstanding()
}

// noteAbort records when the kernel gives up a connection that has just been judged.
func (t *Tracker) noteAbort(c *connection, m *judge.Moment) {
	if c.group == group.None || !t.evidence.Outstanding() {
		return
	}

	left, known := t.abortsIn(m.Socket)
	if !known {
		return
	}

	all, at := t.spaceOf(c).aborts, m.At+left.Milliseconds()
	if first, exists := all[c.group]; !exists || at < first {
		all[c.group] = at
	}
}

// foresee sets what depends on the time of a snapshot.
func (t *Tracker) foresee(c *connection, e *Connection, at int64) {
	e.CloseWait, e.AbortsIn, e.AbortKnown = 0, 0, false

	if c.endedAt != 0 {
		return
	}

	if since := c.judged.CloseWaitSince(); since != 0 {
		e.CloseWait = max(0, float64(at)/msPerSecond-float64(since))
	}

	left, known := t.abortsIn(&e.Row)
	e.AbortsIn, e.AbortKnown = left.Seconds(), known
}

// setAborts sets the first abort of each group.
func (t *Tracker) setAborts(groups []group.Group, at int64) {
	for _, s := range t.spaces {
		for id, when := range s.aborts {
			if g := &groups[t.groups.PlaceOf(id)]; !g.AbortKnown || float64(when-at)/msPerSecond < g.AbortsIn {
				g.AbortsIn, g.AbortKnown = max(0, float64(when-at)/msPerSecond), true
			}
		}
	}
}
