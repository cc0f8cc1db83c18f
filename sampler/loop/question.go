package loop

import (
	"context"
	"time"

	"tcphealth_exporter/sampler"
)

// Question is asked on any goroutine and answered on the goroutine that samples, between
// two samples, where the consumer may be read.
type Question interface {
	// Answer works on the answer until it is done, or until the given time, to delay no
	// sample. A question that is not done is continued later. src reads sockets for it,
	// nil while there is no source.
	Answer(src sampler.Reader, until time.Time) (done bool)
}

const (
	// minGap is the minimum time before the next sample to start work on a question.
	minGap = time.Millisecond
	// turn is the maximum time a question works at once, so that it does not delay
	// shutdown.
	turn = 100 * time.Millisecond
)

// pause answers questions until the given time, and reports whether ctx is not done.
func (l *Loop) pause(ctx context.Context, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()

	questions := l.Questions

	for {
		l.answer(ctx, until)

		if l.question != nil {
			questions = nil // one at a time; it continues in the next pause
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

// answer works on the current question while there is time.
func (l *Loop) answer(ctx context.Context, until time.Time) {
	for l.question != nil && ctx.Err() == nil {
		now := time.Now()
		remaining := until.Sub(now)

		if remaining < minGap {
			return
		}

		if l.question.Answer(l.reader(), now.Add(min(remaining, turn))) {
			l.question = nil
		}
	}
}
