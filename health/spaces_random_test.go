package health

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/sampler"
)

// TestRandomSpaces: whatever namespaces come, go, fail and are left out of ticks, with equal
// cookies and in a table with and without room, the tracker stays sound.
func TestRandomSpaces(t *testing.T) {
	t.Parallel()

	const ticks = 150

	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWatch(t, Config{
				MaxConnections: []int{40, 10_000}[seed%2], Retention: 3 * time.Second, MaxListeners: 3,
				Export: export.Config{Max: 5, Hold: 2 * time.Second}, Groups: group.Config{Max: 3, Hold: time.Second},
			})

			for range ticks {
				w.randomTick(random)
				requireSound(t, w.tracker)
				requireDistinct(t, w.snapshot, 5)

				if random.IntN(3) == 0 {
					w.recheckSome(random)
					requireSound(t, w.tracker)
				}

				w.now = w.now.Add(time.Duration(200+random.IntN(1500)) * time.Millisecond)
			}
		})
	}
}

// randomTick samples some of six namespaces, of which some fail or are gone.
func (w *watch) randomTick(random *rand.Rand) {
	for space := range sampler.Space(6) {
		switch n := random.IntN(10); {
		case n == 0 && space != 0:
			w.tracker.Gone(space, w.now)
		case n < 4: // left out
		default:
			w.randomDump(space, n, random)
		}
	}

	w.tracker.Publish(w.now)
}

// randomDump dumps a namespace: all sockets, or at 4 only those known, or at 5 not to the end.
func (w *watch) randomDump(space sampler.Space, how int, random *rand.Rand) {
	w.tracker.Begin(space)

	known := make(map[uint64]bool)

	if how == 4 {
		for _, target := range w.tracker.Known() {
			if target.Space != space || known[target.Cookie] {
				w.tb.Fatalf("target %+v twice or in namespace %d", target, space)
			}

			known[target.Cookie] = true
		}
	}

	var rows []row

	for cookie := uint64(1); cookie <= 30; cookie++ {
		if random.IntN(8) == 0 || how == 4 && !known[cookie] {
			continue
		}

		r := established(cookie)
		if random.IntN(5) == 0 {
			r = waiting(cookie, uint32(random.IntN(5000)), uint8(random.IntN(5)))
		}

		rows = append(rows, r)
	}

	if how != 4 {
		rows = append(rows, listener(99, "0.0.0.0:443", uint32(random.IntN(4)), 4))
	}

	if how == 5 {
		rows = rows[:random.IntN(len(rows)+1)]
	}

	for i := range rows { // one by one, as connections at rest are not decoded
		sockets := in(w.tb, space, rows[i])
		if sockets[0].State != sampler.StateListen && w.tracker.Resting(w.now, sockets[0].Cookie, sockets[0].Digest) {
			continue
		}

		w.tracker.Sockets(w.now, sockets)
	}

	if how == 5 {
		w.tracker.Abort()

		return
	}

	w.tracker.End(sampler.Dump{Space: space, Start: w.now, End: w.now, Partial: how == 4})
}

// recheckSome rechecks the suspicious connections, of which some are gone.
func (w *watch) recheckSome(random *rand.Rand) {
	at := w.now.Add(100 * time.Millisecond)

	for _, target := range w.tracker.Suspicious() {
		if random.IntN(3) > 0 {
			w.tracker.Rechecked(at, in(w.tb, target.Space, waiting(target.Cookie, 300, 1)))
		}
	}

	w.tracker.Settle(at)
}
