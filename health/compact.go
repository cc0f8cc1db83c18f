package health

import (
	"maps"
	"slices"
)

// spareConnections is the number of places for connections that may stay unused.
const spareConnections = 2 * chunkSize

// removed stands for a place that is gone, without a successor.
const removed = ^uint32(0)

// compact gives up memory that the table no longer needs after many connections have
// ended, a chunk per sample: its connections move to free places. A search in progress
// postpones it, because it remembers places.
func (t *Tracker) compact() {
	if t.searching || len(t.slab.free) <= spareConnections {
		t.searching = false

		return
	}

	var to [chunkSize]uint32

	base := t.slab.dropChunk(&to)
	place := func(i uint32) (uint32, bool) {
		if i >= base {
			i = to[i-base]
		}

		return i, i != removed
	}

	for n, i := range to {
		if i != removed {
			t.moved(base+uint32(n), i)
		}
	}

	t.ended, t.arrivals = moveAll(t.ended, place), moveAll(t.arrivals, place)
	t.suspects.suspicious, t.suspects.dead = moveAll(t.suspects.suspicious, place), moveAll(t.suspects.dead, place)
	t.exports.Move(place)
	t.places = fitted(t.places[:min(len(t.places), int(base))])

	for _, s := range t.spaces {
		s.compact(place)
	}
}

// moved records that a connection has another place.
func (t *Tracker) moved(from, to uint32) {
	c := t.slab.conn(to)
	t.spaceOf(c).index[c.cookie] = to

	if int(from) < len(t.places) {
		t.places = grown(t.places, to)
		t.places[to] = t.places[from]
	}
}

// compact replaces the places in the lists of a namespace, and fits them to its size.
func (s *space) compact(place func(uint32) (uint32, bool)) {
	r := &s.rest
	for i := range r.is {
		one, known := &r.is[i], false
		if one.index == awake {
			continue
		}

		if one.index, known = place(one.index); !known {
			*one = resting{} // no socket has its cookie
		}
	}

	r.is, r.was = fitted(r.is), fitted(r.was[:0])

	if oversized(s.indexPeak, len(s.index)) {
		s.index, s.indexPeak = maps.Collect(maps.All(s.index)), len(s.index)
	}
}

// dropChunk moves the connections of the last chunk to free places in front of it and
// gives it up. It returns the first place of the chunk, and sets where each of its
// connections is now.
func (s *slab) dropChunk(to *[chunkSize]uint32) (base uint32) {
	base = uint32(len(s.seen) - chunkSize)
	s.free = fitted(slices.DeleteFunc(s.free, func(i uint32) bool { return i >= base }))

	for n := range to {
		to[n] = removed

		if from := base + uint32(n); s.seen[from] != neverSeen {
			to[n] = s.move(from)
		}
	}

	last := len(s.conns) - 1
	s.conns[last], s.lasts[last] = nil, nil
	s.conns, s.lasts, s.seen = s.conns[:last], s.lasts[:last], fitted(s.seen[:base])

	return base
}

// move moves a connection to a free place.
func (s *slab) move(from uint32) (to uint32) {
	to = s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	*s.conn(to), *s.last(to), s.seen[to] = *s.conn(from), *s.last(from), s.seen[from]

	if number := s.conn(to).window; number != 0 {
		s.windows.Move(number, to)
	}

	return to
}

// moveAll replaces the places in a list, without those that are gone.
func moveAll(list []uint32, place func(uint32) (uint32, bool)) []uint32 {
	moved := list[:0]

	for _, i := range list {
		if to, known := place(i); known {
			moved = append(moved, to)
		}
	}

	return fitted(moved)
}

// grown returns a list that is long enough to hold a place.
func grown(list []uint32, place uint32) []uint32 {
	for int(place) >= len(list) {
		list = append(list, 0)
	}

	return list
}

// oversized reports whether most of the memory of a list is unused.
func oversized(capacity, length int) bool { return capacity > 4*(length+chunkSize) }

// fitted returns a list without the memory that it does not need.
func fitted[S ~[]E, E any](list S) S {
	if oversized(cap(list), len(list)) {
		return append(make(S, 0, len(list)), list...)
	}

	return list
}
