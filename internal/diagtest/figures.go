package diagtest

import "encoding/binary"

// Figures turns the input of a fuzz test into numbers. It consumes Bytes from the start,
// then returns zeros.
type Figures struct{ Bytes []byte }

// Uint64 returns any number.
func (f *Figures) Uint64() uint64 {
	var raw [8]byte

	n := copy(raw[:], f.Bytes)
	f.Bytes = f.Bytes[n:]

	return binary.LittleEndian.Uint64(raw[:])
}

// Byte returns any byte.
func (f *Figures) Byte() byte {
	if len(f.Bytes) == 0 {
		return 0
	}

	v := f.Bytes[0]
	f.Bytes = f.Bytes[1:]

	return v
}

// Seconds returns a time from zero to an hour, mostly a short one.
func (f *Figures) Seconds() float64 {
	limit := []uint64{1, 20, 500, 5_000, 3_600_001}[f.Byte()%5]

	return float64(f.Uint64()%limit) / 1e3
}

// Share returns 0 to 1.
func (f *Figures) Share() float64 { return float64(f.Byte()) / 255 }
