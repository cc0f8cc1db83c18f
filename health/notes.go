package health

import "tcphealth_exporter/health/judge"

// noNote stands for a connection without active flags.
const noNote = -1

// notes keeps the evidence of the connections with active flags, from which
// sentences are made on request.
type notes struct {
	all  []judge.Evidence
	free []int32
}

// keep returns the index of the note that holds the evidence for the flags,
// given the index of the previous one.
func (n *notes) keep(i int32, flags judge.Flags, e *judge.Evidence) int32 {
	if flags == 0 {
		n.drop(i)

		return noNote
	}

	switch {
	case i != noNote:
	case len(n.free) > 0:
		i = n.free[len(n.free)-1]
		n.free = n.free[:len(n.free)-1]
	default:
		i = int32(len(n.all))
		n.all = append(n.all, judge.Evidence{})
	}

	n.all[i] = *e

	return i
}

func (n *notes) drop(i int32) {
	if i != noNote {
		n.free = append(n.free, i)
	}
}

// used returns the number of notes.
func (n *notes) used() int { return len(n.all) - len(n.free) }

// compactNotes gives up the memory of notes that are no longer needed, after many
// connections were unhealthy at once.
func (t *Tracker) compactNotes() {
	n := &t.notes
	if !oversized(len(n.all), n.used()) {
		return
	}

	all := make([]judge.Evidence, 0, n.used())

	for i, seen := range t.slab.seen {
		if c := t.slab.conn(uint32(i)); seen != neverSeen && c.note != noNote {
			all = append(all, n.all[c.note])
			c.note = int32(len(all) - 1)
		}
	}

	n.all, n.free = all, nil
}

// reasons returns a sentence for each active flag, and one for a status that is
// held without any.
func (t *Tracker) reasons(c *connection) []string {
	v := c.judged.Verdict()

	var e *judge.Evidence
	if c.note != noNote {
		e = &t.notes.all[c.note]
	}

	return judge.Explain(v, e, t.thresholds(c))
}
