package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/config"
	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// loadPolicy reads the configuration file. It also returns the keys in it that have
// another name now.
func (o *options) loadPolicy(read func() ([]byte, error)) (*health.Policy, []config.Deprecated, error) {
	text, err := read()
	if err != nil {
		return nil, nil, fmt.Errorf("--config.file: %w", err)
	}

	c, err := config.Parse(o.configFile, text, o.hostNames())
	if err != nil {
		return nil, nil, err
	}

	return c.Policy(keepBy), c.Deprecated, nil
}

// warnOfKeys logs the first deprecated key of a configuration file, and their number.
func warnOfKeys(logger log.Logger, path string, keys []config.Deprecated) {
	if len(keys) > 0 {
		first := keys[0]
		_ = level.Warn(logger).Log("msg", "deprecated key in configuration file", "file", path,
			"line", first.Line, "key", first.Key, "use", first.Use, "count", len(keys))
	}
}

// checked returns the result of --config.check.
func (o *options) checked() string {
	if o.policy == nil {
		return "the command line is valid, --config.file is not set"
	}

	return fmt.Sprintf("%s is valid (profiles: %d, rules: %d)", o.configFile, len(o.policy.Profiles), len(o.policy.Rules))
}

// errNothingToReload means that the program has no configuration file.
var errNothingToReload = errors.New("nothing to reload without --config.file")

// reloader loads the configuration file again while the program runs.
type reloader struct {
	opts       *options
	file       configFile // its path is empty for none
	logger     log.Logger
	metrics    *collector.ConfigMetrics
	supervisor *supervisor
	hangups    chan os.Signal

	mutex sync.Mutex // held while loading
	queue sync.Mutex // held for an access to pending
	// pending is the reload that waits for the one in progress, nil for none.
	pending *pendingReload
	// next is the policy from the next sample on, nil for the current one.
	next atomic.Pointer[health.Policy]
}

// pendingReload is a reload for all who ask for one before it begins.
type pendingReload struct {
	requests int
	done     chan struct{} // closed at the end
	err      error         // set before
}

// newReloader returns a reloader of the configuration file that was loaded. SIGHUP triggers a
// reload until stop is called, and is ignored after that.
func newReloader(o *options, s *supervisor, logger log.Logger) *reloader {
	r := &reloader{
		opts: o, file: configFile{path: o.configFile}, logger: logger, metrics: collector.NewConfigMetrics(), supervisor: s,
		hangups: make(chan os.Signal, 1),
	}
	signal.Notify(r.hangups, syscall.SIGHUP)

	if o.configFile != "" {
		r.loaded(o.policy)
	}

	return r
}

// loaded records that a policy is active.
func (r *reloader) loaded(p *health.Policy) {
	r.metrics.Loaded(time.Now())
	_ = level.Info(r.logger).Log("msg", "configuration loaded", "file", r.file.path,
		"profiles", len(p.Profiles), "rules", len(p.Rules), "default_profile", p.Profiles[0].Name)
}

// reload loads the file. When it returns, its policy is active from the next sample on;
// a file with a mistake changes nothing. Requests during a reload share the next one.
func (r *reloader) reload() error {
	r.queue.Lock()

	p, joins := r.pending, r.pending != nil
	if !joins {
		p = &pendingReload{done: make(chan struct{})}
		r.pending = p
	}

	p.requests++
	r.queue.Unlock()

	if joins {
		<-p.done

		return p.err
	}

	r.mutex.Lock()
	defer r.mutex.Unlock()

	r.queue.Lock()
	r.pending = nil // what changes from now on needs another reload
	r.queue.Unlock()

	defer close(p.done)

	p.err = r.supervisor.reloading(r.load)

	return p.err
}

// load implements reload, one call at a time.
func (r *reloader) load() error {
	if r.file.path == "" {
		_ = level.Warn(r.logger).Log("msg", errNothingToReload)

		return errNothingToReload
	}

	policy, deprecated, err := r.opts.loadPolicy(r.file.reload)
	if err != nil {
		r.metrics.Failed()
		_ = level.Error(r.logger).Log("msg", "reloading the configuration failed, the previous configuration stays active", "file", r.file.path, "err", err)

		return err
	}

	warnOfKeys(r.logger, r.file.path, deprecated)
	r.next.Store(policy)
	r.loaded(policy)

	return nil
}

// followHangups reloads at each SIGHUP until ctx is done.
func (r *reloader) followHangups(ctx context.Context) {
	for {
		select {
		case <-r.hangups:
			_ = r.reload() // is logged
		case <-ctx.Done():
			return
		}
	}
}

func (r *reloader) stop() { signal.Ignore(syscall.SIGHUP) }

// governed is a tracker that gets new policies between two samples.
type governed struct {
	*health.Tracker

	next *atomic.Pointer[health.Policy]
}

// Begin implements [sampler.Consumer].
func (g governed) Begin(space sampler.Space) {
	if p := g.next.Swap(nil); p != nil {
		g.SetPolicy(p)
	}

	g.Tracker.Begin(space)
}
