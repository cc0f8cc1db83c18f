package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/cmdline"
	"tcphealth_exporter/collector"
	"tcphealth_exporter/netns"
	"tcphealth_exporter/netns/broker"
	"tcphealth_exporter/netns/counters"
	"tcphealth_exporter/owner"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

const (
	netnsOwn  = "own"
	netnsProc = "proc"
	netnsAll  = "all"
	// minProcInterval is the minimum of --netns.proc-interval: reading files costs more than a
	// dump.
	minProcInterval = time.Second
	// maxNamespaces is the maximum of --netns.max: each takes three file descriptors.
	maxNamespaces = 1 << 13
	// countersEvery is the time between two readings of the kernel's counters.
	countersEvery = 5 * time.Second
)

// registerNetns declares the flags about network namespaces.
func (o *options) registerNetns(app *cmdline.App) {
	app.Flag("netns.mode", "Network namespaces to sample: own, that of the exporter; proc, also those of all processes, from /proc; all, the same by the netns-broker; see docs/namespaces.md.").
		Default(netnsOwn).EnumVar(&o.netnsMode, netnsOwn, netnsProc, netnsAll)
	app.Flag("netns.proc-interval", "Interval between samples of another network namespace with --netns.mode=proc, 1s to 1h; those with suspicious connections are sampled at --sampler.interval.").
		Default("5s").DurationVar(&o.procInterval)
	app.Flag("netns.exclude", "Network namespaces to leave out: a pattern with * and ? for a unit, a container, or a Kubernetes namespace or namespace/pod; repeatable.").
		PlaceHolder("GLOB").StringsVar(&o.netnsExclude)
	app.Flag("netns.broker", "Path of the Unix socket of the netns-broker.").
		Default("/run/tcphealth_netns_broker.sock").StringVar(&o.netnsBroker)
	cmdline.IntegerVar(app.Flag("netns.max", "Maximum number of network namespaces to sample beside that of the exporter.").
		Default("512"), &o.netnsMax)
	cmdline.IntegerVar(app.Flag("collector.netns", "Maximum number of network namespaces beside that of the exporter with kernel counters, 0 for none.").
		Default("50"), &o.netnsCounters)
	app.Flag("path.procfs", "Mount point of procfs.").
		Default(procPath).StringVar(&o.procfs)
}

// netnsChecks are the conditions that the flags about network namespaces must meet.
func (o *options) netnsChecks() []check {
	others := o.netnsMode != netnsOwn

	return []check{
		{
			o.netnsMax >= 1 && o.netnsMax <= maxNamespaces,
			"--netns.max", fmt.Sprintf("expected 1 to %d, found %d", maxNamespaces, o.netnsMax),
		},
		{o.netnsCounters >= 0 && o.netnsCounters <= maxNamespaces, "--collector.netns", fmt.Sprintf("expected 0 to %d, found %d", maxNamespaces, o.netnsCounters)},
		{
			o.procInterval >= minProcInterval && o.procInterval <= maxInterval,
			"--netns.proc-interval", fmt.Sprintf("expected %s to %s, found %s", minProcInterval, maxInterval, o.procInterval),
		},
		{o.procFilterError() == "", "--sampler.filter", "cannot be combined with --netns.mode=proc: " + o.procFilterError()},
		{owner.ValidGlobs(o.netnsExclude), "--netns.exclude", fmt.Sprintf("expected patterns such as kube-system or web-*, found %q", o.netnsExclude)},
		{len(o.netnsExclude) == 0 || o.owner == ownerAuto, "--netns.exclude", "needs --collector.owner=auto"},
		{path.IsAbs(o.netnsBroker), "--netns.broker", fmt.Sprintf("expected an absolute path, found %q", o.netnsBroker)},
		{path.IsAbs(o.procfs), "--path.procfs", fmt.Sprintf("expected an absolute path, found %q", o.procfs)},
		{path.IsAbs(o.cgroupfs), "--path.cgroupfs", fmt.Sprintf("expected an absolute path, found %q", o.cgroupfs)},
		{!others || o.replay == "", "--netns.mode", "cannot be combined with --sampler.replay"},
		{!others || o.record == "", "--netns.mode", "cannot be combined with --sampler.record, which records one namespace"},
	}
}

// othersInterval is the longest time between two samples of another network namespace.
func (o *options) othersInterval() time.Duration {
	if o.netnsMode == netnsProc {
		return max(o.interval, o.procInterval)
	}

	return o.interval
}

// procFilterError is why the filter cannot select connections of /proc, empty if it can.
func (o *options) procFilterError() string {
	if o.netnsMode == netnsProc && o.filter != nil {
		if err := o.filter.CheckProc(); err != nil {
			return err.Error()
		}
	}

	return ""
}

// newNamespaces returns what samples the other network namespaces, nil for none.
func (e *exporter) newNamespaces() (*netns.Watcher, error) {
	cfg := netns.Config{
		Procfs:  e.opts.procfs,
		Max:     e.opts.netnsMax,
		Reuse:   2 * (e.opts.retention + e.opts.window),
		Conn:    sampler.Config{CongestionInfo: e.opts.congestionInfo},
		Prepare: e.dialer.prepare,
		Report:  func(err error) { reportNamespaces(e.logger, err) },
		CPU:     loop.ThreadCPU,
	}

	switch e.opts.netnsMode {
	case netnsAll:
		cfg.Opener = opener{e.broker}
	case netnsProc:
		cfg.Pace = e.opts.procInterval

		if filter := e.opts.filter; filter != nil {
			cfg.Keep = keepBy(filter.Simplify())
		}
	default:
		return nil, nil //nolint:nilnil // no watcher is no error
	}

	if e.owners != nil {
		cfg.CgroupOf = e.owners.OfProcesses
	}

	if globs := e.opts.netnsExclude; len(globs) > 0 {
		cfg.Exclude = func(pids []int) (excluded, final bool) {
			o, final := e.owners.Of(e.owners.OfProcesses(pids))

			return o.Matches(globs), final
		}
	}

	w, err := netns.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("--netns.mode: %w", err)
	}

	e.counters = collector.NewNamespaceMetrics()

	return w, nil
}

// reportNamespaces logs why namespaces cannot be sampled.
func reportNamespaces(logger log.Logger, err error) {
	fields := []any{"msg", "network namespaces are not sampled", "err", err}

	for _, known := range []struct {
		err  error
		hint string
	}{
		{netns.ErrHidden, "mount procfs without hidepid, or set ProtectProc=default"},
		{netns.ErrDenied, "the netns-broker needs CAP_SYS_ADMIN and CAP_SYS_PTRACE, and a security policy that allows both"},
		{netns.ErrUnavailable, "start the netns-broker, and let the exporter connect to its socket"},
	} {
		if errors.Is(err, known.err) {
			fields = append(fields, "hint", known.hint)
		}
	}

	_ = level.Warn(logger).Log(fields...)
}

// reach returns a line for each mode: what it would sample on this host, or what is missing.
func (o *options) reach() string {
	n, err := netns.Survey(o.procfs)
	opened, brokerErr := broker.NewRedialer(o.netnsBroker).Open(os.Getpid(), 0)

	if brokerErr == nil {
		_ = syscall.Close(opened.FD)
	}

	others := func(err error) string {
		if err != nil {
			return "no other network namespace: " + err.Error()
		}

		return fmt.Sprintf("%d other network namespaces", n)
	}

	return fmt.Sprintf("--netns.mode=own: the exporter's own network namespace\n--netns.mode=proc: %s\n--netns.mode=all: %s",
		others(err), others(cmp.Or(err, brokerErr)))
}

// opener opens sockets with the help of the netns-broker.
type opener struct{ broker *broker.Redialer }

// Open implements [netns.Opener].
func (o opener) Open(pid int, inode uint64) (fd int, nsInode uint64, err error) {
	opened, err := o.broker.Open(pid, inode)
	if errors.Is(err, broker.ErrDisconnected) {
		err = fmt.Errorf("%w: %w", netns.ErrUnavailable, err)
	}

	return opened.FD, opened.Inode, err
}

// runNamespaces finds network namespaces, and reads the kernel's counters there, until ctx is
// done.
func (e *exporter) runNamespaces(ctx context.Context) {
	if e.namespaces == nil {
		return
	}

	var group sync.WaitGroup

	group.Go(func() { e.namespaces.Run(ctx) })
	counters.Run(ctx, counters.Config{
		Procfs: e.opts.procfs, Interval: countersEvery, Max: e.opts.netnsCounters,
		Anchors: e.namespaces.Anchors, Publish: publishCounters(e.counters, e.owners),
	})
	group.Wait()
}

// netnsStats returns the figures of the other network namespaces.
func (e *exporter) netnsStats() collector.NetnsStats {
	s := e.namespaces.Stats()
	shown := collector.NetnsStats{
		Namespaces: map[string]int{
			"watched": s.Watched, "idle": s.Idle, "skipped": s.Skipped, "denied": s.Denied, "excluded": s.Excluded,
		},
		Opens:            make(map[string]uint64),
		Errors:           make(map[string]uint64),
		Samples:          map[string]uint64{"walk": s.Walks, "get_one": s.Revisits, "skipped": s.SkippedWalks},
		Postponed:        s.Postponed,
		HasBroker:        e.opts.netnsMode == netnsAll,
		BrokerUp:         !s.Unavailable,
		DiscoverySeconds: s.Discovery.Seconds(),
		OldestSeconds:    s.OldestSample.Seconds(),
	}

	for result, n := range s.Opens {
		shown.Opens[string(result)] = n
	}

	for reason, n := range s.Errors {
		shown.Errors[string(reason)] = n
	}

	return shown
}
