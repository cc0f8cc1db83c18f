package app

import (
	"sync/atomic"
	"time"

	"tcphealth_exporter/health"
)

// latest holds the newest snapshot, and when the first one with its sample arrived.
type latest struct {
	interval  time.Duration
	stretched atomic.Int64 // the current interval in ns, zero for interval
	started   time.Time
	replaying bool

	snapshot atomic.Pointer[health.Snapshot]
	at       atomic.Int64 // ms since started
	finished atomic.Bool
}

// set sets the newest snapshot. The time is that of its sample: a snapshot may have none of
// the exporter's own network namespace, but one of others.
func (l *latest) set(s *health.Snapshot) {
	var last time.Time
	if before := l.snapshot.Swap(s); before != nil {
		last = before.At
	}

	if !s.At.Equal(last) {
		l.at.Store(time.Since(l.started).Milliseconds())
	}
}

// pace returns the current interval.
func (l *latest) pace() time.Duration { return max(l.interval, time.Duration(l.stretched.Load())) }

// setPace sets the current interval and reports whether it is stretched.
func (l *latest) setPace(interval time.Duration) bool {
	l.stretched.Store(int64(interval))

	return interval > l.interval
}

// finish records that a replay has reached its end.
func (l *latest) finish() { l.finished.Store(true) }

// ready reports whether there is a sample; in a replay, whether it is the last one.
func (l *latest) ready() bool {
	return l.snapshot.Load() != nil && (!l.replaying || l.finished.Load())
}

const (
	// healthyIntervals is the number of intervals that may pass without a sample.
	healthyIntervals = 3
	// minHealthy tolerates short delays at short intervals.
	minHealthy = time.Second
)

// healthy reports whether samples keep coming. A replay has no clock, so it is always
// healthy.
func (l *latest) healthy() bool {
	limit := max(healthyIntervals*l.pace(), minHealthy)
	age := time.Since(l.started) - time.Duration(l.at.Load())*time.Millisecond

	return l.replaying || age <= limit
}
