package health

import (
	"cmp"

	"tcphealth_exporter/sampler"
)

// candidate is a connection that would be shown if there were room.
type candidate struct {
	index     uint32
	row       int // in candidates.rows
	status    Status
	points    int8
	firstSeen int64
}

// compare orders by severity, then by age, the more deserving being greater.
func (a *candidate) compare(b *candidate) int {
	return cmp.Or(
		cmp.Compare(a.status, b.status),
		cmp.Compare(a.points, b.points),
		cmp.Compare(b.firstSeen, a.firstSeen),
		cmp.Compare(b.index, a.index),
	)
}

// candidates keeps the most deserving ones in a heap with the least deserving
// on top, and a copy of their rows.
type candidates struct {
	limit   int
	entries []candidate
	rows    []sampler.Socket
}

func (h *candidates) clear() { h.entries = h.entries[:0] }

func (h *candidates) offer(c candidate, row *sampler.Socket) {
	if len(h.entries) < h.limit {
		c.row = len(h.entries)
		h.entries = append(h.entries, c)

		if len(h.rows) < len(h.entries) {
			h.rows = append(h.rows, sampler.Socket{})
		}

		h.rows[c.row] = *row
		h.up(len(h.entries) - 1)

		return
	}

	if h.limit == 0 || c.compare(&h.entries[0]) <= 0 {
		return
	}

	c.row = h.entries[0].row
	h.entries[0] = c
	h.rows[c.row] = *row
	h.down(0)
}

func (h *candidates) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h.entries[i].compare(&h.entries[parent]) >= 0 {
			return
		}

		h.entries[i], h.entries[parent] = h.entries[parent], h.entries[i]
		i = parent
	}
}

func (h *candidates) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.entries); child++ {
			if h.entries[child].compare(&h.entries[least]) < 0 {
				least = child
			}
		}

		if least == i {
			return
		}

		h.entries[i], h.entries[least] = h.entries[least], h.entries[i]
		i = least
	}
}
