package health

import (
	"math"
	"time"
)

// admission shares a table that is too small. Each connection has a fixed place on a
// circle. An arc as wide as the table moves around the circle, and the connections
// inside are tracked. So each connection that lasts for a revolution gets its turn,
// without any memory of the others.
type admission struct {
	capacity int
	// width is the share of the circle, out of 2^64, that is tracked while crowded.
	width uint64
	start uint64
	// crowded: not all connections fit; relaxed: this has just ended, so that the others
	// come in.
	crowded, relaxed bool
}

// revolution is the time of the arc around the circle, unless it would then skip a
// connection between two samples.
const revolution = time.Minute

// admissionFill is the share of the table that the arc is sized for; the rest absorbs
// the uneven distribution of hashes.
const admissionFill = 7.0 / 8

// advance moves the arc by the elapsed time. population is the number of connections in
// the last dump, kept the number of those that stay in the table regardless of the arc.
func (a *admission) advance(passed time.Duration, population, kept int) {
	crowded := population > a.capacity
	a.crowded, a.relaxed = crowded, a.crowded && !crowded

	if !a.crowded {
		return
	}

	room := max(1, float64(a.capacity-kept)) * admissionFill
	share := min(room/float64(population), 1)
	// Not beyond the end of the old arc, where the next ones are.
	a.start += min(toCircle(passed.Seconds()/revolution.Seconds()), a.width)
	a.width = toCircle(share)
}

// admits reports whether a connection is inside the arc.
func (a *admission) admits(cookie uint64) bool {
	return !a.crowded || place(cookie)-a.start < a.width
}

func toCircle(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}

	return uint64(share * (1 << 64))
}

// place spreads cookies, which are assigned in sequence, over the circle (the finalizer
// of SplitMix64).
func place(cookie uint64) uint64 {
	cookie ^= cookie >> 30
	cookie *= 0xbf58476d1ce4e5b9
	cookie ^= cookie >> 27
	cookie *= 0x94d049bb133111eb

	return cookie ^ cookie>>31
}
