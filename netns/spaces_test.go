package netns

import (
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// start is the time at which the tests of pure parts begin.
var start = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// TestSpaces gives all numbers once before it gives one again, and then the one that has
// been free longest, if that is long enough.
func TestSpaces(t *testing.T) {
	s := newSpaces(time.Minute)
	s.limit = 3

	take := func(seconds float64) sampler.Space {
		space, ok := s.take(at(seconds))
		if ok != (space != 0) {
			t.Errorf("at %v s: %d, %t", seconds, space, ok)
		}

		return space
	}

	if s.available(at(0)) != 3 {
		t.Errorf("%d are available, want 3", s.available(at(0)))
	}

	got := []sampler.Space{take(0)}
	s.release(1, at(1))
	got = append(got, take(2), take(2), take(2))
	s.release(3, at(3))

	if n := s.available(at(62)); n != 1 {
		t.Errorf("%d are available, want 1", n)
	}

	got = append(got, take(60.9), take(61), take(61), take(62.9), take(63), take(1000))
	if want := []sampler.Space{1, 2, 3, 0, 0, 1, 0, 0, 3, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestSpacesEndAtTheType takes each number of the type, without zero.
func TestSpacesEndAtTheType(t *testing.T) {
	s := newSpaces(time.Minute)
	seen := make(map[sampler.Space]bool)

	for range 1<<16 - 1 {
		space, ok := s.take(at(0))
		if !ok || space == 0 || seen[space] {
			t.Fatalf("space %d, %t", space, ok)
		}

		seen[space] = true
	}

	if _, ok := s.take(at(0)); ok {
		t.Error("one too many")
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	if !b.due(at(0)) {
		t.Error("the first attempt has to wait")
	}

	for _, want := range []float64{1, 2, 4, 5, 5} {
		b.failed(at(0), 5*time.Second)

		if b.due(at(want-0.01)) || !b.due(at(want)) {
			t.Errorf("the next attempt is due at %v, want %v", b.next, at(want))
		}
	}
}
