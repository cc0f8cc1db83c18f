package health

import "tcphealth_exporter/sampler"

// warming makes the cache misses of the connections in a batch of sockets overlap. Their
// state is spread over memory, and the CPU waits for each line when they are judged one
// after the other, but it fetches independent reads at once. With one connection in ten
// active, this saves a twentieth of a tick.
type warming struct {
	found []uint32
	// sum keeps the reads from being optimized away.
	sum uint64
}

// warm reads a word of each cache line that judging the sockets needs.
func (t *Tracker) warm(rows []sampler.Socket) {
	w := &t.warming
	w.found = w.found[:0]

	for i := range rows {
		if n, known := t.at.index[rows[i].Cookie]; known {
			w.found = append(w.found, n)
		}
	}

	for _, n := range w.found {
		c := t.slab.conn(n)
		w.sum += c.cookie + uint64(c.firstSeen) + c.last.received + c.judged.Touch() + uint64(t.slab.seen[n])
	}

	for _, n := range w.found {
		if r := t.slab.ring(n); r.Count() > 0 {
			w.sum += r.Newest().BytesSent + r.Oldest().BytesSent
		}
	}
}
