package window

import "slices"

// Pool has the samples of the windows in use, in chunks, so that growing moves nothing. A
// window is known by its number; numbers begin at one.
type Pool struct {
	length int // samples of each
	chunks [][]Sample
	// owners has the connection of each window, free the numbers of the unused ones.
	owners []uint32
	free   []uint32
}

const (
	chunkBits = 10
	chunkSize = 1 << chunkBits
	chunkMask = chunkSize - 1

	noOwner = ^uint32(0)
	// spareWindows is the number of windows that may stay unused.
	spareWindows = 2 * chunkSize
)

// NewPool returns a pool of windows of a geometry.
func NewPool(g *Geometry) Pool { return Pool{length: g.Length} }

// Take returns the number of a window for a connection.
func (w *Pool) Take(owner uint32) uint32 {
	if len(w.free) == 0 {
		w.grow()
	}

	number := w.free[len(w.free)-1]
	w.free = w.free[:len(w.free)-1]
	w.owners[number-1] = owner

	return number
}

func (w *Pool) grow() {
	base := uint32(len(w.owners)) + 1
	w.chunks = append(w.chunks, make([]Sample, chunkSize*w.length))

	for n := uint32(chunkSize); n > 0; n-- {
		w.owners = append(w.owners, noOwner)
		w.free = append(w.free, base+n-1)
	}
}

// Give returns a window.
func (w *Pool) Give(number uint32) {
	w.owners[number-1] = noOwner
	w.free = append(w.free, number)
}

// Move records that a window belongs to another connection.
func (w *Pool) Move(number, owner uint32) { w.owners[number-1] = owner }

// At returns the samples of a window.
func (w *Pool) At(number uint32) []Sample {
	n := number - 1
	from := int(n&chunkMask) * w.length

	return w.chunks[n>>chunkBits][from : from+w.length : from+w.length]
}

// Shrink frees the last chunk if too many windows are unused. Its windows move to
// others, which moved reports, so that a burst of traffic on all connections does not
// cost memory for ever.
func (w *Pool) Shrink(moved func(owner, number uint32)) {
	if len(w.free) <= spareWindows {
		return
	}

	last := uint32(len(w.owners) - chunkSize)
	w.free = slices.DeleteFunc(w.free, func(number uint32) bool { return number > last })

	for number := last + 1; number <= last+chunkSize; number++ {
		if owner := w.owners[number-1]; owner != noOwner {
			to := w.Take(owner)
			copy(w.At(to), w.At(number))
			moved(owner, to)
		}
	}

	w.owners = w.owners[:last]
	w.chunks[len(w.chunks)-1] = nil
	w.chunks = w.chunks[:len(w.chunks)-1]
}

// Len returns the number of windows, in use or not.
func (w *Pool) Len() int { return len(w.owners) }

// Used returns the number of windows in use.
func (w *Pool) Used() int { return len(w.owners) - len(w.free) }

// Owner returns the connection of a window in use.
func (w *Pool) Owner(number uint32) uint32 { return w.owners[number-1] }

// Bytes returns the memory that all windows take.
func (w *Pool) Bytes() int {
	const perNumber = 4

	return len(w.chunks)*chunkSize*w.length*SampleBytes + (cap(w.free)+cap(w.owners))*perNumber
}
