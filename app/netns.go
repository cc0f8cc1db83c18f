package app

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/cmdline"
	"tcphealth_exporter/collector"
	"tcphealth_exporter/netns"
	"tcphealth_exporter/netns/broker"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

const (
	netnsOwn = "own"
	netnsAll = "all"
	// maxNamespaces is the maximum of --netns.max: each takes three file descriptors.
	maxNamespaces = 1 << 13
)

// registerNetns declares the flags about network namespaces.
func (o *options) registerNetns(app *cmdline.App) {
	app.Flag("netns.mode", "Network namespaces to sample: own, that of the exporter; all, those of all processes, by the netns-broker; see docs/namespaces.md.").
		Default(netnsOwn).EnumVar(&o.netnsMode, netnsOwn, netnsAll)
	app.Flag("netns.broker", "Path of the Unix socket of the netns-broker.").
		Default("/run/tcphealth_netns_broker.sock").StringVar(&o.netnsBroker)
	integerVar(app.Flag("netns.max", "Maximum number of network namespaces to sample beside that of the exporter.").
		Default("512"), &o.netnsMax)
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
		{path.IsAbs(o.netnsBroker), "--netns.broker", fmt.Sprintf("expected an absolute path, found %q", o.netnsBroker)},
		{path.IsAbs(o.procfs), "--path.procfs", fmt.Sprintf("expected an absolute path, found %q", o.procfs)},
		{!others || o.replay == "", "--netns.mode", "cannot be combined with --sampler.replay"},
		{!others || o.record == "", "--netns.mode", "cannot be combined with --sampler.record, which records one namespace"},
	}
}

// newNamespaces returns what samples the other network namespaces, nil for none.
func (e *exporter) newNamespaces() (*netns.Watcher, error) {
	if e.opts.netnsMode != netnsAll {
		return nil, nil //nolint:nilnil // no watcher is no error
	}

	w, err := netns.New(netns.Config{
		Procfs:  e.opts.procfs,
		Opener:  &brokerOpener{path: e.opts.netnsBroker},
		Max:     e.opts.netnsMax,
		Reuse:   2 * (e.opts.retention + e.opts.window),
		Conn:    sampler.Config{CongestionInfo: e.opts.congestionInfo},
		Prepare: e.dialer.prepare,
		Report:  func(err error) { reportNamespaces(e.logger, err) },
		CPU:     loop.ThreadCPU,
	})
	if err != nil {
		return nil, fmt.Errorf("--netns.mode: %w", err)
	}

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

// brokerOpener opens sockets with the help of the netns-broker. It connects when it is
// used, and again after the broker was restarted.
type brokerOpener struct {
	path   string
	mutex  sync.Mutex
	client *broker.Client // nil for none
}

// Open implements [netns.Opener].
func (o *brokerOpener) Open(pid int, inode uint64) (fd int, nsInode uint64, err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()

	if o.client == nil {
		if o.client, err = broker.Dial(o.path); err != nil {
			o.client = nil

			return 0, 0, fmt.Errorf("%w: %w", netns.ErrUnavailable, err)
		}
	}

	opened, err := o.client.Open(pid, inode)
	if errors.Is(err, broker.ErrDisconnected) {
		_ = o.client.Close()
		o.client = nil
		err = fmt.Errorf("%w: %w", netns.ErrUnavailable, err)
	}

	return opened.FD, opened.Inode, err
}

// runNamespaces finds network namespaces until ctx is done.
func (e *exporter) runNamespaces(ctx context.Context) {
	if e.namespaces != nil {
		e.namespaces.Run(ctx)
	}
}

// netnsStats returns the figures of the other network namespaces.
func netnsStats(w *netns.Watcher) collector.NetnsStats {
	s := w.Stats()
	shown := collector.NetnsStats{
		Namespaces: map[string]int{
			"watched": s.Watched, "idle": s.Idle, "skipped": s.Skipped, "denied": s.Denied, "excluded": s.Excluded,
		},
		Opens:            make(map[string]uint64),
		Errors:           make(map[string]uint64),
		Samples:          map[string]uint64{"walk": s.Walks, "get_one": s.Revisits, "skipped": s.SkippedWalks},
		Postponed:        s.Postponed,
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
