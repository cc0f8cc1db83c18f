package collector

import (
	"slices"
	"sync"

	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// Config configures a [Gatherer].
type Config struct {
	// Latest returns the newest snapshot, nil before the first one. It is
	// called from any goroutine.
	Latest func() *health.Snapshot
	// Sets selects the per-connection families, none for all of them.
	Sets []Set
	// Owner returns the owner of the sockets of a cgroup, as values of [OwnerLabels], or nil
	// if it is unknown. It is called by one goroutine at a time. A nil Owner knows none.
	Owner func(cgroup uint64) []string
	// UserID returns the user id of a socket, and reports whether it is known. If it is nil,
	// all are.
	UserID func(*sampler.Socket) (uid uint32, known bool)
}

// OwnerLabels returns the labels of connection_owner_info beside those of the connection.
func OwnerLabels() []string {
	return []string{"namespace", "workload", "pod", "container", "unit", "container_id", "pod_uid"}
}

// maxExpositions bounds the memory of scrapes that run at the same time.
const maxExpositions = 4

// Gatherer is a prometheus.TransactionalGatherer over the newest snapshot. Scrapes
// of one snapshot share one exposition. Its memory is used again once no one reads
// it; then a scrape costs little more than the storing of its values.
type Gatherer struct {
	cfg Config

	// mu is for scrapes among themselves: the sampler never waits for it.
	mu    sync.Mutex //nolint:forbidigo // no lock against the sampler
	known *subjects
	// newest is among all, which are those in use and at most one beside them.
	newest *exposition
	all    []*exposition
}

// NewGatherer returns a gatherer.
func NewGatherer(cfg Config) *Gatherer {
	return &Gatherer{cfg: cfg, known: newSubjects()}
}

// Gather implements prometheus.TransactionalGatherer. Before the first sample
// there is no snapshot.
func (g *Gatherer) Gather() ([]*dto.MetricFamily, func(), error) {
	g.mu.Lock()
	defer g.mu.Unlock()

	s := g.cfg.Latest()
	if s == nil {
		return nil, func() {}, nil
	}

	e := g.exposition(s)
	e.users++

	return e.families, sync.OnceFunc(func() { g.release(e) }), e.err
}

// exposition returns the one of the snapshot, or the newest if scrapes of older
// snapshots take so long that there is no memory left.
func (g *Gatherer) exposition(s *health.Snapshot) *exposition {
	if g.newest != nil && g.newest.snapshot == s {
		return g.newest
	}

	if e := g.idle(); e != nil {
		e.fill(s, g.known)
		g.newest = e
	}

	return g.newest
}

// idle returns an exposition that no one reads, nil if there may not be one more.
func (g *Gatherer) idle() *exposition {
	for _, e := range g.all {
		if e.users == 0 {
			return e
		}
	}

	if len(g.all) == maxExpositions {
		return nil
	}

	e := newExposition(&g.cfg)
	g.all = append(g.all, e)

	return e
}

// release ends a scrape.
func (g *Gatherer) release(e *exposition) {
	g.mu.Lock()
	defer g.mu.Unlock()

	e.users--
	if e.users == 0 && e != g.newest {
		g.all = slices.DeleteFunc(g.all, func(other *exposition) bool { return other == e })
	}
}
