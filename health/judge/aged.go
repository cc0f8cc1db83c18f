package judge

import "math"

// aged is a recent minimum or maximum, in two buckets of time, so that it ages
// slowly. Zero stands for none.
type aged struct {
	current, previous uint32
	since             Stamp
}

// better reports whether an [aged] prefers a to b.
type better func(a, b uint32) bool

func minimum(a, b uint32) bool { return a < b }
func maximum(a, b uint32) bool { return a > b }

// observe adds a value, which counts for at least half of age, in ms.
func (a *aged) observe(v uint32, now Stamp, age int64, prefer better) {
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

	if a.current == 0 || prefer(v, a.current) {
		a.current = v
	}
}

// value returns the minimum or maximum, zero for none.
func (a *aged) value(prefer better) uint32 {
	if a.current == 0 || a.previous != 0 && prefer(a.previous, a.current) {
		return a.previous
	}

	return a.current
}

// saturated converts a rate, which may be beyond 4 GB/s.
func saturated(rate float64) uint32 { return uint32(min(rate, math.MaxUint32)) }
