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
	// lasts has the newest sample of each connection without a window, windows those
	// of the others.
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

// ring returns a view of the connection's window, which it gets if it has none; store
// keeps its position.
func (s *slab) ring(c *connection) ring {
	if c.window == 0 {
		c.window, c.ringFirst, c.ringCount = s.windows.take(), 0, 0
	}

	return ring{samples: s.windows.at(c.window), first: c.ringFirst, count: c.ringCount}
}

// dropRing takes the window of a connection.
func (s *slab) dropRing(c *connection) {
	if c.window != 0 {
		s.windows.give(c.window)
		c.window = 0
	}
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
	s.dropRing(s.conn(i))
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
