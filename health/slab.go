package health

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
	chunkMask = chunkSize - 1
)

// slab holds connections in chunks, so that growing moves nothing and a
// connection's index stays valid until it is freed.
type slab struct {
	conns [][]connection
	// lasts has the newest sample of each connection that has no other, windows those
	// of the rest.
	lasts   [][]sample
	windows windows
	// seen holds the generation in which each connection was last in a dump,
	// apart from the connections so that a sweep reads four bytes of each.
	seen []uint32
	free []uint32
	used int
}

// Sizes in bytes of what the slab holds, for the estimate of its memory.
const (
	connectionBytes = 392
	sampleBytes     = 72
)

// neverSeen marks a free place in seen.
const neverSeen = 0

func (s *slab) conn(i uint32) *connection { return &s.conns[i>>chunkBits][i&chunkMask] }

// last returns the place for the newest sample of a connection without a window.
func (s *slab) last(i uint32) *sample { return &s.lasts[i>>chunkBits][i&chunkMask] }

// ring returns a view of the connection's window: of its newest sample alone if that
// is all there is.
func (s *slab) ring(i uint32) ring {
	c := s.conn(i)
	if c.window != 0 {
		return ring{samples: s.windows.at(c.window), first: c.ringFirst, count: c.ringCount}
	}

	k := i & chunkMask

	return ring{samples: s.lasts[i>>chunkBits][k : k+1], count: c.ringCount}
}

// growing is ring with room for another sample; store keeps its position.
func (s *slab) growing(i uint32) ring {
	if c := s.conn(i); c.window == 0 && c.ringCount > 0 {
		c.window, c.ringFirst = s.windows.take(i), 0
		s.windows.at(c.window)[0] = *s.last(i)
	}

	return s.ring(i)
}

// tidy gives up memory that windows no longer need, a little at a time.
func (s *slab) tidy() {
	s.windows.shrink(func(owner, number uint32) { s.conn(owner).window = number })
}

// shrink leaves a connection its newest sample.
func (s *slab) shrink(i uint32) {
	c := s.conn(i)
	if c.window == 0 {
		return
	}

	r := s.ring(i)
	*s.last(i) = *r.newest()
	s.windows.give(c.window)
	c.window, c.ringFirst, c.ringCount = 0, 0, 1
}

func (c *connection) store(r *ring) { c.ringFirst, c.ringCount = r.first, r.count }

// alloc returns the index of a zeroed connection.
func (s *slab) alloc() uint32 {
	if len(s.free) == 0 {
		s.grow()
	}

	i := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	s.used++
	*s.conn(i) = connection{shown: notShown, note: noNote, group: noGroup}

	return i
}

func (s *slab) release(i uint32) {
	s.seen[i] = neverSeen
	s.shrink(i)
	s.conn(i).cookie = 0 // no socket has it, so that nobody takes the rest for a connection
	s.free = append(s.free, i)
	s.used--
}

func (s *slab) grow() {
	base := uint32(len(s.seen))
	s.conns = append(s.conns, make([]connection, chunkSize))
	s.lasts = append(s.lasts, make([]sample, chunkSize))
	s.seen = append(s.seen, make([]uint32, chunkSize)...)

	for i := uint32(chunkSize); i > 0; i-- {
		s.free = append(s.free, base+i-1)
	}
}
