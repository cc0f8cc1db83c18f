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
	// lastPart is the part of the watch interval, a tenth, that a round of
	// rechecking must begin before the next tick.
	lastPart = 10
)

// Loop samples on a ticker. A late dump drops ticks, never queues them. After
// a failure the source is closed and opened again with exponential back-off.
// Between ticks it rechecks what the consumer watches, and answers questions.
type Loop struct {
	// Open opens the source.
	Open     func() (sampler.Source, error)
	Interval time.Duration
	// RecheckInterval is the time from a tick to the first round of rechecking, and
	// from each round to the next; zero for none.
	RecheckInterval time.Duration
	// MaxCPU is the share of a processor that sampling may take; above it the interval
	// is stretched, up to MostInterval. Zero for no limit.
	MaxCPU       float64
	MostInterval time.Duration
	// CPU returns the processor time of the calling thread, see [ThreadCPU]. It is
	// needed for MaxCPU.
	CPU func() time.Duration
	// Questions are answered one after the other, nil for none.
	Questions <-chan Question
	Consumer  sampler.Consumer
	Observer  sampler.Observer

	source   sampler.Source
	governor governor
	// rounds is what rechecking has taken since the last tick.
	rounds   time.Duration
	retry    time.Duration
	question Question // in progress, nil for none
}

// Run samples until ctx is done and closes the source.
func (l *Loop) Run(ctx context.Context) {
	defer l.close()

	next := time.Now()
	l.governor = newGovernor(l.MaxCPU, l.Interval, l.MostInterval)

	for l.pause(ctx, next) {
		last := next
		l.Observer.Delayed(time.Since(next))

		took, err := l.metered(l.tick)
		if err != nil {
			next = l.fail(err)

			continue
		}

		if l.governor.spent(took, l.rounds) {
			l.Observer.Paced(l.governor.interval)
		}

		l.retry, l.rounds = 0, 0
		next = l.schedule(last, time.Now())

		if err := l.watch(ctx, last, next); err != nil {
			next = l.fail(err)
		}
	}
}

// metered returns the processor time that f takes.
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

// fail closes the source and returns when to try again.
func (l *Loop) fail(err error) time.Time {
	l.close()
	l.retry = min(max(2*l.retry, retryFirst), retryMax)
	l.Observer.Failed(err, l.retry)

	return time.Now().Add(l.retry)
}

// schedule returns the first tick after now on the grid that begins at last
// and reports the ticks in between.
func (l *Loop) schedule(last, now time.Time) time.Time {
	interval := l.governor.interval

	missed := max(0, int(now.Sub(last)/interval))
	if missed > 0 {
		l.Observer.Missed(missed)
	}

	return last.Add(time.Duration(missed+1) * interval)
}

func (l *Loop) tick() error {
	if l.source == nil {
		source, err := l.Open()
		if err != nil {
			return err
		}

		l.source = source
	}

	return sampler.Sample(0, l.source.Dump, l.Consumer, l.Observer)
}

// watch makes the rounds of rechecking between two ticks. Like ticks they stand
// on a grid, and what comes late is dropped.
func (l *Loop) watch(ctx context.Context, last, next time.Time) error {
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

	read := func(sink sampler.Sink) (sampler.Round, error) { return l.source.Recheck(targets, sink) }

	return sampler.Recheck(read, l.Consumer, l.Observer)
}

func (l *Loop) close() {
	if l.source != nil {
		_ = l.source.Close()
		l.source = nil
	}
}
