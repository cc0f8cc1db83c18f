package sampler

import "time"

// Consumer follows the samples. All calls come from one goroutine.
type Consumer interface {
	// Begin announces a dump of a network namespace.
	Begin(space Space)
	// Sockets takes the sockets of one datagram, see [Sink].
	Sockets(at time.Time, sockets []Socket)
	// End tells that the dump was complete.
	End(d Dump)
	// Abort tells that the dump broke off: what was not seen may be there.
	Abort()
	// Suspicious returns the sockets to recheck before the next sample. The slice is
	// valid until Settle or Begin.
	Suspicious() []Target
	// Rechecked takes sockets that were read again between two samples, like Sockets.
	Rechecked(at time.Time, sockets []Socket)
	// Settle ends a round of rechecking. One that broke off is not settled.
	Settle(at time.Time)
}

// Observer is told how the sampling goes. All calls come from one goroutine.
type Observer interface {
	// Ticked follows each complete sample; took is the time from the first
	// request to the end of [Consumer.End].
	Ticked(d Dump, took time.Duration)
	// Rechecked follows each complete round of rechecking, in which n sockets were
	// found again; took is the time up to the end of [Consumer.Settle].
	Rechecked(n int, took time.Duration)
	// Delayed tells how late a tick began.
	Delayed(by time.Duration)
	// Paced tells that the interval is another one from now on.
	Paced(interval time.Duration)
	// Missed tells that n ticks were dropped because a dump came late.
	Missed(n int)
	// Failed tells an error of opening or reading, and when the next try comes.
	Failed(err error, retry time.Duration)
}
