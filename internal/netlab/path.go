package netlab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	pathMTU = 1500

	// pathBacklog is how many packets the kernel holds for a lane that is not reading. The 500 that it holds by default
	// are a burst of a fast sender, and what it drops is in no counter of ours.
	pathBacklog = 10000
)

// Path is a connection between two namespaces whose [Conditions] can be changed, for each direction, while it is in use.
// One of [NewPath] goes through this process, one of [NewNetemPath] through the kernel's netem.
type Path struct {
	A End // In the namespace that was named first. Its addresses are 10.78.i.1 and fd78:i::1.
	B End // In the namespace that was named second. Its addresses are 10.78.i.2 and fd78:i::2.

	middle middle
}

// middle is what lies between the ends of a path, and does what a Path promises.
type middle interface {
	set(dir Direction, c Conditions)
	counters(dir Direction) Counters
	stalls() int
}

// lanes is the middle of a path that goes through this process, which forwards the packets between two tun interfaces.
type lanes [2]*lane // By direction.

// NewPath lays a path between two namespaces. The number i, from 1 to 255, distinguishes the paths of a test: the
// addresses are 10.78.i.1/24 and fd78:i::1/64 on the first end, .2 and ::2 on the second, and the interfaces are called
// path<i>a and path<i>b. Both ends have an MTU of 1500 and no offloads: each packet that is counted is one that a wire
// would carry. Multicast, which is only what the interfaces say of themselves, is not forwarded and not counted.
//
// When NewPath returns, all addresses can be used, and both directions forward everything at once. When the test is
// over the interfaces are removed, and if the lab has stalled, see [Path.Stalls], the test's log says so.
func NewPath(t testing.TB, a, b *Namespace, i int) *Path {
	t.Helper()
	p := newPath(t, i)
	fileA := openTun(t, a, p.A.Name)
	fileB := openTun(t, b, p.B.Name)
	l := lanes{AToB: newLane(fileA, fileB), BToA: newLane(fileB, fileA)}
	l.run(t, fileA, fileB)
	p.middle = l
	p.raiseEnds(t, a, b)
	return p
}

// newPath names the ends of path i.
func newPath(t testing.TB, i int) *Path {
	t.Helper()
	if i < 1 || i > 255 {
		t.Fatalf("laying path %d: only 1 to 255 have addresses", i)
	}
	return &Path{A: newPathEnd(i, 1), B: newPathEnd(i, 2)}
}

// raiseEnds sets both ends up and waits for their addresses.
func (p *Path) raiseEnds(t testing.TB, a, b *Namespace) {
	t.Helper()
	raise(t, a, &p.A)
	raise(t, b, &p.B)
	awaitAddresses(t, a, &p.A)
	awaitAddresses(t, b, &p.B)
}

// newPathEnd names an end of path i: the first or the second.
func newPathEnd(i, which int) End {
	return End{
		Name: fmt.Sprintf("path%d%c", i, 'a'+which-1),
		IPv4: netip.MustParseAddr(fmt.Sprintf("10.78.%d.%d", i, which)),
		IPv6: netip.MustParseAddr(fmt.Sprintf("fd78:%d::%d", i, which)),
	}
}

// openTun makes a tun interface in the namespace, which lasts until the file is closed: at the end of the test.
func openTun(t testing.TB, n *Namespace, name string) *os.File {
	t.Helper()
	var file *os.File
	err := n.DoErr(func() (err error) {
		file, err = makeTun(name)
		return err
	})
	if err != nil {
		t.Fatalf("making the tun interface %s: %v", name, err)
	}
	t.Cleanup(func() { _ = file.Close() })
	err = n.configure(func(h *netlink.Handle) error {
		dev, err := h.LinkByName(name)
		if err != nil {
			return fmt.Errorf("finding the interface: %w", err)
		}
		return errors.Join(h.LinkSetMTU(dev, pathMTU), h.LinkSetTxQLen(dev, pathBacklog))
	})
	if err != nil {
		t.Fatalf("configuring %s: %v", name, err)
	}
	return file
}

// makeTun makes a tun interface in the namespace of the calling thread. The file is one for the runtime's poller, which
// it may become only once the interface is there; so closing it ends a read.
func makeTun(name string) (*os.File, error) {
	const device = "/dev/net/tun"
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", device, err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_TUN_EXCL)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("attach %q: %w", name, err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), device), nil
}

// run starts the goroutines, and ends them when the test is over.
func (l lanes) run(t testing.TB, files ...*os.File) {
	var running sync.WaitGroup
	var failures [len(l)]error
	for i, lane := range l {
		running.Go(func() { failures[i] = lane.receive() })
		running.Go(lane.deliver)
	}
	t.Cleanup(func() {
		for _, file := range files {
			_ = file.Close()
		}
		for _, lane := range l {
			close(lane.done)
		}
		running.Wait()
		if err := errors.Join(failures[:]...); err != nil {
			t.Errorf("a path of the lab broke: %v", err)
		}
		if n := l.stalls(); n > 0 {
			t.Logf("the lab stalled %d times for more than %v", n, stallLimit)
		}
	})
}

func (l lanes) set(dir Direction, c Conditions) {
	l[dir].set(c)
}

func (l lanes) counters(dir Direction) Counters {
	return l[dir].counters()
}

func (l lanes) stalls() int {
	var n int64
	for _, lane := range l {
		n += lane.stalls.Load()
	}
	return int(n)
}

// Set changes the conditions of a direction, for the packets that come from now on. It may be called from any goroutine.
func (p *Path) Set(dir Direction, c Conditions) {
	p.middle.set(dir, c)
}

// SetBoth is [Path.Set] for both directions.
func (p *Path) SetBoth(c Conditions) {
	p.Set(AToB, c)
	p.Set(BToA, c)
}

// Counters returns what became of the packets of a direction so far. It may be called from any goroutine.
func (p *Path) Counters(dir Direction) Counters {
	return p.middle.counters(dir)
}

// Stalls returns how often the lab itself was late by more than 50 ms, with a packet or, having none, in waking up to
// look for one (one disturbance may count several times): what a test measured meanwhile is the machine's doing, not the path's. It may be called from any
// goroutine.
func (p *Path) Stalls() int {
	return p.middle.stalls()
}
