package netns

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// patience bounds the wait for what takes seconds at most.
const patience = 30 * time.Second

// recorder is a consumer that keeps the last complete dump of each namespace.
type recorder struct {
	mutex sync.Mutex
	dump  []sampler.Socket
	last  map[sampler.Space][]sampler.Socket
	// ports are the ports of listeners that a namespace ever had.
	ports map[sampler.Space]map[uint16]bool
	gone  []sampler.Space
	// dumps counts the complete dumps, aborted the others.
	dumps   map[sampler.Space]int
	aborted int
	begun   sampler.Space
	strange []sampler.Socket // of another namespace than the one that was begun
}

func newRecorder() *recorder {
	return &recorder{
		last: make(map[sampler.Space][]sampler.Socket), ports: make(map[sampler.Space]map[uint16]bool),
		dumps: make(map[sampler.Space]int),
	}
}

func (r *recorder) Begin(space sampler.Space) {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	r.begun, r.dump = space, nil
}

func (r *recorder) Sockets(_ time.Time, sockets []sampler.Socket) {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	for i := range sockets {
		if sockets[i].Space != r.begun {
			r.strange = append(r.strange, sockets[i])
		}
	}

	r.dump = append(r.dump, sockets...)
}

func (r *recorder) End(d sampler.Dump) {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	if d.Partial { // without listeners
		for _, s := range r.last[d.Space] {
			if s.State == sampler.StateListen {
				r.dump = append(r.dump, s)
			}
		}
	}

	r.last[d.Space] = r.dump
	r.dumps[d.Space]++

	if r.ports[d.Space] == nil {
		r.ports[d.Space] = make(map[uint16]bool)
	}

	for i := range r.dump {
		if r.dump[i].State == sampler.StateListen {
			r.ports[d.Space][r.dump[i].Local.Port] = true
		}
	}
}

func (r *recorder) Abort() {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	r.aborted++
}

func (r *recorder) Gone(space sampler.Space, _ time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	r.gone = append(r.gone, space)
	delete(r.last, space)
}

// Known returns the connections of the last dump.
func (r *recorder) Known() (targets []sampler.Target) {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	last := r.last[r.begun]
	for i := range last {
		if last[i].State != sampler.StateListen {
			targets = append(targets, last[i].Target())
		}
	}

	return targets
}

func (r *recorder) Publish(time.Time)                     {}
func (r *recorder) Suspicious() []sampler.Target          { return nil }
func (r *recorder) Rechecked(time.Time, []sampler.Socket) {}
func (r *recorder) Settle(time.Time)                      {}

// spaceOf returns the namespace whose last dump has a listener at the port, and the number
// of connections there.
func (r *recorder) spaceOf(port int) (space sampler.Space, connections int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	for s, sockets := range r.last {
		if i := slices.IndexFunc(sockets, func(s sampler.Socket) bool {
			return s.State == sampler.StateListen && int(s.Local.Port) == port
		}); i >= 0 {
			return s, len(sockets) - 1
		}
	}

	return 0, 0
}

func (r *recorder) isGone(space sampler.Space) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	return slices.Contains(r.gone, space)
}

func (r *recorder) dumpsOf(space sampler.Space) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	return r.dumps[space]
}

// portsEver returns the ports of listeners that each namespace ever had.
func (r *recorder) portsEver() map[sampler.Space][]uint16 {
	r.mutex.Lock()
	defer r.mutex.Unlock()

	all := make(map[sampler.Space][]uint16)
	for space, ports := range r.ports {
		all[space] = slices.Collect(maps.Keys(ports))
	}

	return all
}

// scene is a running watcher of the namespaces of the test's own processes.
type scene struct {
	t testing.TB
	*Watcher
	*recorder

	reporting sync.Mutex
	reports   []error
}

// newScene runs a watcher that scans every 50 ms.
func newScene(t testing.TB, change func(c *Config)) *scene {
	t.Helper()

	s := &scene{t: t, recorder: newRecorder()}
	cfg := Config{
		Procfs: "/proc", Opener: entering{}, Interval: 50 * time.Millisecond,
		Exclude: others,
		Report: func(err error) {
			s.reporting.Lock()
			defer s.reporting.Unlock()

			s.reports = append(s.reports, err)
		},
	}

	if change != nil {
		change(&cfg)
	}

	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}

	s.Watcher = w
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})

	go func() {
		defer close(ended)

		w.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		w.Close()
	})

	return s
}

// others reports whether processes are not of this test binary: other tests of this machine
// have namespaces, too.
func others(pids []int) (excluded, final bool) {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pids[0]))
	own, ownErr := os.Readlink("/proc/self/exe")

	return err != nil || ownErr != nil || exe != own, true
}

// reported returns what was reported until now.
func (s *scene) reported() []error {
	s.reporting.Lock()
	defer s.reporting.Unlock()

	return slices.Clone(s.reports)
}

// lose has a namespace lose its anchor.
func (s *scene) lose(space sampler.Space) {
	s.t.Helper()

	for _, n := range s.namespaces() {
		if n.space == space {
			n.mutex.Lock()
			n.fail(errAnchor)
			n.mutex.Unlock()
		}
	}
}

// sample samples at an interval until the test ends.
func (s *scene) sample(interval time.Duration) {
	stop, ended := make(chan struct{}), make(chan struct{})

	go func() {
		defer close(ended)

		for tick := time.Tick(interval); ; {
			select {
			case <-stop:
				return
			case <-tick:
				s.Sample(0, s.recorder)
			}
		}
	}()
	s.t.Cleanup(func() {
		close(stop)
		<-ended
	})
}

// await waits until a condition holds.
func (s *scene) await(what string, holds func() bool) {
	s.t.Helper()

	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not within %v; %+v", what, patience, s.Stats())
		}
	}
}

// awaitSpace waits until the namespace with a listener at the port is sampled, with so many
// connections.
func (s *scene) awaitSpace(port, connections int) (space sampler.Space) {
	s.t.Helper()

	s.await("sample of the namespace", func() bool {
		var n int
		space, n = s.spaceOf(port)

		return space != 0 && n == connections
	})

	return space
}
