package logging

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
)

const (
	// Repeats is how often a message may be logged at once, repeatEvery the time after
	// which it may be logged once more.
	Repeats     = 20
	repeatEvery = 10 * time.Second
	// maxMessages is the maximum number of messages remembered.
	maxMessages = 1000
)

// limiter is a logger that limits how often each message is repeated. What a program
// logs is a limited number of messages; what varies is in their other fields.
type limiter struct {
	next log.Logger
	now  func() time.Time

	mutex sync.Mutex
	seen  map[string]*repetition
}

// repetition is how often a message was logged.
type repetition struct {
	credit     float64
	at         time.Time
	suppressed int
}

func newLimiter(next log.Logger) *limiter {
	return &limiter{next: next, now: time.Now, seen: make(map[string]*repetition)}
}

// Log implements [log.Logger]. The first line after suppressed ones has their number.
func (l *limiter) Log(keyvals ...any) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()

	for i := 0; i+1 < len(keyvals); i += 2 {
		if keyvals[i] != "msg" {
			continue
		}

		r := l.repetition(fmt.Sprint(keyvals[i+1]))
		if !r.allows(l.now()) {
			r.suppressed++

			return nil
		}

		if r.suppressed > 0 {
			keyvals = append(slices.Clip(keyvals), "suppressed", r.suppressed)
			r.suppressed = 0
		}

		break
	}

	return l.next.Log(keyvals...)
}

func (l *limiter) repetition(msg string) *repetition {
	r := l.seen[msg]
	if r == nil {
		if len(l.seen) == maxMessages { // errors of single connections, at level debug
			clear(l.seen)
		}

		r = &repetition{credit: Repeats, at: l.now()}
		l.seen[msg] = r
	}

	return r
}

// allows reports whether the message may be logged now, and takes it into account.
func (r *repetition) allows(now time.Time) bool {
	r.credit = min(Repeats, r.credit+now.Sub(r.at).Seconds()/repeatEvery.Seconds())
	r.at = now

	if r.credit < 1 {
		return false
	}

	r.credit--

	return true
}
