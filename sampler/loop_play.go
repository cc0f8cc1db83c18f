package sampler

import (
	"context"
	"errors"
	"io"
)

// Play plays a recording, as fast as it goes. Failures that were recorded are
// reported and passed over; a damaged recording ends it.
func Play(ctx context.Context, p *Replay, c Consumer, o Observer) error {
	for ctx.Err() == nil {
		err := p.Next(c, o)

		var replayed replayedFailure

		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &replayed):
			o.Failed(err, 0)
		case err != nil:
			return err
		}
	}

	return ctx.Err()
}
