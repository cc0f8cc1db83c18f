package health

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// feed gives the tracker one dump of sockets that were decoded before.
func feed(t *Tracker, at time.Time, sockets []sampler.Socket) {
	t.Begin(0)
	t.Sockets(at, sockets)
	t.End(sampler.Dump{Start: at, End: at, Sockets: len(sockets)})
	t.Publish(at)
}

// population returns sockets with the cookies 1 to n, the first unhealthy of them
// with unanswered SYNs.
func population(tb testing.TB, n, unhealthy int) []sampler.Socket {
	tb.Helper()

	rows := make([]row, n)
	for i := range rows {
		rows[i] = established(uint64(i + 1))
		if i < unhealthy {
			rows[i].State, rows[i].Info.Retransmits, rows[i].Info.RTT = sampler.StateSynSent, 3, 0
		}
	}

	return diagtest.Decode(tb, rows...)
}

// followed reports whether the last dump added to the connection's window.
func (t *Tracker) followed(cookie uint64) bool {
	i, known := t.at.index[cookie]

	return known && t.slab.seen[i] == t.at.generation
}

func TestCrowdedTableTakesTurns(t *testing.T) {
	const (
		capacity, n = 100, 1000
		seconds     = 240
	)

	for _, unhealthy := range []int{0, 5, 30} {
		t.Run(fmt.Sprint(unhealthy, " unhealthy"), func(t *testing.T) {
			var snapshot *Snapshot

			tracker := NewTracker(Config{MaxConnections: capacity, Export: export.Config{Max: 5}}, func(s *Snapshot) { snapshot = s })
			sockets := population(t, n, unhealthy)
			last := make(map[uint64]int, n)
			now := start
			unhealthySince := 0

			for tick := range seconds {
				feed(tracker, now, sockets)
				now = now.Add(time.Second)

				if tracker.slab.used > capacity {
					t.Fatalf("%d connections in a table of %d", tracker.slab.used, capacity)
				}

				allUnhealthy := true

				for cookie := uint64(1); cookie <= n; cookie++ {
					if tracker.followed(cookie) {
						last[cookie] = tick
					} else if allUnhealthy = allUnhealthy && cookie > uint64(unhealthy); tick-last[cookie] > 61 {
						t.Fatalf("after %d s connection %d has had no turn for %d s", tick, cookie, tick-last[cookie])
					}
				}

				if !allUnhealthy {
					unhealthySince = tick
				}

				if tick > 0 && snapshot.Tracker.Untracked != n-tracker.followedCount() {
					t.Fatalf("%d untracked, %d followed", snapshot.Tracker.Untracked, tracker.followedCount())
				}
			}

			if unhealthySince > 61 {
				t.Errorf("an unhealthy connection was dropped %d s after the start", unhealthySince)
			}

			if s := snapshot.Tracker; s.Overflow == 0 || s.Opened != 0 || s.Closed != 0 {
				t.Errorf("turns count as %d opened, %d closed, %d overflown", s.Opened, s.Closed, s.Overflow)
			}

			requireSound(t, tracker)
		})
	}
}

// followedCount returns how many connections were in the last dump.
func (t *Tracker) followedCount() (n int) {
	for cookie := range t.at.index {
		if t.followed(cookie) {
			n++
		}
	}

	return n
}

// TestCrowdedTableOfUnhealthyOnes has more unhealthy and shown connections than places:
// half of the table still goes around.
func TestCrowdedTableOfUnhealthyOnes(t *testing.T) {
	for name, tc := range map[string]struct{ unhealthy, shown int }{"unhealthy": {600, 5}, "shown": {0, 100}} {
		t.Run(name, func(t *testing.T) {
			tracker := NewTracker(Config{MaxConnections: 100, Export: export.Config{Max: tc.shown}}, func(*Snapshot) {})
			sockets := population(t, 600, tc.unhealthy)
			seen := make(map[uint64]bool)
			now := start

			for range 180 {
				feed(tracker, now, sockets)
				now = now.Add(time.Second)

				for cookie := range tracker.at.index {
					seen[cookie] = true
				}
			}

			if len(seen) != 600 {
				t.Errorf("%d of 600 had a turn", len(seen))
			}

			requireSound(t, tracker)
		})
	}
}

func TestTableWithRoomDoesNotTurn(t *testing.T) {
	tracker := NewTracker(Config{MaxConnections: 100}, func(*Snapshot) {})
	sockets := population(t, 100, 0)
	now := start

	for range 200 {
		feed(tracker, now, sockets)
		now = now.Add(time.Second)

		if tracker.followedCount() != 100 || tracker.stats.Overflow != 0 {
			t.Fatalf("%d of 100 followed", tracker.followedCount())
		}
	}

	// The crowd comes and goes.
	for range 10 {
		feed(tracker, now, population(t, 150, 0))
		now = now.Add(time.Second)
	}

	if !tracker.admission.crowded {
		t.Error("150 connections are no crowd")
	}

	openedBefore := tracker.stats.Opened

	for range 5 {
		feed(tracker, now, sockets)
		now = now.Add(time.Second)
	}

	if opened := tracker.stats.Opened; opened != openedBefore {
		t.Errorf("%d connections opened by the end of the crowd", opened-openedBefore)
	}

	if tracker.admission.crowded || tracker.followedCount() != 100 {
		t.Errorf("crowded %v, %d followed", tracker.admission.crowded, tracker.followedCount())
	}
}

// TestAdmissionLetsEveryoneIn simulates the circle alone, for a crowd in which
// no one can have a turn each minute.
func TestAdmissionLetsEveryoneIn(t *testing.T) {
	const capacity, n = 100, 100_000

	a := admission{capacity: capacity}
	waiting := make(map[uint64]bool, n)

	for cookie := uint64(1); cookie <= n; cookie++ {
		waiting[cookie] = true
	}

	a.advance(time.Second, n, 0)

	// Each tick as much of the circle as the table holds: n/(7/8·capacity) of them.
	for tick := range n*8/7/capacity + 2 {
		inside := 0

		for cookie := range waiting {
			if a.admits(cookie) {
				inside++
				delete(waiting, cookie)
			}
		}

		if inside > 2*capacity {
			t.Fatalf("tick %d: %d of %d at once", tick, inside, capacity)
		}

		a.advance(time.Second, n, 0)
	}

	if len(waiting) != 0 {
		t.Errorf("%d had no turn", len(waiting))
	}
}

// TestAdmissionJumpsOverNobody has a crowd whose size changes all the time.
func TestAdmissionJumpsOverNoOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	a := admission{capacity: 1000}
	a.advance(time.Second, 5000, 0)

	for range 10_000 {
		from, width := a.start, a.width
		passed := time.Duration(random.Int64N(int64(90 * time.Second)))
		a.advance(passed, 1001+random.IntN(100_000), random.IntN(1100))

		if a.start-from > width {
			t.Fatalf("after %v the arc moved by %d of %d", passed, a.start-from, width)
		}

		if a.width == 0 || !a.admitsAt(a.start) || a.admitsAt(a.start-1) && a.width != ^uint64(0) {
			t.Fatalf("an arc of %d does not begin at its beginning", a.width)
		}
	}

	a.advance(time.Second, 1000, 0)

	if a.crowded || !a.admits(12345) {
		t.Error("a table with room for all leaves somebody out")
	}
}

func (a *admission) admitsAt(place uint64) bool { return place-a.start < a.width }

func TestPlacesAreSpread(t *testing.T) {
	var buckets [64]int

	const n = 64_000
	for cookie := uint64(1); cookie <= n; cookie++ {
		buckets[place(cookie)>>58]++
	}

	for i, count := range buckets {
		if count < n/64*8/10 || count > n/64*12/10 {
			t.Errorf("%d of %d cookies in bucket %d of 64", count, n, i)
		}
	}
}

func TestMemoryIsBoundedUnderChurn(t *testing.T) {
	tracker := NewTracker(Config{MaxConnections: 200, Export: export.Config{Max: 10}, Retention: 3 * time.Second}, func(*Snapshot) {})
	sockets := population(t, 300, 20)
	now := start
	next := uint64(1)

	var bound int

	for tick := range 500 {
		for i := range sockets {
			if i%3 == 0 { // a third is new each second
				next++
				sockets[i].Cookie = 1_000_000 + next
				sockets[i].Remote.Port = uint16(next)
			}
		}

		feed(tracker, now, sockets[:100+tick%200])
		now = now.Add(time.Second)

		if tick == 100 {
			bound = tracker.bytes()
		}

		if len(tracker.slab.seen) > chunkSize || cap(tracker.ended) > 4*200 || tick > 100 && tracker.bytes() > bound*5/4 {
			t.Fatalf("after %d s: %d places, %d bytes of %d, room for %d ended",
				tick, len(tracker.slab.seen), tracker.bytes(), bound, cap(tracker.ended))
		}
	}

	requireSound(t, tracker)
}
