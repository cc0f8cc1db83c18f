package app

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
	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/owner"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
	"tcphealth_exporter/web"
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

// shutdownLimit is the maximum duration of the shutdown.
const shutdownLimit = 600 * time.Millisecond

// gcPercent keeps the heap close to the memory in use. Most of it is tables without
// pointers, which cost a collection nothing.
const gcPercent = 20

// Main runs the program until SIGINT or SIGTERM and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	return run(ctx, args, stdout, stderr)
}

// run runs the program until ctx is done and returns the exit code.
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
	// cgroups is nil in a replay.
	cgroups *owner.Cgroups
	tracker *health.Tracker
	// reloader hands new policies to the tracker.
	reloader   *reloader
	supervisor *supervisor
	// questions carries the API's queries to the sampling goroutine.
	questions chan loop.Question
	// recorder is nil without a recording.
	recorder *sampler.Recorder
}

// serve runs the exporter until ctx is done or it fails permanently.
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

	handler, err := e.handler()
	if err != nil {
		return err
	}

	server := web.NewServer(handler, opts.web, e.logger, e.slog)

	_ = level.Info(e.logger).Log("msg", "starting "+program, "version", version.Info(), "build", version.BuildContext())

	for old, name := range opts.deprecated {
		_ = level.Warn(e.logger).Log("msg", "deprecated flag", "flag", old, "use", name)
	}

	warnOfKeys(e.logger, opts.configFile, opts.oldKeys)

	return e.run(ctx, source, server)
}

// wire connects the parts of the program.
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
	cfg := opts.healthConfig(interval)

	if source.replay == nil { // the host of a recording is another one: numbers stand
		e.cgroups = owner.NewCgroups(hostinfo.CgroupRoot)
		cfg.InterfaceName, cfg.CgroupName = hostinfo.InterfaceName, e.cgroups.Name
	}

	e.tracker = health.NewTracker(cfg, e.latest.set)

	if source.replay != nil {
		source.replay.SetSkip(e.tracker.Resting)
	}

	if err := e.prepareFilter(source.replay); err != nil {
		e.reloader.stop()

		return nil, fmt.Errorf("--sampler.filter: %w", err)
	}

	return e, nil
}

// run samples and serves until either ends, then stops the other.
func (e *exporter) run(ctx context.Context, source *files, server *web.Server) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var group sync.WaitGroup

	group.Go(func() { e.reloader.followHangups(ctx) })
	group.Go(func() { e.supervisor.run(ctx) })
	group.Go(func() { e.kernel.run(ctx) })

	if e.cgroups != nil {
		group.Go(func() { e.cgroups.Run(ctx) })
	}

	group.Go(func() { cancel(server.Serve()) })
	group.Go(func() {
		select {
		case <-server.Listening(): // an exporter that cannot be scraped samples nothing
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

	server.Stop(limit)
	waitFor(limit, &group)

	if err == nil {
		_ = level.Info(e.logger).Log("msg", "stopped")
	}

	return err
}

// waitFor waits for the group or for ctx: a dump may hang in the kernel.
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
