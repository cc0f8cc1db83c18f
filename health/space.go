package health

import (
	"maps"
	"slices"
	"time"

	"tcphealth_exporter/sampler"
)

// space is the state of one network namespace. Each is dumped on a schedule of its own,
// so that a failed or slow one neither ends nor delays the connections of the others.
type space struct {
	id    sampler.Space
	name  string            // empty for the exporter's own
	index map[uint64]uint32 // by cookie
	// indexPeak is the largest length of the index since it was made.
	indexPeak int
	// generation is that of the current or last dump. All namespaces draw generations
	// from one sequence.
	generation uint32
	// listenedIn is the generation of the last dump with listeners, listening is how many
	// there were. revisited: this dump may contain connections twice.
	listenedIn uint32
	listening  int
	revisited  bool
	clock      clock
	rest       rest
	listeners  listeners
	// tick has the counts of this dump or the last one, lastTick those of the previous one.
	tick, lastTick tickCounts
	aborts         aborts
	// sampledFrom is when the previous sample began, in ms on the tracker's clock.
	sampledFrom int64
	first       bool // until the first complete sample is published
	complete    bool // a dump was complete since the last publication
	gone        bool // it is no longer sampled
}

// enter makes a namespace the current one, and creates it if it is new.
func (t *Tracker) enter(id sampler.Space) {
	if s := t.spaceByID[id]; s != nil {
		t.at = s

		return
	}

	t.at = &space{
		id:     id,
		index:  make(map[uint64]uint32),
		clock:  clock{interval: t.cfg.Interval.Milliseconds()},
		rest:   newRest(&t.geometry, &t.places),
		aborts: make(aborts),
		first:  true,
	}
	if id != 0 {
		t.at.clock.interval = t.cfg.OthersInterval.Milliseconds()

		if t.cfg.SpaceName != nil {
			t.at.name = t.cfg.SpaceName(id)
		}
	}

	t.spaces = append(t.spaces, t.at)
	t.spaceByID[id] = t.at
}

// Gone implements [sampler.Consumer]: the connections of the namespace end.
func (t *Tracker) Gone(id sampler.Space, at time.Time) {
	s := t.spaceByID[id]
	if s == nil {
		return
	}

	t.at = s
	now := t.times.read(at)
	t.forgetSuspects()

	for _, i := range s.indexed() {
		if c := t.slab.conn(i); c.endedAt == 0 {
			t.uncount(c)
			c.missed = confirmations
			t.end(i, c, EndNamespaceGone, now)
		}
	}

	t.kept -= s.tick.kept
	s.gone, s.tick, s.listeners, s.aborts = true, tickCounts{}, listeners{}, make(aborts)
	s.rest.clear()
}

// Known implements [sampler.Consumer]: those at rest come first, in the order in which they
// are found fastest.
func (t *Tracker) Known() []sampler.Target {
	t.at.revisited = true
	t.known = t.known[:0]
	rest := &t.at.rest

	for n := range rest.was {
		if r := &rest.was[n]; r.index != awake && t.slab.conn(r.index).cookie == r.cookie {
			t.known = append(t.known, t.slab.conn(r.index).target())
		}
	}

	for _, i := range t.at.indexed() {
		c := t.slab.conn(i)
		if _, known := rest.placeOf(i, c.cookie); c.endedAt == 0 && !known {
			t.known = append(t.known, c.target())
		}
	}

	return t.known
}

// noteListeners records the listeners of this dump. A partial one has none: those of the
// last dump are taken to exist still.
func (s *space) noteListeners(partial bool) {
	count := &s.tick.states[sampler.StateListen]
	if !partial {
		s.listenedIn, s.listening = s.generation, *count

		return
	}

	*count = s.listening
	s.tick.sockets += s.listening
}

// indexed returns the places of the namespace's connections in ascending order.
func (s *space) indexed() []uint32 { return slices.Sorted(maps.Values(s.index)) }

// leaveSpaces forgets the namespaces that are gone once the retention of their
// connections is over, so that their numbers may be used again.
func (t *Tracker) leaveSpaces() {
	t.spaces = slices.DeleteFunc(t.spaces, func(s *space) bool {
		over := s.gone && len(s.index) == 0
		if over {
			delete(t.spaceByID, s.id)
		}

		return over
	})
	t.at = t.spaces[0]
}

// spaceOf returns the namespace of a connection.
func (t *Tracker) spaceOf(c *connection) *space {
	if c.space == t.at.id {
		return t.at
	}

	return t.spaceByID[c.space]
}

// find returns the connection with a key.
func (t *Tracker) find(key sampler.Key) (i uint32, known bool) {
	if s := t.spaceByID[key.Space]; s != nil {
		i, known = s.index[key.Cookie]
	}

	return i, known
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

		for state, n := range s.tick.states {
			sum.states[state] += n
		}
	}

	return sum
}
