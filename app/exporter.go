package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/version"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/logging"
	"tcphealth_exporter/netns"
	"tcphealth_exporter/netns/broker"
	"tcphealth_exporter/owner"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
	"tcphealth_exporter/web"
)

const procPath = "/proc"

// shutdownLimit is the maximum duration of the shutdown. The sum of shutdownLimit and
// [logging.FlushLimit] is less than endLimit.
const shutdownLimit = 400 * time.Millisecond

// exporter is the composition of the program. Its parts do not know it.
type exporter struct {
	opts       *options
	lines      *logging.Queue
	logger     log.Logger
	slog       *slog.Logger // the same for exporter-toolkit
	latest     latest
	metrics    *collector.SamplerMetrics
	stats      *netStats
	answers    *collector.WebMetrics
	cgroups    *owner.Cgroups // nil in a replay
	owners     *owner.Owners  // nil in a replay, and for none
	userID     func(*sampler.Socket) (uid uint32, known bool)
	tracker    *health.Tracker
	dialer     *dialer
	namespaces *netns.Watcher              // nil for the exporter's own alone
	counters   *collector.NamespaceMetrics // of the other network namespaces, nil for none
	broker     *broker.Redialer            // nil for a replay
	recording  *recordingFile              // nil for none
	reloader   *reloader                   // has new policies for the tracker
	supervisor *supervisor
	// questions carries the API's queries to the sampling goroutine.
	questions chan loop.Question
}

// serve runs the exporter until ctx is done or it fails permanently.
func serve(ctx context.Context, opts *options, lines *logging.Queue) error {
	source, err := openFiles(opts)
	if err != nil {
		return err
	}
	defer source.close()

	e, err := wire(opts, source, lines)
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
func wire(opts *options, source *files, lines *logging.Queue) (e *exporter, err error) {
	e = &exporter{opts: opts, lines: lines, recording: source.recording, questions: make(chan loop.Question)}
	e.logger, e.slog = logging.New(lines, lines.Dropped, opts.logLevel, opts.logFormat)
	interval := source.interval(opts)
	e.latest.interval = interval
	e.latest.replaying = source.replay != nil
	e.latest.started = time.Now()
	e.supervisor = newSupervisor(&e.latest, e.logger)
	e.reloader = newReloader(opts, e.supervisor, e.logger)
	e.metrics = collector.NewSamplerMetrics(interval)
	e.answers = collector.NewWebMetrics(web.AbortReasons())
	e.stats = newNetStats(opts.procfs, e.logger)
	cfg := opts.healthConfig(interval)
	cfg.OthersInterval = opts.othersInterval()

	if source.replay == nil { // the names of another host are unknown
		root, _ := hostinfo.CgroupRoot(opts.cgroupfs)
		e.cgroups = owner.NewCgroups(root)
		cfg.InterfaceName, cfg.CgroupName = hostinfo.InterfaceName, e.cgroups.Name
		cfg.Retries = tcpRetries(opts.procfs)
		e.userID = userIDs(opts.procfs)
		e.broker = broker.NewRedialer(opts.netnsBroker)

		if opts.owner == ownerAuto {
			e.owners = owner.NewOwners(e.cgroups, owner.Paths{Links: opts.containerLogs, Root: "/", Proc: opts.procfs})
			cfg.Owner = groupOwner(e.owners)
		}
	}

	cfg.SpaceName = func(space sampler.Space) string { return e.namespaces.Name(space) }

	if opts.dryRun {
		cfg.CgroupName, cfg.Owner = settled(cfg.CgroupName), settled(cfg.Owner)
	}

	e.tracker = health.NewTracker(cfg, e.latest.set)
	e.dialer = &dialer{
		congestionInfo: opts.congestionInfo, filter: opts.filter, recorder: source.recorder, skip: e.tracker.Resting, logger: e.logger,
	}

	if err := e.prepare(source.replay); err != nil {
		e.reloader.stop()

		return nil, fmt.Errorf("--sampler.filter: %w", err)
	}

	if source.replay == nil && !opts.dryRun {
		if e.namespaces, err = e.newNamespaces(); err != nil {
			e.reloader.stop()

			return nil, err
		}
	}

	return e, nil
}

// settled makes a look-up of names, or nil, final: there is no later sample to wait for.
func settled[T any](name func(uint64) (T, bool)) func(uint64) (T, bool) {
	if name == nil {
		return nil
	}

	return func(id uint64) (T, bool) {
		found, _ := name(id)

		return found, true
	}
}

// prepare sets up the recording, or checks the filter in the kernel. A recording cannot
// answer filters that only the kernel can evaluate.
func (e *exporter) prepare(replay *sampler.Replay) error {
	if replay == nil {
		return e.dialer.checkFilter()
	}

	replay.SetSkip(e.tracker.Resting)

	if e.opts.filter == nil {
		return nil
	}

	replay.SetKeep(keepBy(e.opts.filter))

	return e.opts.filter.CheckUserSpace()
}

// run samples and serves until either ends, then stops the other.
func (e *exporter) run(ctx context.Context, source *files, server *web.Server) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var group sync.WaitGroup

	group.Go(func() { e.reloader.followHangups(ctx) })
	group.Go(func() { e.supervisor.run(ctx) })
	group.Go(func() { e.stats.run(ctx) })
	group.Go(func() { e.runNamespaces(ctx) })

	if e.cgroups != nil {
		group.Go(func() { e.cgroups.Run(ctx) })
	}

	if e.owners != nil {
		group.Go(func() { e.owners.Run(ctx) })
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
