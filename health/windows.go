package health

// windows has the samples of the connections that need more than their newest one,
// in chunks, so that growing moves nothing.
type windows struct {
	length int // samples of each
	chunks [][]sample
	// free are the numbers that nobody has. Zero is none.
	free []uint32
}

// take returns the number of a window.
func (w *windows) take() uint32 {
	if len(w.free) == 0 {
		base := uint32(len(w.chunks)*chunkSize) + 1
		w.chunks = append(w.chunks, make([]sample, chunkSize*w.length))

		for n := uint32(chunkSize); n > 0; n-- {
			w.free = append(w.free, base+n-1)
		}
	}

	number := w.free[len(w.free)-1]
	w.free = w.free[:len(w.free)-1]

	return number
}

// give takes back a window.
func (w *windows) give(number uint32) { w.free = append(w.free, number) }

// at returns the samples of a window.
func (w *windows) at(number uint32) []sample {
	n := number - 1
	from := int(n&chunkMask) * w.length

	return w.chunks[n>>chunkBits][from : from+w.length : from+w.length]
}

// bytes returns the memory that all windows take.
func (w *windows) bytes() int { return len(w.chunks)*chunkSize*w.length*sampleBytes + cap(w.free)*4 }
