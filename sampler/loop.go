package sampler

import (
	"context"
	"errors"
	"io"
	"time"
)

// Consumer follows the samples. All calls come from one goroutine.
type Consumer interface {
	// Begin announces a dump.
	Begin()
	// Sockets takes the sockets of one datagram, see [Sink].
	Sockets(at time.Time, sockets []Socket)
	// End tells that the dump was complete.
	End(d Dump)
	// Abort tells that the dump broke off: what was not seen may be there.
	Abort()
}

// Observer is told how the sampling goes. All calls come from one goroutine.
type Observer interface {
	// Ticked follows each complete sample; took is the time from the first
	// request to the end of [Consumer.End].
	Ticked(d Dump, took time.Duration)
	// Missed tells that n ticks were dropped because a dump came late.
	Missed(n int)
	// Failed tells an error of opening or dumping, and when the next try comes.
	Failed(err error, retry time.Duration)
}

const (
	retryFirst = time.Second
	retryMax   = time.Minute
)

// Loop samples on a ticker. A late dump drops ticks, never queues them. After
// a failure the source is closed and opened again with exponential back-off.
type Loop struct {
	// Open opens the source.
	Open     func() (Source, error)
	Interval time.Duration
	Consumer Consumer
	Observer Observer

	source Source
	retry  time.Duration
}

// Run samples until ctx is done and closes the source.
func (l *Loop) Run(ctx context.Context) {
	defer l.close()

	next := time.Now()

	for sleepUntil(ctx, next) {
		if err := l.tick(); err != nil {
			l.close()
			l.retry = min(max(2*l.retry, retryFirst), retryMax)
			l.Observer.Failed(err, l.retry)
			next = time.Now().Add(l.retry)

			continue
		}

		l.retry = 0
		next = l.schedule(next, time.Now())
	}
}

// schedule returns the first tick after now on the grid that begins at last
// and reports the ticks in between.
func (l *Loop) schedule(last, now time.Time) time.Time {
	missed := max(0, int(now.Sub(last)/l.Interval))
	if missed > 0 {
		l.Observer.Missed(missed)
	}

	return last.Add(time.Duration(missed+1) * l.Interval)
}

func (l *Loop) tick() error {
	if l.source == nil {
		source, err := l.Open()
		if err != nil {
			return err
		}

		l.source = source
	}

	return sample(l.source, l.Consumer, l.Observer)
}

func (l *Loop) close() {
	if l.source != nil {
		_ = l.source.Close()
		l.source = nil
	}
}

// sample takes one sample.
func sample(src Source, c Consumer, o Observer) error {
	began := time.Now()

	c.Begin()

	d, err := src.Dump(c.Sockets)
	if err != nil {
		c.Abort()

		return err
	}

	c.End(d)
	o.Ticked(d, time.Since(began))

	return nil
}

// Play takes all samples of a recording, as fast as it goes. Failures that
// were recorded are reported and passed over; a damaged recording ends it.
func Play(ctx context.Context, p *Replay, c Consumer, o Observer) error {
	for ctx.Err() == nil {
		err := sample(p, c, o)

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

// sleepUntil waits for t and tells whether ctx is still alive.
func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()

	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
