package health

import (
	"math"
	"time"
)

// admission shares a table that is too small. Each connection has a fixed
// place on a circle; an arc as wide as the table can hold moves around it, and
// who is inside is followed. So everyone that lives for a revolution gets its
// turn, without any memory of those left out.
type admission struct {
	capacity int
	// width is the share of the circle, out of 2^64, that is followed while crowded.
	width uint64
	start uint64
	// crowded: not all connections fit; relaxed: this has just ended, so
	// that those who were left out come in.
	crowded, relaxed bool
}

// revolution is how long the arc takes around the circle, unless that would
// make it jump over somebody between two ticks.
const revolution = time.Minute

// admissionFill is the share of the table the arc is made for; the rest takes
// up that hashes don't spread evenly.
const admissionFill = 7.0 / 8

// advance moves the arc by the time that passed. population is the number of
// connections in the last dump, kept the number of those that stay in the table
// wherever the arc is.
func (a *admission) advance(passed time.Duration, population, kept int) {
	crowded := population > a.capacity
	a.crowded, a.relaxed = crowded, a.crowded && !crowded

	if !a.crowded {
		return
	}

	room := max(1, float64(a.capacity-kept)) * admissionFill
	share := min(room/float64(population), 1)
	// Not beyond the end of the old arc: there the next ones have their places.
	a.start += min(toCircle(passed.Seconds()/revolution.Seconds()), a.width)
	a.width = toCircle(share)
}

// admits reports whether it is the connection's turn.
func (a *admission) admits(cookie uint64) bool {
	return !a.crowded || place(cookie)-a.start < a.width
}

func toCircle(share float64) uint64 {
	if share >= 1 {
		return math.MaxUint64
	}

	return uint64(share * (1 << 64))
}

// place spreads cookies, which the kernel hands out in runs, over the circle
// (the finalizer of SplitMix64).
func place(cookie uint64) uint64 {
	cookie ^= cookie >> 30
	cookie *= 0xbf58476d1ce4e5b9
	cookie ^= cookie >> 27
	cookie *= 0x94d049bb133111eb

	return cookie ^ cookie>>31
}
