package lab

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

// watcher is the exporter at one interval: what main puts together, less HTTP.
type watcher struct {
	Deaf

	interval time.Duration
	cancel   context.CancelFunc
	over     sync.WaitGroup
	tape     bytes.Buffer // The recording.

	mu     sync.Mutex
	notes  notebook
	failed []error
}

// notebook keeps what is said of the subject of a scene, and of all other connections.
type notebook struct {
	subject      func() (port uint16)
	now          time.Time
	said, others []Sight
}

// note keeps what a snapshot says.
func (n *notebook) note(now time.Time, s *health.Snapshot) {
	for i := range s.Connections {
		c := &s.Connections[i]
		switch {
		case !c.Ended.IsZero():
		case c.Row.Local.Port == n.subject():
			n.said = append(n.said, Sight{now, *c})
		default:
			n.others = append(n.others, Sight{now, *c})
		}
	}
}

// newTracker returns the tracker of a watcher, which shows all connections from the start.
func newTracker(interval time.Duration, policy *health.Policy, publish func(*health.Snapshot)) *health.Tracker {
	return health.NewTracker(health.Config{
		Interval: interval, Window: window, Policy: policy, Export: export.Config{Max: maxWatched, Hold: time.Hour},
	}, publish)
}

// intervalTable are the intervals that are watched at.
var intervalTable = []time.Duration{250 * time.Millisecond, time.Second}

// recheckInterval is the default of the flag --sampler.watch-interval.
const recheckInterval = 250 * time.Millisecond

// newWatcher starts to sample a namespace: the exporter's own, or one elsewhere.
func newWatcher(tb testing.TB, n *netlab.Namespace, elsewhere bool, interval time.Duration, subject func() uint16, disturb disturbance) *watcher {
	tb.Helper()
	w := &watcher{interval: interval, notes: notebook{subject: subject}}
	recorder, err := sampler.NewRecorder(&w.tape, sampler.KernelRelease(), interval, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	tracker := newTracker(interval, nil, w.note)
	own := n
	if elsewhere {
		own = netlab.New(tb)
	}
	loop := loop.Loop{
		Open: func() (sampler.Source, error) {
			conn, err := sampler.Dial(sampler.Config{NetNS: own.FD(), Tap: &redacted{Recorder: recorder}})
			if err != nil {
				return nil, err
			}
			return &disturbed{conn, disturb}, nil
		},
		Interval:        interval,
		RecheckInterval: recheckInterval,
		Consumer:        tracker,
		Observer:        w,
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	if elsewhere {
		run := sampleElsewhere(tb, n, &loop)
		w.over.Go(func() { run(ctx) })
	}
	w.over.Go(func() { loop.Run(ctx) })
	tb.Cleanup(w.stop)
	return w
}

const maxWatched = 64 // Connections in a scene.

// stop ends the sampling.
func (w *watcher) stop() {
	w.cancel()
	w.over.Wait()
}

// note keeps what a snapshot says.
func (w *watcher) note(s *health.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes.note(time.Now(), s)
}

// Failed implements [sampler.Observer].
func (w *watcher) Failed(err error, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = append(w.failed, err)
}

// sights returns what was said so far.
func (w *watcher) sights() (said, others []Sight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.notes.said, w.notes.others
}

// disturbance says for how long the next dump has to wait.
type disturbance func() time.Duration

// disturbed is a source whose dumps come late: the exporter was held up.
type disturbed struct {
	sampler.Source
	wait disturbance
}

func (d *disturbed) Dump(sink sampler.Sink) (sampler.Dump, error) {
	time.Sleep(d.wait())
	return d.Source.Dump(sink)
}
