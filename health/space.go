package health

import "tcphealth_exporter/sampler"

// space is the state of one network namespace. Each is dumped on a schedule of its own,
// so that a failed or slow one neither ends nor delays the connections of the others.
type space struct {
	id    sampler.Space
	index map[uint64]uint32 // by cookie
	// indexPeak is the largest length of the index since it was made.
	indexPeak int
	// generation is that of the current or last dump. All namespaces draw generations
	// from one sequence.
	generation uint32
	clock      clock
	rest       rest
	listeners  listeners
	tick       tickCounts
	aborts     aborts
	// sampledFrom is when the previous sample began, in ms on the tracker's clock.
	sampledFrom int64
	first       bool // until the first complete sample
}

// enter makes a namespace the current one, and creates it if it is new.
func (t *Tracker) enter(id sampler.Space) {
	for _, s := range t.spaces {
		if s.id == id {
			t.at = s

			return
		}
	}

	t.at = &space{
		id:     id,
		index:  make(map[uint64]uint32),
		clock:  clock{interval: t.cfg.Interval.Milliseconds()},
		rest:   newRest(&t.geometry, &t.places),
		aborts: make(aborts),
		first:  true,
	}
	t.spaces = append(t.spaces, t.at)
}

// spaceOf returns the namespace of a connection.
func (t *Tracker) spaceOf(c *connection) *space {
	if c.space == t.at.id {
		return t.at
	}

	for _, s := range t.spaces {
		if s.id == c.space {
			return s
		}
	}

	return t.at // not reached: a connection is created in its namespace
}

// find returns the connection with a key.
func (t *Tracker) find(key sampler.Key) (i uint32, known bool) {
	for _, s := range t.spaces {
		if s.id == key.Space {
			i, known = s.index[key.Cookie]

			return i, known
		}
	}

	return 0, false
}

// sampled reports whether the last sample of its namespace contained a connection.
func (t *Tracker) sampled(i uint32, c *connection) bool {
	return t.slab.seen[i] == t.spaceOf(c).generation
}

// wakeAll evaluates all connections in full in the samples to come.
func (t *Tracker) wakeAll() {
	for _, s := range t.spaces {
		s.rest.clear()
	}
}

// ticks returns the sums over the last samples of all namespaces.
func (t *Tracker) ticks() (sum tickCounts) {
	for _, s := range t.spaces {
		sum.sockets += s.tick.sockets
		sum.untracked += s.tick.untracked
		sum.kept += s.tick.kept

		for state, n := range s.tick.states {
			sum.states[state] += n
		}
	}

	return sum
}
