package netns

import (
	"math"
	"time"

	"tcphealth_exporter/sampler"
)

// spaces gives numbers to namespaces: first those that were never used, then those that
// have been free for some time, the longest first.
type spaces struct {
	last, limit sampler.Space
	reuse       time.Duration
	free        []freed // oldest first
}

// freed is a number that is free again.
type freed struct {
	space sampler.Space
	at    time.Time
}

func newSpaces(reuse time.Duration) spaces {
	return spaces{limit: math.MaxUint16, reuse: reuse}
}

// take returns a number, and reports whether there is one.
func (s *spaces) take(now time.Time) (space sampler.Space, ok bool) {
	if s.last < s.limit {
		s.last++

		return s.last, true
	}

	if len(s.free) == 0 || now.Sub(s.free[0].at) < s.reuse {
		return 0, false
	}

	space = s.free[0].space
	s.free = s.free[1:]

	return space, true
}

// release frees a number.
func (s *spaces) release(space sampler.Space, now time.Time) {
	s.free = append(s.free, freed{space, now})
}

// available returns how many numbers there are.
func (s *spaces) available(now time.Time) int {
	n := int(s.limit - s.last)

	for _, f := range s.free {
		if now.Sub(f.at) < s.reuse {
			break
		}

		n++
	}

	return n
}
