package netns

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tcphealth_exporter/sampler"
)

// Watcher discovers, opens and samples the network namespaces beside the exporter's own.
type Watcher struct {
	cfg    Config
	procs  *procs
	deaths *deaths
	stats  counters

	// running is held by Run; closing ends it.
	running sync.Mutex
	closing atomic.Bool
	closed  bool // under running

	// What follows belongs to the goroutine of Run.
	census *census
	table  *table
	// byInode has the watched namespaces.
	byInode map[uint64]*namespace
	// suspects are the inodes whose processes the next scan looks at.
	suspects map[uint64]bool
	reported map[error]bool

	mutex sync.Mutex
	// list has the namespaces by their numbers. It is replaced, not modified.
	list []*namespace
	// faults are the namespaces whose socket was closed after an error.
	faults []fault
	// ended are the numbers of namespaces that ended, announced those of which the
	// consumer knows.
	ended, announced []sampler.Space

	// What follows belongs to the sampling goroutine.
	last  sampler.Space // sampled last
	inbuf [1024]byte    // for reading sockstat
}

// fault is an error of the socket of a namespace.
type fault struct {
	namespace *namespace
	err       error
}

// New returns a watcher that watches nothing before [Watcher.Run].
func New(cfg Config) (*Watcher, error) {
	cfg.complete()

	own, err := ownIdentity()
	if err != nil {
		return nil, fmt.Errorf("identify own network namespace: %w", err)
	}

	procs, err := newProcs(cfg.Procfs)
	if err != nil {
		return nil, err
	}

	deaths, err := newDeaths()
	if err != nil {
		procs.close()

		return nil, err
	}

	return &Watcher{
		cfg: cfg, procs: procs, deaths: deaths, stats: newCounters(), census: newCensus(),
		table:   newTable(own, cfg.Max, cfg.Interval/2, cfg.Reuse),
		byInode: make(map[uint64]*namespace), suspects: make(map[uint64]bool), reported: make(map[error]bool),
	}, nil
}

// Run discovers network namespaces and opens them until ctx is done. Then it closes all
// sockets, so that none keeps a namespace alive. It is called once.
func (w *Watcher) Run(ctx context.Context) {
	w.running.Lock()
	defer w.running.Unlock()

	if w.closed {
		return
	}

	defer w.releaseAll()
	defer context.AfterFunc(ctx, w.deaths.interrupt)()

	next := time.Now()

	for ctx.Err() == nil && !w.closing.Load() {
		dead, err := w.deaths.wait(time.Until(next))
		if err != nil {
			w.cfg.Report(err)

			return
		}

		now := time.Now()
		tick := !now.Before(next)

		if tick {
			next = now.Add(w.cfg.Interval)
		}

		w.step(now, dead, tick)
	}
}

// fault has the goroutine of Run replace the socket of a namespace.
func (w *Watcher) fault(n *namespace, err error) {
	w.mutex.Lock()
	w.faults = append(w.faults, fault{n, err})
	w.mutex.Unlock()

	w.deaths.interrupt()
}

// releaseAll closes all sockets.
func (w *Watcher) releaseAll() {
	for _, n := range w.byInode {
		n.release()
		w.dropAnchor(n)
	}
}

// Close ends [Watcher.Run] and closes everything. The watcher cannot be used again.
func (w *Watcher) Close() {
	w.closing.Store(true)
	w.deaths.interrupt()

	w.running.Lock()
	defer w.running.Unlock()

	if !w.closed {
		w.closed = true
		w.deaths.close()
		w.procs.close()
	}
}

// Source returns the sockets of a watched namespace, nil if it is not watched. It belongs
// to the sampling goroutine. After an error, the watcher replaces the socket; the caller
// need not do anything.
func (w *Watcher) Source(space sampler.Space) sampler.Source {
	for _, n := range w.namespaces() {
		if n.space == space {
			return n
		}
	}

	return nil
}

// Name returns the inode number of a watched namespace in nsfs, as lsns(8) shows it, or
// "proc:" and the inode number of its /proc/PID/net/tcp if there is no socket to ask. It is
// empty if the namespace is not watched.
func (w *Watcher) Name(space sampler.Space) string {
	for _, n := range w.namespaces() {
		if n.space == space {
			return n.name
		}
	}

	return ""
}

// namespaces returns the watched namespaces by their numbers. The slice is not modified.
func (w *Watcher) namespaces() []*namespace {
	w.mutex.Lock()
	defer w.mutex.Unlock()

	return w.list
}
