package loop

import (
	"context"
	"errors"
	"io"
	"time"

	"tcphealth_exporter/sampler"
)

// Play replays a recording as fast as possible. Recorded failures are reported and
// skipped; a damaged recording ends it. Questions are answered between samples.
func Play(ctx context.Context, p *sampler.Replay, c sampler.Consumer, o sampler.Observer, questions <-chan Question) error {
	for ctx.Err() == nil {
		err := p.Next(c, o)

		var replayed sampler.RecordedFailure

		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &replayed):
			o.Failed(err, 0)
		case err != nil:
			return err
		}

		select {
		case q, ok := <-questions:
			if ok {
				finish(ctx, q, p)
			}
		default:
		}
	}

	return ctx.Err()
}

// Answer answers questions until ctx is done. It follows a completed [Play].
func Answer(ctx context.Context, questions <-chan Question, src sampler.Reader) {
	for {
		select {
		case <-ctx.Done():
			return
		case q, ok := <-questions:
			if !ok {
				return
			}

			finish(ctx, q, src)
		}
	}
}

// finish answers a question without a deadline.
func finish(ctx context.Context, q Question, src sampler.Reader) {
	for done := false; !done && ctx.Err() == nil; {
		done = q.Answer(src, time.Now().Add(turn))
	}
}
