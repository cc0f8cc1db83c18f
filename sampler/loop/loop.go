package loop

import (
	"context"
	"runtime"
	"time"

	"tcphealth_exporter/sampler"
)

const (
	retryFirst = time.Second
	retryMax   = time.Minute
	// lastPart is the fraction of the recheck interval, a tenth, by which the last round
	// of rechecking must precede the next tick.
	lastPart = 10
)

// Loop samples on a ticker. A late dump drops ticks, never queues them. After a failure
// it closes the source and opens it again with exponential backoff. Between ticks it
// rechecks the suspicious connections of the consumer, and answers questions.
type Loop struct {
	// Open opens the source.
	Open     func() (sampler.Source, error)
	Interval time.Duration
	// RecheckInterval is the time from a tick to the first round of rechecking, and
	// from each round to the next; zero for none.
	RecheckInterval time.Duration
	// MaxCPU is the maximum share of one CPU core for sampling; above it the interval is
	// stretched, up to MaxInterval. Zero for no limit.
	MaxCPU      float64
	MaxInterval time.Duration
	// CPU returns the CPU time of the calling thread, see [ThreadCPU]. MaxCPU needs it.
	CPU func() time.Duration
	// Questions are answered one at a time, nil for none.
	Questions <-chan Question
	Consumer  sampler.Consumer
	Observer  sampler.Observer
	// Others samples the other network namespaces, nil for none.
	Others Others

	source   sampler.Source
	governor governor
	// rounds is the CPU time of rechecking since the last tick, others that of the other
	// namespaces in the last one.
	rounds, others time.Duration
	// retry is the time from the last failure to the next attempt, at retryAt.
	retry    time.Duration
	retryAt  time.Time
	question Question // in progress, nil for none
}

// Run samples until ctx is done and closes the source.
func (l *Loop) Run(ctx context.Context) {
	defer l.close()

	next := time.Now()
	l.governor = newGovernor(l.MaxCPU, l.Interval, l.MaxInterval)

	for l.pause(ctx, next) {
		last := next
		l.Observer.Delayed(time.Since(next))

		took, err := l.metered(l.tick)
		if err != nil {
			next = l.fail(err, last)

			continue
		}

		if l.governor.spent(took-l.others, l.others, l.rounds) {
			l.Observer.Paced(l.governor.interval)
		}

		l.rounds = 0
		next = l.schedule(last, time.Now())

		if err := l.recheckUntil(ctx, last, next); err != nil {
			next = l.fail(err, last)
		}
	}
}

// metered returns the CPU time of f.
func (l *Loop) metered(f func() error) (took time.Duration, err error) {
	if l.MaxCPU <= 0 {
		return 0, f()
	}

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	before := l.CPU()
	err = f()

	return l.CPU() - before, err
}

// fail closes the source of the exporter's own namespace and returns the time of the next
// tick, after one at the time last: that of the retry, unless there are other namespaces
// to sample until then.
func (l *Loop) fail(err error, last time.Time) time.Time {
	l.closeOwn()
	l.retry = min(max(2*l.retry, retryFirst), retryMax)
	l.retryAt = time.Now().Add(l.retry)
	l.Observer.Failed(err, l.retry)

	if l.Others != nil {
		return l.schedule(last, time.Now())
	}

	return l.retryAt
}

// schedule returns the first tick after now on the grid that starts at last, and reports
// the missed ones.
func (l *Loop) schedule(last, now time.Time) time.Time {
	interval := l.governor.interval

	missed := max(0, int(now.Sub(last)/interval))
	if missed > 0 {
		l.Observer.Missed(missed)
	}

	return last.Add(time.Duration(missed+1) * interval)
}

// tick takes a sample of all namespaces, and publishes it. The error is that of the
// exporter's own namespace.
func (l *Loop) tick() error {
	began := time.Now()

	var (
		d   sampler.Dump
		err error
	)

	own := l.Others == nil || !began.Before(l.retryAt)
	if own {
		d, err = l.sampleOwn()
	}

	if err != nil && l.Others == nil {
		return err
	}

	l.sampleOthers()
	l.Consumer.Publish(time.Now())

	if own && err == nil {
		l.retry = 0
		l.Observer.Ticked(d, time.Since(began))
	}

	return err
}

// sampleOwn samples the exporter's own namespace.
func (l *Loop) sampleOwn() (d sampler.Dump, err error) {
	if l.source == nil {
		if l.source, err = l.Open(); err != nil {
			return d, err
		}
	}

	return sampler.Sample(0, l.source.Dump, l.Consumer)
}

// recheckUntil makes the rounds of rechecking between two ticks. Like ticks they are on
// a grid, and late ones are dropped.
func (l *Loop) recheckUntil(ctx context.Context, last, next time.Time) error {
	if l.RecheckInterval <= 0 {
		return nil
	}

	latest := next.Add(-l.RecheckInterval / lastPart)

	for n := time.Duration(1); ; n++ {
		n = max(n, (time.Since(last)+l.RecheckInterval-1)/l.RecheckInterval)

		round := last.Add(n * l.RecheckInterval)
		if round.After(latest) || !l.pause(ctx, round) {
			return nil
		}

		if !l.governor.allows(l.rounds, time.Since(last)) {
			continue
		}

		took, err := l.metered(l.recheck)
		l.rounds += took

		if err != nil {
			return err
		}
	}
}

func (l *Loop) recheck() error {
	targets := l.Consumer.Suspicious()
	if len(targets) == 0 {
		return nil
	}

	read := func(sink sampler.Sink) (sampler.Round, error) { return l.recheckAll(targets, sink) }

	return sampler.Recheck(read, l.Consumer, l.Observer)
}

func (l *Loop) close() {
	l.closeOwn()

	if l.Others != nil {
		l.Others.Close()
	}
}

func (l *Loop) closeOwn() {
	if l.source != nil {
		_ = l.source.Close()
		l.source = nil
	}
}
