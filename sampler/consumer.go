package sampler

import "time"

// Consumer follows the samples. All calls come from one goroutine.
type Consumer interface {
	// Begin announces a dump of a network namespace.
	Begin(space Space)
	// Known returns the known connections of this namespace, in the order in which the last
	// dump contained them as far as possible. This dump may contain each of them twice.
	// The slice is valid until the next call.
	Known() []Target
	// Sockets takes the sockets of one datagram, see [Sink].
	Sockets(at time.Time, sockets []Socket)
	// End reports that the dump is complete.
	End(d Dump)
	// Abort reports that the dump failed: sockets that are missing from it may exist.
	Abort()
	// Gone reports that a network namespace no longer exists, or is no longer sampled.
	// It is not called during a dump.
	Gone(space Space, at time.Time)
	// Publish ends a tick, in which one namespace or several were dumped.
	Publish(at time.Time)
	// Suspicious returns the sockets to recheck before the next sample. The slice is
	// valid until Settle or Begin.
	Suspicious() []Target
	// Rechecked takes rechecked sockets, like Sockets.
	Rechecked(at time.Time, sockets []Socket)
	// Settle ends a round of rechecking. A round that failed is not settled.
	Settle(at time.Time)
}

// Observer follows the progress of sampling. All calls come from one goroutine.
type Observer interface {
	// Ticked follows each complete sample of the exporter's own network namespace; took
	// is the time from the first request to the end of [Consumer.Publish].
	Ticked(d Dump, took time.Duration)
	// Rechecked follows each complete round of rechecking, which found n sockets;
	// took is the time up to the end of [Consumer.Settle].
	Rechecked(n int, took time.Duration)
	// Delayed reports how late a tick started.
	Delayed(by time.Duration)
	// Paced reports a new interval.
	Paced(interval time.Duration)
	// Missed reports that n ticks were dropped because a dump took too long.
	Missed(n int)
	// Failed reports an error of opening or reading, and the time until the retry.
	Failed(err error, retry time.Duration)
}

// Sample passes the sockets of a dump of a network namespace to c.
func Sample(space Space, dump func(Sink) (Dump, error), c Consumer) (Dump, error) {
	c.Begin(space)

	d, err := dump(c.Sockets)
	if err != nil {
		c.Abort()

		return d, err
	}

	c.End(d)

	return d, nil
}

// tick takes one sample of a network namespace, publishes it and reports it to o.
func tick(space Space, dump func(Sink) (Dump, error), c Consumer, o Observer) error {
	began := time.Now()

	d, err := Sample(space, dump, c)
	if err != nil {
		return err
	}

	c.Publish(d.End)
	o.Ticked(d, time.Since(began))

	return nil
}

// Recheck makes one round of rechecking: it passes the targets that still exist to c and
// reports the result to o.
func Recheck(read func(Sink) (Round, error), c Consumer, o Observer) error {
	began := time.Now()

	r, err := read(c.Rechecked)
	if err != nil {
		return err
	}

	c.Settle(r.End)
	o.Rechecked(r.Sockets, time.Since(began))

	return nil
}
