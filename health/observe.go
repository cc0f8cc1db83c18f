package health

import (
	"cmp"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// observe processes one socket.
func (t *Tracker) observe(m *judge.Moment) {
	row := m.Socket
	if row.State == sampler.StateListen {
		t.countRow(row, t.at.listeners.observe(row, t.at.generation))

		return
	}

	i, known := t.at.index[row.Cookie]
	fresh := !known || t.slab.seen[i] != t.at.generation
	t.countRow(row, fresh)

	if !fresh {
		return // seen in this dump
	}

	if known {
		known = t.reconcile(i, row)
	}

	if !known && isRemnant(row) {
		return
	}

	turn := t.admission.admits(row.Cookie)
	if known && !turn && !t.keep(i) {
		t.finish(i, t.slab.conn(i), EndEvicted)
		t.remove(i)

		known = false
	}

	if !known {
		if i, known = t.admit(m, turn); !known {
			t.stats.Overflow++
			t.at.tick.untracked++

			return
		}
	}

	t.judge(i, m)
	t.observeDurations(i)
	t.layDown(i, m.Socket)
}

// countRow counts a socket, unless the dump contained it before.
func (t *Tracker) countRow(row *sampler.Socket, fresh bool) {
	if !fresh {
		if !t.at.revisited {
			t.stats.Duplicates++
		}

		return
	}

	t.at.tick.sockets++
	if int(row.State) < len(t.at.tick.states) {
		t.at.tick.states[row.State]++
	}
}

// reconcile prepares a known connection for a socket, and reports whether it is still
// the same connection: a socket may be disconnected and connected elsewhere.
func (t *Tracker) reconcile(i uint32, row *sampler.Socket) bool {
	c := t.slab.conn(i)
	if c.endedAt != 0 {
		t.resume(i, c)
	}

	if c.is(row) {
		c.cgroup = cmp.Or(c.cgroup, row.CgroupID)

		return true
	}

	t.finish(i, c, conclude(c))
	t.remove(i)

	return false
}
