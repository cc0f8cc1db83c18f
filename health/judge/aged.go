package judge

import "math"

// aged is the least or the highest value of late, in two buckets of time, so
// that it ages slowly. Zero stands for none.
type aged struct {
	current, previous uint32
	since             Stamp
}

// extreme tells which of two values an [aged] keeps.
type extreme func(a, b uint32) bool

func least(a, b uint32) bool   { return a < b }
func highest(a, b uint32) bool { return a > b }

// observe takes in a value; it counts for at least half of age, in ms.
func (a *aged) observe(v uint32, now Stamp, age int64, better extreme) {
	if v == 0 {
		return
	}

	if passed := int64(now - a.since); passed >= age/2 {
		a.previous, a.current, a.since = a.current, v, now
		if passed >= age {
			a.previous = 0
		}

		return
	}

	if a.current == 0 || better(v, a.current) {
		a.current = v
	}
}

// value returns the extreme, zero for none.
func (a *aged) value(better extreme) uint32 {
	if a.current == 0 || a.previous != 0 && better(a.previous, a.current) {
		return a.previous
	}

	return a.current
}

// saturated converts a rate, which may be beyond 4 GB/s.
func saturated(rate float64) uint32 { return uint32(min(rate, math.MaxUint32)) }
