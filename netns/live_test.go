package netns

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// TestLiveSpaces samples three namespaces, each under its own number.
func TestLiveSpaces(t *testing.T) {
	netlab.RequireRoot(t)

	s := newScene(t, nil)
	s.sample(50 * time.Millisecond)

	seen := make(map[sampler.Space]bool)

	for i := range 3 {
		newPeer(t, 20000+i, i+1)
	}

	for i := range 3 {
		seen[s.awaitSpace(20000+i, 2*(i+1))] = true
	}

	if len(seen) != 3 || len(s.strange) > 0 {
		t.Errorf("numbers %v, %d sockets of other namespaces", seen, len(s.strange))
	}

	if got := s.Stats(); got.Watched != 3 || got.Opens[Opened] != 3 || got.OldestSample > patience || got.Walks == 0 {
		t.Errorf("%+v", got)
	}
}

// cable lays a cable from a namespace to that of a process.
func cable(t *testing.T, ns *netlab.Namespace, name string, pid int) {
	t.Helper()

	err := ns.DoErr(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name

		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer", PeerNamespace: netlink.NsPid(pid)})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// untilGone returns the time until an interface is gone.
func untilGone(t *testing.T, ns *netlab.Namespace, name string) (took time.Duration) {
	t.Helper()

	began := time.Now()

	ns.Do(func() {
		for time.Since(began) < patience {
			if _, err := netlink.LinkByName(name); errors.As(err, new(netlink.LinkNotFoundError)) {
				took = time.Since(began)

				return
			}

			time.Sleep(time.Millisecond)
		}
	})

	if took == 0 {
		t.Fatalf("the namespace still exists after %v", patience)
	}

	return took
}

var releaseRounds = flag.Int("netns.releases", 2, "how many times TestLiveRelease ends ten namespaces")

// TestLiveRelease: a watched namespace goes away when its last process ends, and with it
// the other end of its cable, long before the next scan and the next sample.
func TestLiveRelease(t *testing.T) {
	netlab.RequireRoot(t)

	for _, interval := range []time.Duration{time.Second, 250 * time.Millisecond} {
		t.Run(interval.String(), func(t *testing.T) {
			s, ns := newScene(t, func(c *Config) { c.Interval = DefaultInterval }), netlab.New(t)
			s.sample(interval)

			var took []time.Duration

			for range *releaseRounds {
				took = append(took, releases(t, s, ns, 10)...)
			}

			slices.Sort(took)
			t.Logf("gone after %v (median), %v (maximum)", took[len(took)/2], took[len(took)-1])

			if median := took[len(took)/2]; median > 100*time.Millisecond {
				t.Errorf("gone after %v", median)
			}
		})
	}
}

// releases ends so many watched namespaces, one after the other, and returns the times
// until they were gone.
func releases(t *testing.T, s *scene, ns *netlab.Namespace, count int) (took []time.Duration) {
	t.Helper()

	var peers []*peer

	for i := range count {
		peers = append(peers, newPeer(t, 20000+i, 1))
		cable(t, ns, fmt.Sprintf("lab%d", i), peers[i].pid())
	}

	for i, p := range peers {
		space := s.awaitSpace(20000+i, 2)

		p.kill()
		took = append(took, untilGone(t, ns, fmt.Sprintf("lab%d", i)))

		s.await("end of the namespace", func() bool { return s.isGone(space) })
	}

	return took
}

// TestLiveReuse makes and ends namespaces, which reuse inode numbers. The sockets of one
// are never under the number of another one.
func TestLiveReuse(t *testing.T) {
	netlab.RequireRoot(t)

	const rounds = 50

	s := newScene(t, func(c *Config) { c.Interval = 20 * time.Millisecond })
	s.sample(10 * time.Millisecond)

	inodes := make(map[uint64]int)

	for round := range rounds {
		p := newPeer(t, 20000+round, 1)

		inode, err := inodeAt(unix.AT_FDCWD, fmt.Sprintf("/proc/%d/net/tcp", p.pid()))
		if err != nil {
			t.Fatal(err)
		}

		inodes[inode]++

		s.awaitSpace(20000+round, 2)
		p.kill()
	}

	all := s.portsEver()
	for space, ports := range all {
		if len(ports) != 1 {
			t.Errorf("namespace %d had the listeners of several: %v", space, ports)
		}
	}

	s.await("end of all namespaces", func() bool { return len(s.namespaces()) == 0 })

	if len(all) != rounds || len(inodes) == rounds || len(s.strange) > 0 {
		t.Errorf("%d namespaces, %d inodes, %d sockets of other namespaces", len(all), len(inodes), len(s.strange))
	}

	t.Logf("%d namespaces had %d inodes", rounds, len(inodes))
}

// TestLiveTakeover: a namespace goes on with its number when its first process ends, until
// the last one does.
func TestLiveTakeover(t *testing.T) {
	netlab.RequireRoot(t)

	s := newScene(t, nil)
	s.sample(20 * time.Millisecond)

	p := newPeer(t, 20000, 1)
	child := p.order("child")
	space := s.awaitSpace(20000, 2)

	p.kill() // its connections end, the namespace does not

	s.await("sample through the other process", func() bool {
		return s.dumpsOf(space) > 1 && s.Stats().Opens[Opened] == 2
	})
	s.await("end of the connections", func() bool {
		at, _ := s.spaceOf(20000)

		return at == 0
	})

	if s.isGone(space) || s.Source(space) == nil {
		t.Error("the namespace has ended")
	}

	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}

	s.await("end of the namespace", func() bool { return s.isGone(space) })

	if s.Source(space) != nil {
		t.Error("the namespace still has a source")
	}
}

// TestLiveIdle skips the dumps of a namespace without connections, and samples its first
// connection at the next tick.
func TestLiveIdle(t *testing.T) {
	netlab.RequireRoot(t)

	s := newScene(t, nil)
	p := newPeer(t, 20000, 0)
	tick := func() { s.Sample(0, s.recorder) }

	s.await("first sample", func() bool {
		tick()

		return s.Stats().Walks == 1
	})

	for range 10 {
		tick()
	}

	// The consumer ends connections that two dumps have missed.
	if got := s.Stats(); got.Walks != 2 || got.SkippedWalks != 9 || got.Idle != 1 || got.Watched != 0 {
		t.Errorf("idle: %+v", got)
	}

	p.order("pairs 1")
	tick()

	space, connections := s.spaceOf(20000)
	if connections != 2 || s.Stats().Watched != 1 {
		t.Errorf("%d connections, want 2; %+v", connections, s.Stats())
	}

	n := s.namespaces()[0]
	p.order("close")
	tick()

	walks := s.dumpsOf(space)
	n.walked = n.walked.Add(-walkEvery)

	tick()

	if got := s.dumpsOf(space); got != walks+1 {
		t.Errorf("%d dumps after %v, want %d", got, walkEvery, walks+1)
	}
}

// TestLiveRevisit reads the known connections of a namespace one by one while their number
// stays the same, and dumps all sockets when it changes, or one connection took the place
// of another.
func TestLiveRevisit(t *testing.T) {
	netlab.RequireRoot(t)

	s := newScene(t, nil)
	p := newPeer(t, 20000, 3)
	tick := func() Stats {
		s.Sample(0, s.recorder)

		return s.Stats()
	}

	s.await("first sample", func() bool { return tick().Walks == 1 })

	n := s.namespaces()[0]
	n.took = time.Second // so that it is worth it, however fast this dump was

	for range 5 {
		tick()
	}

	if got := s.Stats(); got.Walks != 1 || got.Revisits != 5 {
		t.Errorf("%d dumps and %d revisits", got.Walks, got.Revisits)
	}

	space, connections := s.spaceOf(20000)
	if connections != 6 {
		t.Errorf("%d connections, want 6", connections)
	}

	p.order("close")
	p.order("pairs 3")

	if got := tick(); got.Walks != 2 {
		t.Errorf("%d dumps after all connections were replaced: %+v", got.Walks, got)
	}

	if len(s.strange) > 0 || s.aborted > 0 {
		t.Errorf("%d sockets of another namespace, %d dumps failed", len(s.strange), s.aborted)
	}

	p.order("pairs 1")

	if got := tick(); got.Walks != 3 {
		t.Errorf("%d dumps after a new connection: %+v", got.Walks, got)
	}

	n.took, n.walked = time.Second, n.walked.Add(-walkEvery)

	if got := tick(); got.Walks != 4 || s.dumpsOf(space) != 9 {
		t.Errorf("%d dumps after %v, %d samples", got.Walks, walkEvery, s.dumpsOf(space))
	}
}

// TestLiveBudget samples one namespace per tick if the budget is used up, in rotation.
func TestLiveBudget(t *testing.T) {
	netlab.RequireRoot(t)

	var cpu atomic.Int64

	s := newScene(t, func(c *Config) {
		c.CPU = func() time.Duration { return time.Duration(cpu.Add(int64(time.Millisecond))) }
	})

	for i := range 3 {
		newPeer(t, 20000+i, 1)
	}

	s.await("three namespaces", func() bool { return len(s.namespaces()) == 3 })

	for range 6 {
		s.Sample(time.Millisecond, s.recorder)
	}

	for _, n := range s.namespaces() {
		if got := s.dumpsOf(n.space); got != 2 {
			t.Errorf("namespace %d: %d dumps of 6 ticks, want 2", n.space, got)
		}
	}

	if got := s.Stats(); got.Postponed != 12 {
		t.Errorf("%d samples were postponed, want 12", got.Postponed)
	}
}

// TestLiveFault: a socket that fails is replaced, under the same number, and the others are
// not affected.
func TestLiveFault(t *testing.T) {
	netlab.RequireRoot(t)

	s := newScene(t, nil)
	s.sample(20 * time.Millisecond)

	newPeer(t, 20000, 1)
	newPeer(t, 20001, 1)

	first, second := s.awaitSpace(20000, 2), s.awaitSpace(20001, 2)
	broken, other := s.Source(first), s.dumpsOf(second)

	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}

	before := s.dumpsOf(first)

	if _, err := broken.Dump(func(time.Time, []sampler.Socket) {}); err == nil && s.Stats().Opens[Opened] == 2 {
		t.Error("a closed source was dumped")
	}

	s.await("samples through another socket", func() bool { return s.dumpsOf(first) > before+1 })

	if got := s.Stats(); got.Opens[Opened] != 3 || got.Errors[sampler.ReasonOther] != 1 || s.dumpsOf(second) <= other || s.isGone(first) {
		t.Errorf("%+v", got)
	}

	var found int
	if err := s.Source(second).Read(targetsOf(s, second), func(time.Time, []sampler.Socket) { found++ }); err != nil || found != 2 {
		t.Errorf("%d connections were read again, %v", found, err)
	}
}

func targetsOf(s *scene, space sampler.Space) (targets []sampler.Target) {
	s.recorder.mutex.Lock()
	defer s.recorder.mutex.Unlock()

	for i := range s.recorder.last[space] {
		if c := &s.recorder.last[space][i]; c.State != sampler.StateListen {
			targets = append(targets, c.Target())
		}
	}

	return targets
}

// failing is an opener that fails as long as there is an error.
type failing struct {
	entering

	err atomic.Pointer[error]
}

// Open implements [Opener].
func (f *failing) Open(pid int, inode uint64) (int, uint64, error) {
	if err := f.err.Load(); err != nil {
		return -1, 0, *err
	}

	return f.entering.Open(pid, inode)
}

// TestLiveFailures: a failure to open is counted. Only one that an operator can solve is
// reported, once. Namespaces that are watched already are not affected.
func TestLiveFailures(t *testing.T) {
	netlab.RequireRoot(t)

	for _, tc := range []struct {
		err      error
		result   Result
		reported error
	}{
		{unix.EACCES, Denied, ErrDenied},
		{fmt.Errorf("%w: %w", ErrUnavailable, unix.ECONNREFUSED), Unavailable, ErrUnavailable},
		{unix.ESTALE, Raced, nil},
	} {
		t.Run(string(tc.result), func(t *testing.T) {
			opener := &failing{}
			s := newScene(t, func(c *Config) { c.Opener = opener })
			s.sample(20 * time.Millisecond)

			newPeer(t, 20000, 1)
			space := s.awaitSpace(20000, 2)

			opener.err.Store(&tc.err)
			newPeer(t, 20001, 1)
			s.await("two failures", func() bool { return s.Stats().Opens[tc.result] >= 2 })

			got := s.reported()
			if tc.reported == nil && len(got) != 0 || tc.reported != nil && (len(got) != 1 || !errors.Is(got[0], tc.reported)) {
				t.Errorf("reported %v", got)
			}

			if denied := s.Stats().Denied; (denied == 1) != (tc.reported != nil) {
				t.Errorf("%d are denied", denied)
			}

			before := s.dumpsOf(space)
			s.await("samples of the first namespace", func() bool { return s.dumpsOf(space) > before+1 })
			opener.err.Store(nil)
			s.awaitSpace(20001, 2)
		})
	}
}

// TestLiveChurn: namespaces that come and go leave no descriptor and no goroutine.
func TestLiveChurn(t *testing.T) {
	netlab.RequireRoot(t)

	s := newScene(t, func(c *Config) { c.Interval = 20 * time.Millisecond })
	s.sample(20 * time.Millisecond)

	round := func(port int) {
		var peers []*peer
		for i := range 5 {
			peers = append(peers, newPeer(t, port+i, 1))
		}

		for i, p := range peers {
			if i > 0 { // the first one may end before it is found
				s.awaitSpace(port+i, 2)
			}

			p.kill()
			_ = p.orders.Close()
		}

		s.await("end of all namespaces", func() bool { return len(s.namespaces()) == 0 })
	}

	round(20000)

	files, goroutines := openFiles(t), runtime.NumGoroutine()

	for i := range 10 {
		round(21000 + 10*i)
	}

	s.await("descriptors and goroutines as before", func() bool {
		return openFiles(t) <= files && runtime.NumGoroutine() <= goroutines
	})
}

func openFiles(t *testing.T) int {
	t.Helper()

	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}

	return len(files)
}
