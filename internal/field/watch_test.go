package field

import (
	"context"
	"sync"
	"testing"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/internal/lab"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

// The defaults of the program.
const (
	interval        = time.Second
	recheckInterval = 250 * ms
	window          = 10 * time.Second
)

// watcher samples all connections of a namespace as the program does.
type watcher struct {
	lab.Deaf

	stop func()

	mu     sync.Mutex
	seen   map[uint64][]lab.Sight // By the cookie of the connection.
	polls  int
	failed []error
}

func watch(t testing.TB, n *netlab.Namespace) *watcher {
	w := &watcher{seen: make(map[uint64][]lab.Sight)}
	tracker := health.NewTracker(health.Config{
		Interval: interval, Window: window, Export: export.Config{Max: 1 << 16, Hold: time.Hour},
	}, w.note)
	sampling := loop.Loop{
		Open:     func() (sampler.Source, error) { return sampler.Dial(sampler.Config{NetNS: n.FD()}) },
		Interval: interval, RecheckInterval: recheckInterval,
		Consumer: tracker, Observer: w,
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { sampling.Run(ctx) })
	w.stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(w.stop)
	return w
}

// note keeps what a snapshot reports of connections that have not ended.
func (w *watcher) note(s *health.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for i := range s.Connections {
		if c := &s.Connections[i]; c.Ended.IsZero() {
			w.seen[c.Cookie] = append(w.seen[c.Cookie], lab.Sight{At: now, Conn: *c})
			w.polls++
		}
	}
}

// Failed implements [sampler.Observer].
func (w *watcher) Failed(err error, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = append(w.failed, err)
}
