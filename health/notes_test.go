package health

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
)

// TestNotesDoNotLeak has connections fall unhealthy, recover, end, come back and be
// forgotten, in a table that is too small for them.
func TestNotesDoNotLeak(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	w := newWatch(t, Config{MaxConnections: 24, Retention: 3 * time.Second, Export: export.Config{Max: 4}})
	most := 0

	for range 600 {
		var rows []row

		for cookie := uint64(1); cookie <= 32; cookie++ {
			switch random.IntN(4) {
			case 0: // not there
			case 1:
				rows = append(rows, unhealthy(cookie, uint8(1+random.IntN(4))))
			case 2:
				rows = append(rows, sameAddresses(unhealthy(cookie, 2), uint64(random.IntN(3)))) // connected elsewhere
			default:
				rows = append(rows, established(cookie))
			}
		}

		if random.IntN(10) == 0 {
			w.abort(rows...)
		} else {
			w.tick(rows...)
		}

		requireSound(t, w.tracker)
		most = max(most, len(w.tracker.notes.all)-len(w.tracker.notes.free))
	}

	if most < 8 || len(w.tracker.notes.all) > 24 {
		t.Errorf("%d notes at most, of %d", most, len(w.tracker.notes.all))
	}

	w.now = w.now.Add(time.Minute)

	for range 8 {
		w.tick()
	}

	if n := len(w.tracker.notes.all) - len(w.tracker.notes.free); n != 0 {
		t.Errorf("%d notes are left of none", n)
	}
}

// TestNotesAreOfTheirConnection: a note that was given up is another's.
func TestNotesAreOfTheirConnection(t *testing.T) {
	w := newWatch(t, Config{})
	reason := func(cookie uint64) string {
		return strings.Join(w.ask(Query{Cookie: cookie, Limit: 1}, nil).Found[0].Reasons, "; ")
	}

	w.tick(unhealthy(1, 3), unhealthy(2, 4))
	w.tick(established(1), unhealthy(2, 5), unhealthy(3, 6))

	for cookie, want := range map[uint64]string{2: "after 5 retransmissions", 3: "after 6 retransmissions"} {
		if got := reason(cookie); !strings.Contains(got, want) {
			t.Errorf("%d: %q, want %q", cookie, got, want)
		}
	}

	if got := reason(1); strings.Contains(got, "retransmission") {
		t.Errorf("a connection without flags: %q", got)
	}

	// What has ended keeps its last words.
	w.tick()
	w.tick()

	if f := w.ask(Query{Cookie: 3, Ended: true, Limit: 1}, nil).Found[0]; !strings.Contains(f.Reasons[0], "after 6 retransmissions") {
		t.Errorf("an ended one: %q", f.Reasons)
	}
}
