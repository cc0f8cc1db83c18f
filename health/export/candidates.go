package export

import (
	"cmp"
	"slices"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// Candidate is a connection that competes for a limited number of places.
type Candidate struct {
	// Index identifies the connection.
	Index     uint32
	Status    judge.Status
	Points    int8
	FirstSeen int64 // ms on the tracker's clock
	slot      int   // constant while the heap moves
}

// compare orders by severity, then by age, the more deserving being greater.
func (a *Candidate) compare(b *Candidate) int {
	return cmp.Or(
		cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.Points, b.Points),
		cmp.Compare(b.FirstSeen, a.FirstSeen),
		cmp.Compare(b.Index, a.Index),
	)
}

// Worst keeps the worst candidates in a heap, the best of them on top.
type Worst struct {
	limit   int
	entries []Candidate
}

// NewWorst returns a heap of at most limit candidates.
func NewWorst(limit int) Worst { return Worst{limit: limit} }

// Clear drops all candidates.
func (h *Worst) Clear() { h.entries = h.entries[:0] }

// Offer takes a candidate, unless all others are more deserving. It returns the slot of
// the candidate: a new one, or that of the candidate that it replaces.
func (h *Worst) Offer(c Candidate) (slot int, taken bool) {
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

// Sort puts the most deserving first. Nothing can be offered afterwards.
func (h *Worst) Sort() {
	slices.SortFunc(h.entries, func(a, b Candidate) int { return -a.compare(&b) })
}

// Entries returns the candidates, the most deserving first after Sort.
func (h *Worst) Entries() []Candidate { return h.entries }

func (h *Worst) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h.entries[i].compare(&h.entries[parent]) >= 0 {
			return
		}

		h.entries[i], h.entries[parent] = h.entries[parent], h.entries[i]
		i = parent
	}
}

func (h *Worst) down(i int) {
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

// candidates are the worst connections with a copy of their sockets.
type candidates struct {
	Worst

	sockets []sampler.Socket // by slot
}

func (h *candidates) offer(c Candidate, s *sampler.Socket) {
	slot, taken := h.Offer(c)
	if !taken {
		return
	}

	if slot == len(h.sockets) {
		h.sockets = append(h.sockets, sampler.Socket{})
	}

	h.sockets[slot] = *s
}
