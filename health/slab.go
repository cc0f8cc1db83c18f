package health

import (
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/window"
)

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
	chunkMask = chunkSize - 1
)

// slab holds connections in chunks, so that growing moves nothing and a
// connection's index stays valid until it is freed.
type slab struct {
	conns [][]connection
	// lasts has the newest sample of each connection that needs no other, windows those
	// of the rest.
	lasts   [][]window.Sample
	windows window.Pool
	// seen holds the generation in which each connection was last in a dump,
	// apart from the connections so that a sweep reads four bytes of each.
	seen []uint32
	free []uint32
	used int
}

// Sizes in bytes, for the estimate of the memory of the table.
const (
	connectionBytes = 432
	restingBytes    = 24
)

// neverSeen marks a free place in seen.
const neverSeen = 0

func (s *slab) conn(i uint32) *connection { return &s.conns[i>>chunkBits][i&chunkMask] }

// last returns the place for the newest sample of a connection without a window.
func (s *slab) last(i uint32) *window.Sample { return &s.lasts[i>>chunkBits][i&chunkMask] }

// ring returns a view of the connection's window: of its newest sample alone if that
// is all there is.
func (s *slab) ring(i uint32) window.Window {
	c := s.conn(i)
	if c.window != 0 {
		return window.New(s.windows.At(c.window), c.position)
	}

	k := i & chunkMask

	return window.New(s.lasts[i>>chunkBits][k:k+1], c.position)
}

// growing is ring with room for another sample.
func (s *slab) growing(i uint32) window.Window {
	if c := s.conn(i); c.window == 0 && c.position.Count > 0 {
		c.window, c.position.First = s.windows.Take(i), 0
		s.windows.At(c.window)[0] = *s.last(i)
	}

	return s.ring(i)
}

// tidy gives up memory that windows no longer need, a little at a time.
func (s *slab) tidy() {
	s.windows.Shrink(func(owner, number uint32) { s.conn(owner).window = number })
}

// shrink leaves a connection its newest sample.
func (s *slab) shrink(i uint32) {
	c := s.conn(i)
	if c.window == 0 {
		return
	}

	r := s.ring(i)
	*s.last(i) = *r.Newest()
	s.windows.Give(c.window)
	c.window, c.position = 0, window.Position{Count: 1}
}

// fill copies a window into the connection's own and returns its position.
func (s *slab) fill(i uint32, from *window.Window) window.Position {
	w := s.growing(i)
	w.CopyFrom(from)

	return w.Position()
}

// alloc returns the index of a zeroed connection.
func (s *slab) alloc() uint32 {
	if len(s.free) == 0 {
		s.grow()
	}

	i := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	s.used++
	*s.conn(i) = connection{place: export.NoPlace, note: noNote, group: group.None}

	return i
}

func (s *slab) release(i uint32) {
	s.seen[i] = neverSeen
	s.shrink(i)
	s.conn(i).cookie = 0 // no socket has it, so that the remains match none
	s.free = append(s.free, i)
	s.used--
}

func (s *slab) grow() {
	base := uint32(len(s.seen))
	s.conns = append(s.conns, make([]connection, chunkSize))
	s.lasts = append(s.lasts, make([]window.Sample, chunkSize))
	s.seen = append(s.seen, make([]uint32, chunkSize)...)

	for i := uint32(chunkSize); i > 0; i-- {
		s.free = append(s.free, base+i-1)
	}
}
