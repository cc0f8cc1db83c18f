package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/export"
)

// TestPaceOfIdentities: under an endless stream of new unhealthy connections no more new
// ones are shown than the pace allows, at once and in the long run.
func TestPaceOfIdentities(t *testing.T) {
	const (
		minute  = 60
		minutes = 12
	)

	for _, places := range []int{1, 7, 50, 200} {
		w := newWatch(t, Config{Interval: time.Second, Retention: time.Second, Export: export.Config{Max: places}})
		seen := make(map[uint64]bool)
		fresh := make([]int, minutes*minute) // by second
		w.tick()

		cookie := uint64(0)

		for second := range fresh {
			var rows []row
			for range 10 {
				cookie++
				rows = append(rows, unhealthy(cookie%60_000+1, 3))
			}

			s := w.tick(rows...)
			for i := range s.Connections {
				if c := s.Connections[i].Cookie; !seen[c] {
					seen[c] = true
					fresh[second]++
				}
			}
		}

		most, perMinute := 0, max(places/5, 10)

		for from := range len(fresh) - minute {
			sum := 0
			for _, n := range fresh[from : from+minute] {
				sum += n
			}

			most = max(most, sum)
		}

		if most > places+perMinute {
			t.Errorf("%d places: %d new identities in a minute", places, most)
		}

		if least, most := perMinute*(minutes-2), places+perMinute*minutes; len(seen) < least || len(seen) > most {
			t.Errorf("%d places: %d new identities in %d minutes, want %d to %d", places, len(seen), minutes, least, most)
		}
	}
}

// TestPaceDoesNotHoldUpTheFirstFill: what was found at start is shown at once, and
// an incident right behind it, too.
func TestPaceDoesNotHoldUpTheFirstFill(t *testing.T) {
	const places = 40

	w := newWatch(t, Config{Export: export.Config{Max: places}})

	var rows []row
	for i := range uint64(places / 2) {
		rows = append(rows, established(i+1))
	}

	if s := w.tick(rows...); len(s.Connections) != places/2 {
		t.Errorf("%d of %d are shown at first", len(s.Connections), places/2)
	}

	for i := range uint64(places / 2) {
		rows = append(rows, unhealthy(1000+i, 3))
	}

	if s := w.tick(rows...); len(s.Connections) != places {
		t.Errorf("%d of %d are shown then", len(s.Connections), places)
	}
}

// TestPaceIsForTheUnhealthyFirst: when there is room for one more identity, the worst gets
// it.
func TestPaceIsForTheUnhealthyFirst(t *testing.T) {
	w := newWatch(t, Config{Interval: time.Second, Retention: time.Millisecond, Export: export.Config{Max: 3}})
	w.tick()
	w.tick(established(1), established(2), established(3)) // spends the credit
	w.tick()
	w.tick()

	const elapsed = 2

	for second := range 9 {
		s := w.tick(established(11), established(12), unhealthy(13, 3))

		if want := (second + 1 + elapsed) / 6; len(s.Connections) != want {
			t.Errorf("after %d s %d are shown, want %d", second, len(s.Connections), want)
		} else if want == 1 && s.Connections[0].Cookie != 13 {
			t.Error("a healthy one came first")
		}
	}
}
