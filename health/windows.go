package health

import "tcphealth_exporter/health/window"

// windows has the samples of the connections that need more than the newest one, in
// chunks, so that growing moves nothing.
type windows struct {
	length int // samples of each
	chunks [][]window.Sample
	// owners has the connection of each window. free are the numbers of the unused ones;
	// numbers begin at one.
	owners []uint32
	free   []uint32
}

const (
	noOwner = ^uint32(0)
	// spareWindows is the number of windows that may stay unused.
	spareWindows = 2 * chunkSize
)

// take returns the number of a window for a connection.
func (w *windows) take(owner uint32) uint32 {
	if len(w.free) == 0 {
		w.grow()
	}

	number := w.free[len(w.free)-1]
	w.free = w.free[:len(w.free)-1]
	w.owners[number-1] = owner

	return number
}

func (w *windows) grow() {
	base := uint32(len(w.owners)) + 1
	w.chunks = append(w.chunks, make([]window.Sample, chunkSize*w.length))

	for n := uint32(chunkSize); n > 0; n-- {
		w.owners = append(w.owners, noOwner)
		w.free = append(w.free, base+n-1)
	}
}

// give returns a window.
func (w *windows) give(number uint32) {
	w.owners[number-1] = noOwner
	w.free = append(w.free, number)
}

// at returns the samples of a window.
func (w *windows) at(number uint32) []window.Sample {
	n := number - 1
	from := int(n&chunkMask) * w.length

	return w.chunks[n>>chunkBits][from : from+w.length : from+w.length]
}

// shrink frees the last chunk if too many windows are unused. Its windows move to
// others, which moved reports, so that a burst of traffic on all connections does not
// cost memory for ever.
func (w *windows) shrink(moved func(owner, number uint32)) {
	if len(w.free) <= spareWindows {
		return
	}

	last := uint32(len(w.owners) - chunkSize)
	below := w.free[:0]

	for _, number := range w.free {
		if number <= last {
			below = append(below, number)
		}
	}

	w.free = below

	for number := last + 1; number <= last+chunkSize; number++ {
		if owner := w.owners[number-1]; owner != noOwner {
			to := w.take(owner)
			copy(w.at(to), w.at(number))
			moved(owner, to)
		}
	}

	w.owners = w.owners[:last]
	w.chunks[len(w.chunks)-1] = nil
	w.chunks = w.chunks[:len(w.chunks)-1]
}

// bytes returns the memory that all windows take.
func (w *windows) bytes() int {
	const perNumber = 4

	return len(w.chunks)*chunkSize*w.length*sampleBytes + (cap(w.free)+cap(w.owners))*perNumber
}
