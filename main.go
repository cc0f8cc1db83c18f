// The tcphealth_exporter samples every TCP connection of a Linux host and
// exposes their health to Prometheus.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

const (
	program  = "tcphealth_exporter"
	procPath = "/proc"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// shutdownLimit bounds how long the end may take in all.
const shutdownLimit = 600 * time.Millisecond

// gcPercent keeps the heap close to what is in use. Nearly all of that is tables
// without pointers, which cost a collection nothing.
const gcPercent = 20

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)

	stop()
	os.Exit(code)
}

// run is the whole program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseOptions(args, stdout)

	switch {
	case errors.Is(err, errAnswered):
		return exitOK
	case err != nil:
		complain(stderr, err, ", try --help")

		return exitUsage
	case opts.configCheck:
		_, _ = fmt.Fprintln(stdout, opts.checked())

		return exitOK
	}

	if opts.dryRun {
		err = dryRun(ctx, opts, stdout, stderr)
	} else {
		err = serve(ctx, opts, stderr)
	}

	switch {
	case err == nil:
		return exitOK
	case isUsage(err):
		complain(stderr, err, "")

		return exitUsage
	default:
		complain(stderr, err, "")

		return exitFailure
	}
}

// exporter is the wired program.
type exporter struct {
	opts    *options
	logger  log.Logger
	slog    *slog.Logger // the same for exporter-toolkit
	latest  latest
	metrics *collector.SamplerMetrics
	kernel  *netStats
	tracker *health.Tracker
	// reloader hands new policies to the tracker.
	reloader   *reloader
	supervisor *supervisor
	// questions are those of the API to the tracker.
	questions chan loop.Question
	// recorder is nil unless a recording is made.
	recorder *sampler.Recorder
}

// serve runs the exporter until ctx is done or something fails for good.
func serve(ctx context.Context, opts *options, stderr io.Writer) error {
	source, err := openFiles(opts)
	if err != nil {
		return err
	}
	defer source.close()

	e, err := wire(opts, source, stderr)
	if err != nil {
		return err
	}
	defer e.reloader.stop()

	web, err := newWebServer(e)
	if err != nil {
		return err
	}

	_ = level.Info(e.logger).Log("msg", "starting "+program, "version", version.Info(), "build", version.BuildContext())

	return e.run(ctx, source, web)
}

// wire makes the parts of the program know each other.
func wire(opts *options, source *files, stderr io.Writer) (*exporter, error) {
	e := &exporter{opts: opts, recorder: source.recorder, questions: make(chan loop.Question)}
	e.logger, e.slog = newLogger(stderr, opts.logLevel, opts.logFormat)
	interval := source.interval(opts)
	e.latest.interval = interval
	e.latest.replaying = source.replay != nil
	e.latest.started = time.Now()
	e.supervisor = newSupervisor(&e.latest, e.logger)
	e.reloader = newReloader(opts.configFile, opts.policy, e.supervisor, e.logger)
	e.metrics = collector.NewSamplerMetrics(interval)
	e.kernel = newNetStats(procPath, e.logger)
	e.tracker = health.NewTracker(opts.healthConfig(interval, source.replay != nil), e.latest.set)

	if source.replay != nil {
		source.replay.SetSkip(e.tracker.Resting)
	}

	if err := e.prepareFilter(source.replay); err != nil {
		e.reloader.stop()

		return nil, fmt.Errorf("--sampler.filter: %w", err)
	}

	return e, nil
}

// run samples and serves until one of them ends, then stops the other.
func (e *exporter) run(ctx context.Context, source *files, web *webServer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var group sync.WaitGroup

	group.Go(func() { e.reloader.followHangups(ctx) })
	group.Go(func() { e.supervisor.run(ctx) })
	group.Go(func() { e.kernel.run(ctx) })
	group.Go(func() { cancel(web.serve()) })
	group.Go(func() {
		select {
		case <-web.listening: // an exporter that nobody can ask samples nothing
		case <-ctx.Done():
			return
		}

		if err := e.sample(ctx, source); err != nil {
			cancel(err)
		}
	})

	<-ctx.Done()

	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}

	limit, stop := context.WithTimeout(context.Background(), shutdownLimit)
	defer stop()

	web.stop(limit)
	waitFor(limit, &group)

	if err == nil {
		_ = level.Info(e.logger).Log("msg", "stopped")
	}

	return err
}

// sample plays the recording or samples the kernel until ctx is done.
func (e *exporter) sample(ctx context.Context, source *files) error {
	reporter := newReporter(e)
	consumer := governed{e.tracker, &e.reloader.next}

	if source.replay != nil {
		if err := e.play(ctx, source.replay, consumer, reporter); err != nil {
			return err
		}

		loop.Answer(ctx, e.questions, source.replay)

		return nil
	}

	reporter.kernel = e.kernel
	loop := loop.Loop{
		Open:            e.dial,
		Interval:        e.opts.interval,
		RecheckInterval: e.opts.recheckInterval,
		MaxCPU:          e.opts.maxCPU,
		MostInterval:    e.opts.window / minWindowIntervals,
		CPU:             loop.ThreadCPU,
		Questions:       e.questions,
		Consumer:        consumer,
		Observer:        reporter,
	}
	loop.Run(ctx)

	return nil
}

// play plays a recording to its end.
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

func (e *exporter) dial() (sampler.Source, error) {
	cfg := sampler.Config{CongestionInfo: e.opts.congestionInfo}
	if e.recorder != nil {
		cfg.Tap = e.recorder
	}

	conn, err := sampler.Dial(cfg)
	if err != nil {
		return nil, err
	}

	conn.SetSkip(e.tracker.Resting)
	_ = level.Debug(e.logger).Log("msg", "netlink socket opened", "one_dump_for_both_families", conn.Legacy())

	if e.opts.filterText == "" {
		return conn, nil
	}

	if err := applyFilter(conn, e.opts.filter, e.logger); err != nil {
		return nil, errors.Join(err, conn.Close())
	}

	return conn, nil
}

// waitFor waits for the group, but not for ever: a dump may hang in the kernel.
func waitFor(ctx context.Context, group *sync.WaitGroup) {
	done := make(chan struct{})

	go func() {
		group.Wait()
		close(done)
	}()

	select {
	case <-done:
	case <-ctx.Done():
	}
}
