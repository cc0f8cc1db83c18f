package lab

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// Scene is a running scenario.
type Scene struct {
	*Scenario
	tb        testing.TB
	rand      *rand.Rand    // For the goroutine of Play.
	seed      uint64        // Of the losses, moved on with each change.
	changes   atomic.Uint64 // Of the conditions.
	mended    atomic.Bool   // For faults that go on by themselves.
	near, far *netlab.Namespace
	path      *netlab.Path // nil on a cable.
	// Client is the near end of the connection, Server the far one; both nil until Connect.
	Client, Server *net.TCPConn
	subject        atomic.Uint32 // The near port.
	done           chan struct{} // Closed when the scene is over.
	goroutines     sync.WaitGroup
	nearAddr       netip.Addr
	farAddr        netip.Addr
	listener       net.Listener
	// ServerBuffer, if set before Connect, is the size of the far end's receive buffer.
	ServerBuffer   int
	readers        readers
	eye            *sampler.Conn // For the goroutine of Play, nil until it looks.
	marks          Marks
	sent, returned netlab.Count // What was dropped of either direction before the fault.
}

// Marks are the times that the judge needs. They are unset in a healthy scenario.
type Marks struct {
	Fault    time.Time `json:"fault,omitzero"`    // When something was broken.
	Seen     time.Time `json:"seen,omitzero"`     // Since when it can be seen.
	Repaired time.Time `json:"repaired,omitzero"` // When it was mended.
	Whole    bool      `json:"whole,omitempty"`   // The recovery was waited for.
}

const scenePath = 1 // The number of the path between the namespaces.

// newScene lays the path. The seed decides the phase of everything that happens, and which packets are lost.
func newScene(tb testing.TB, sc *Scenario, seed uint64, netem bool) *Scene {
	tb.Helper()
	s := &Scene{
		Scenario: sc, tb: tb, rand: rand.New(rand.NewPCG(seed, 0)), seed: seed << 32, near: netlab.New(tb), far: netlab.New(tb), done: make(chan struct{}),
	}
	s.readers.start()
	switch {
	case sc.Cable:
		link := netlab.Join(tb, s.near, s.far, scenePath)
		s.setAddresses(link.A, link.B)
	case netem && !sc.OwnPath:
		s.lay(netlab.NewNetemPath(tb, s.near, s.far, scenePath))
	default:
		s.lay(netlab.NewPath(tb, s.near, s.far, scenePath))
	}
	tb.Cleanup(s.end)
	return s
}

func (s *Scene) lay(p *netlab.Path) {
	s.path = p
	s.Restore()
	s.setAddresses(p.A, p.B)
}

func (s *Scene) setAddresses(a, b netlab.End) {
	s.nearAddr, s.farAddr = a.IPv4, b.IPv4
	if s.Network == IPv6 {
		s.nearAddr, s.farAddr = a.IPv6, b.IPv6
	}
}

// end ends the traffic.
func (s *Scene) end() {
	close(s.done)
	s.readers.stop()
	for _, c := range []*net.TCPConn{s.Client, s.Server} {
		if c != nil {
			_ = c.SetDeadline(time.Now())
		}
	}
	s.goroutines.Wait()
}

// Good returns the conditions of the path while it is in order.
func (s *Scene) Good() netlab.Conditions {
	c := s.Path
	c.Delay = s.RTT / 2
	c.Seed = s.seed + s.changes.Add(1)
	return c
}

// Restore puts the path in order.
func (s *Scene) Restore() { s.path.SetBoth(s.Good()) }

// Break changes the conditions of one direction.
func (s *Scene) Break(dir netlab.Direction, change func(*netlab.Conditions)) {
	c := s.Good()
	change(&c)
	s.path.Set(dir, c)
}

// BreakBoth changes the conditions of both directions.
func (s *Scene) BreakBoth(change func(*netlab.Conditions)) {
	s.Break(netlab.AToB, change)
	s.Break(netlab.BToA, change)
}

// Connect opens the connection of the scene, from the near namespace to the far one.
func (s *Scene) Connect() {
	s.tb.Helper()
	s.Client, s.Server = s.open()
	s.watch(s.Client)
}

// Accept opens it from the far namespace to the near one: the near end is the server.
func (s *Scene) Accept() {
	s.tb.Helper()
	network, address := "tcp4", net.JoinHostPort(s.nearAddr.String(), "0")
	if s.Network == Mapped {
		network, address = "tcp", "[::]:0"
	}
	listener := s.near.Listen(s.tb, network, address)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		s.tb.Fatal(err)
	}
	far := s.far.Dial(s.tb, "tcp", net.JoinHostPort(s.nearAddr.String(), port))
	near, err := listener.Accept()
	if err != nil {
		s.tb.Fatal(err)
	}
	s.Client, s.Server = near.(*net.TCPConn), far.(*net.TCPConn)
	s.tb.Cleanup(func() { _ = near.Close() })
	s.prepare(s.Client)
	s.prepare(s.Server)
	s.watch(s.Client)
}

// dialFrom opens a connection from the near namespace that may take long. It becomes the subject at once.
func (s *Scene) dialFrom(address string) net.Conn {
	const port = 45678
	s.subject.Store(port)
	dialer := net.Dialer{KeepAlive: -1, LocalAddr: &net.TCPAddr{IP: s.nearAddr.AsSlice(), Port: port}}
	dialer.SetMultipathTCP(false)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.Go(func() {
		<-s.done
		cancel()
	})
	var c net.Conn
	_ = s.near.DoErr(func() (err error) {
		c, err = dialer.DialContext(ctx, "tcp", address)
		return err
	})
	return c
}

// open returns a new connection over the path.
func (s *Scene) open() (client, server *net.TCPConn) {
	s.tb.Helper()
	listener := s.far.Listen(s.tb, "tcp", net.JoinHostPort(s.farAddr.String(), "0"))
	defer listener.Close()
	if s.ServerBuffer > 0 { // Before the handshake, which settles the window's scale.
		s.control(listener.(*net.TCPListener), func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, s.ServerBuffer)
		})
	}
	client = s.near.Dial(s.tb, "tcp", listener.Addr().String()).(*net.TCPConn)
	accepted, err := listener.Accept()
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { _ = accepted.Close() })
	server = accepted.(*net.TCPConn)
	s.prepare(client)
	s.prepare(server)
	return client, server
}

// prepare gives a connection the congestion control of the scenario.
func (s *Scene) prepare(c *net.TCPConn) {
	s.tb.Helper()
	name := s.Congestion
	if name == "" {
		name = "cubic"
	}
	s.control(c, func(fd int) error { return unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, name) })
}

// control applies a socket option.
func (s *Scene) control(c syscall.Conn, set func(fd int) error) {
	s.tb.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		s.tb.Fatal(err)
	}
	var setErr error
	if err := raw.Control(func(fd uintptr) { setErr = set(int(fd)) }); err != nil || setErr != nil {
		s.tb.Fatalf("setting a socket option: %v, %v", err, setErr)
	}
}

// watch makes a connection the subject of the scene.
func (s *Scene) watch(c *net.TCPConn) {
	s.subject.Store(uint32(netip.MustParseAddrPort(c.LocalAddr().String()).Port()))
}

// Go runs a part of the traffic.
func (s *Scene) Go(f func()) { s.goroutines.Go(f) }

// Sleep waits and reports whether the scene goes on.
func (s *Scene) Sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.done:
		return false
	case <-timer.C:
		return true
	}
}

// await waits until something is so, or the scene is over.
func (s *Scene) await(ok func() bool) {
	for !ok() {
		if !s.Sleep(2 * time.Millisecond) {
			return
		}
	}
}

// Stalls returns how often the lab itself stalled.
func (s *Scene) Stalls() int {
	if s.path == nil {
		return 0
	}
	return s.path.Stalls()
}
