package health

import (
	"cmp"
	"slices"

	"tcphealth_exporter/sampler"
)

// candidate is a connection that competes for a limited number of places.
type candidate struct {
	index     uint32
	slot      int // in what goes with the candidates, steady while the heap moves
	status    Status
	points    int8
	firstSeen int64
}

func newCandidate(i uint32, c *connection) candidate {
	v := c.judged.Verdict()

	return candidate{index: i, status: v.Status, points: v.Points, firstSeen: c.firstSeen}
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

// worst keeps the most deserving candidates in a heap with the least deserving
// on top.
type worst struct {
	limit   int
	entries []candidate
}

func (h *worst) clear() { h.entries = h.entries[:0] }

// offer takes in a candidate that deserves it and returns its slot: a new one,
// or that of the candidate that made room.
func (h *worst) offer(c candidate) (slot int, taken bool) {
	if len(h.entries) < h.limit {
		c.slot = len(h.entries)
		h.entries = append(h.entries, c)
		h.up(c.slot)

		return c.slot, true
	}

	if h.limit == 0 || c.compare(&h.entries[0]) <= 0 {
		return 0, false
	}

	c.slot = h.entries[0].slot
	h.entries[0] = c
	h.down(0)

	return c.slot, true
}

// sort puts the most deserving first. Nothing can be offered afterwards.
func (h *worst) sort() {
	slices.SortFunc(h.entries, func(a, b candidate) int { return -a.compare(&b) })
}

func (h *worst) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h.entries[i].compare(&h.entries[parent]) >= 0 {
			return
		}

		h.entries[i], h.entries[parent] = h.entries[parent], h.entries[i]
		i = parent
	}
}

func (h *worst) down(i int) {
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

// candidates are the worst connections with a copy of their rows.
type candidates struct {
	worst

	rows []sampler.Socket // by slot
}

func (h *candidates) offer(c candidate, row *sampler.Socket) {
	slot, taken := h.worst.offer(c)
	if !taken {
		return
	}

	if slot == len(h.rows) {
		h.rows = append(h.rows, sampler.Socket{})
	}

	h.rows[slot] = *row
}
