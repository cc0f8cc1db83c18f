package netns

import "time"

const retryFirst = time.Second

// backoff is the time until the next attempt, which doubles with each failure.
type backoff struct {
	delay time.Duration
	next  time.Time
}

// due reports whether an attempt may be made.
func (b *backoff) due(now time.Time) bool { return !now.Before(b.next) }

// failed sets the time of the next attempt.
func (b *backoff) failed(now time.Time, longest time.Duration) {
	b.delay = min(max(2*b.delay, retryFirst), longest)
	b.next = now.Add(b.delay)
}
