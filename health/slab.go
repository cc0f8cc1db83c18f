package health

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
	chunkMask = chunkSize - 1
)

// slab holds connections and their rings in chunks, so that growing moves
// nothing and a connection's index stays valid until it is freed.
type slab struct {
	ringLength int
	conns      [][]connection
	rings      [][]sample
	// seen holds the generation in which each connection was last in a dump,
	// apart from the connections so that a sweep reads four bytes of each.
	seen []uint32
	free []uint32
	used int
}

// Sizes in bytes of what the slab holds, for the estimate of its memory.
const (
	connectionBytes = 384
	sampleBytes     = 72
)

// neverSeen marks a free place in seen.
const neverSeen = 0

func (s *slab) conn(i uint32) *connection { return &s.conns[i>>chunkBits][i&chunkMask] }

// ring returns a view of the connection's window; store keeps its position.
func (s *slab) ring(i uint32, c *connection) ring {
	from := int(i&chunkMask) * s.ringLength

	return ring{
		samples: s.rings[i>>chunkBits][from : from+s.ringLength : from+s.ringLength],
		first:   c.ringFirst,
		count:   c.ringCount,
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
	s.conn(i).cookie = 0 // no socket has it, so that nobody takes the rest for a connection
	s.free = append(s.free, i)
	s.used--
}

func (s *slab) grow() {
	base := uint32(len(s.seen))
	s.conns = append(s.conns, make([]connection, chunkSize))
	s.rings = append(s.rings, make([]sample, chunkSize*s.ringLength))
	s.seen = append(s.seen, make([]uint32, chunkSize)...)

	for i := uint32(chunkSize); i > 0; i-- {
		s.free = append(s.free, base+i-1)
	}
}
