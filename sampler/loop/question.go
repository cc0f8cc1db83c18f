package loop

import (
	"context"
	"time"

	"tcphealth_exporter/sampler"
)

// Question is asked by others and answered on the goroutine that samples,
// between two samples: only there the consumer may be looked into.
type Question interface {
	// Answer works on the answer until it is done or the time has come, whichever
	// is first: what goes on longer delays a sample. A question that is not done is
	// continued later. src reads sockets for it, nil while there is no source.
	Answer(src sampler.Reader, until time.Time) (done bool)
}

const (
	// leastGap is what must be left of the time between samples for a question to
	// be taken up.
	leastGap = time.Millisecond
	// turn is how long a question works at a time, so that the end is not held up.
	turn = 100 * time.Millisecond
)

// pause answers questions until the time has come and reports whether ctx is
// still alive.
func (l *Loop) pause(ctx context.Context, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()

	questions := l.Questions

	for {
		l.answer(ctx, until)

		if l.question != nil {
			questions = nil // one at a time; it goes on in the next gap
		}

		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return ctx.Err() == nil
		case q, ok := <-questions:
			if !ok {
				questions = nil
			}

			l.question = q
		}
	}
}

// answer works on the question in progress while there is time.
func (l *Loop) answer(ctx context.Context, until time.Time) {
	for l.question != nil && ctx.Err() == nil {
		now := time.Now()
		left := until.Sub(now)

		if left < leastGap {
			return
		}

		if l.question.Answer(l.source, now.Add(min(left, turn))) {
			l.question = nil
		}
	}
}
