package netns

import (
	"maps"
	"sync"
	"time"

	"tcphealth_exporter/sampler"
)

// Stats are the figures of a [Watcher].
type Stats struct {
	// Watched and Idle are the numbers of watched namespaces with and without connections.
	Watched, Idle int
	// Skipped, Denied and Excluded are the numbers of namespaces that are not watched: beyond
	// the maximum, impossible to open, and excluded by the configuration.
	Skipped, Denied, Excluded int
	// Opens counts the attempts to open a namespace by their results.
	Opens map[Result]uint64
	// Unavailable reports whether the last attempt was [Unavailable].
	Unavailable bool
	// Errors counts the sockets that failed, by reason. They are replaced.
	Errors map[sampler.Reason]uint64
	// Walks counts the dumps of all sockets of namespaces, Revisits the samples of known
	// connections alone, SkippedWalks those that were not necessary because there were no
	// connections.
	Walks, Revisits, SkippedWalks uint64
	// Postponed counts the samples of a namespace that the budget left to the next tick.
	Postponed uint64
	// Discovery is the duration of the last scan of procfs.
	Discovery time.Duration
	// OldestSample is the age of the oldest last sample of a watched namespace.
	OldestSample time.Duration
}

// Stats returns the present figures. It is safe for concurrent use.
func (w *Watcher) Stats() Stats {
	s := w.stats.copy()
	now := time.Now()

	for _, n := range w.namespaces() {
		if n.idle.Load() {
			s.Idle++
		} else {
			s.Watched++
		}

		s.OldestSample = max(s.OldestSample, n.age(now))
	}

	return s
}

// counters are the figures that both goroutines update.
type counters struct {
	mutex *sync.Mutex
	stats *Stats
}

func newCounters() counters {
	s := &Stats{Opens: make(map[Result]uint64), Errors: make(map[sampler.Reason]uint64)}

	for _, r := range Results() {
		s.Opens[r] = 0
	}

	for _, r := range sampler.Reasons() {
		s.Errors[r] = 0
	}

	return counters{new(sync.Mutex), s}
}

// tally is what one call of Sample did.
type tally struct{ walks, revisits, skipped, postponed int }

// count counts a sample, a dump of all sockets or of known connections.
func (t *tally) count(walked bool) {
	if walked {
		t.walks++
	} else {
		t.revisits++
	}
}

func (c counters) update(f func(s *Stats)) {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	f(c.stats)
}

func (c counters) copy() (s Stats) {
	c.update(func(now *Stats) {
		s = *now
		s.Opens, s.Errors = maps.Clone(now.Opens), maps.Clone(now.Errors)
	})

	return s
}

func (c counters) sampled(t tally) {
	c.update(func(s *Stats) {
		s.Walks += uint64(t.walks)
		s.Revisits += uint64(t.revisits)
		s.SkippedWalks += uint64(t.skipped)
		s.Postponed += uint64(t.postponed)
	})
}

func (c counters) opened(r Result) {
	c.update(func(s *Stats) {
		s.Opens[r]++
		s.Unavailable = r == Unavailable
	})
}

func (c counters) failed(r sampler.Reason) { c.update(func(s *Stats) { s.Errors[r]++ }) }

func (c counters) scanned(took time.Duration) { c.update(func(s *Stats) { s.Discovery = took }) }

func (c counters) counted(skipped, denied, excluded int) {
	c.update(func(s *Stats) { s.Skipped, s.Denied, s.Excluded = skipped, denied, excluded })
}
