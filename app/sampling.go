package app

import (
	"context"
	"fmt"

	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

// sample replays the recording or samples the kernel until ctx is done.
func (e *exporter) sample(ctx context.Context, source *files) error {
	reporter := e.reporter(source.recorder)
	consumer := governed{e.tracker, &e.reloader.next}

	if source.replay != nil {
		if err := e.play(ctx, source.replay, consumer, reporter); err != nil {
			return err
		}

		loop.Answer(ctx, e.questions, source.replay)

		return nil
	}

	reporter.stats = e.stats
	clock := loop.Loop{
		Open:            e.dialer.open(e.opts.procfs, e.metrics.FellBack),
		Interval:        e.opts.interval,
		RecheckInterval: e.opts.recheckInterval,
		MaxCPU:          e.opts.maxCPU,
		MaxInterval:     e.opts.window / minWindowIntervals,
		CPU:             loop.ThreadCPU,
		Questions:       e.questions,
		Consumer:        consumer,
		Observer:        reporter,
	}

	if e.namespaces != nil {
		clock.Others = e.namespaces
	}

	clock.Run(ctx)
	e.tracker.Shutdown()

	return nil
}

// play replays a recording to its end.
func (e *exporter) play(ctx context.Context, replay *sampler.Replay, c sampler.Consumer, o sampler.Observer) error {
	err := loop.Play(ctx, replay, c, o, e.questions)
	if err == nil && e.latest.snapshot.Load() == nil {
		err = fmt.Errorf("%w: it holds no sample", sampler.ErrRecording)
	}

	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("play %q: %w", e.opts.replay, err)
	}

	e.latest.finish()

	return nil
}
