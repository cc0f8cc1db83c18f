package health

import "time"

// sweep ends the connections that were missed often enough.
func (t *Tracker) sweep(at int64) {
	for i, seen := range t.slab.seen {
		if seen == neverSeen || seen == t.generation {
			continue
		}

		c := t.slab.conn(uint32(i))
		if c.endedAt != 0 {
			continue
		}

		c.missed++
		if c.missed >= confirmations {
			t.end(uint32(i), c, at)
		}
	}
}

func (t *Tracker) end(i uint32, c *connection, at int64) {
	c.endedAt = at
	t.ended = append(t.ended, i)
	t.countClosed(i, c)

	if c.shown != notShown {
		p, r := &t.exports.places[c.shown], t.slab.ring(i)
		p.ended = true
		p.shown.Ended = t.clock.wall(r.Newest().At)
	}
}

// revive takes back the end of a connection that two dumps had missed. It
// counts as opened again, since counters never fall.
func (t *Tracker) revive(i uint32, c *connection) {
	c.endedAt = 0
	t.stats.Opened++
	t.groups.of(c).Opened++
	t.countOpened(c)

	for n, ended := range t.ended {
		if ended == i {
			t.ended = append(t.ended[:n], t.ended[n+1:]...)

			break
		}
	}

	if c.shown != notShown {
		p := &t.exports.places[c.shown]
		p.ended = false
		p.shown.Ended = time.Time{}
	}
}

// expire forgets ended connections after the retention.
func (t *Tracker) expire(at int64) {
	for len(t.ended) > 0 {
		c := t.slab.conn(t.ended[0])
		if at-c.endedAt < t.cfg.Retention.Milliseconds() {
			return
		}

		t.forgetEnded()
	}
}

// forgetEnded removes the connection that ended first.
func (t *Tracker) forgetEnded() {
	i := t.ended[0]
	t.ended = t.ended[1:]
	t.remove(i)
}

// remove takes a connection out of the table.
func (t *Tracker) remove(i uint32) {
	c := t.slab.conn(i)
	if c.shown != notShown {
		t.hide(c.shown)
	}

	t.notes.drop(c.note)
	t.groups.leave(c)
	delete(t.index, c.cookie)
	t.slab.release(i)
}
