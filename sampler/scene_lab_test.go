package sampler

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// sceneCable is the number of the scene's cable; it makes the addresses.
const sceneCable = 9

// sceneFwmark and sceneUID mark one connection of the scene.
const (
	sceneFwmark = 0x2a
	sceneUID    = 4242
)

// scene is a namespace with sockets of every kind and state, and another one at the far
// end of a cable.
type scene struct {
	near, far *netlab.Namespace
	link      netlab.Link
	port      int // last used port
}

// material is one dump of a scene, and the output of ss before and after it.
type material struct {
	recording     []byte
	before, after string
}

// newScene makes all sockets and waits until they have their states.
func newScene(t *testing.T) *scene {
	t.Helper()
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "ss")
	netlab.RequireTool(t, "nft")
	s := &scene{near: netlab.New(t), far: netlab.New(t), port: 20000}
	s.link = netlab.Join(t, s.near, s.far, sceneCable)
	for _, n := range []*netlab.Namespace{s.near, s.far} {
		n.Sysctl(t, "net.ipv4.tcp_ecn", "1")
		n.Sysctl(t, "net.ipv4.tcp_fastopen", "1543") // without cookies, for every listener
		n.Run(t, "nft", "add table inet lab; add chain inet lab in { type filter hook input priority 0; }")
	}
	s.idle(t)
	s.marked(t)
	s.queues(t)
	s.closings(t)
	s.unanswered(t)
	s.losses(t)
	time.Sleep(700 * time.Millisecond) // timeouts, delayed acknowledgments
	return s
}

// record takes one dump between two readings of ss.
func (s *scene) record(t *testing.T) material {
	t.Helper()
	var buf bytes.Buffer
	release, _, _ := strings.Cut(KernelRelease(), "-") // without the name of the builder
	recorder, err := NewRecorder(&buf, release, time.Second, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := Dial(Config{
		NetNS: s.near.FD(), States: 1<<NumStates - 2, CongestionInfo: true, Tap: recorder,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	m := material{before: s.near.Run(t, "ss", "-tinmoeOHa")}
	if _, err := conn.Dump(func(time.Time, []Socket) {}); err != nil {
		t.Fatal(err)
	}
	m.after = s.near.Run(t, "ss", "-tinmoeOHa")
	if recorder.Err() != nil {
		t.Fatal(recorder.Err())
	}
	m.recording = buf.Bytes()
	return m
}

// idle makes connections with all forms of addresses and congestion controls. They have
// carried data both ways.
func (s *scene) idle(t *testing.T) {
	t.Helper()
	for i, algorithm := range []string{"cubic", "bbr", "reno"} {
		client, server := netlab.Connect(t, s.near, s.far, "tcp", s.farV4(0))
		must(t, setString(client, unix.IPPROTO_TCP, unix.TCP_CONGESTION, algorithm))
		transfer(t, client, server, 300_000*(i+1))
		transfer(t, server, client, 70_000)
	}
	v4, v4Server := s.near.Pair(t, "tcp", "127.0.0.1:0")
	transfer(t, v4, v4Server, 1000)
	v6, v6Server := s.near.Pair(t, "tcp", "[::1]:0")
	transfer(t, v6Server, v6, 2000)
	cable, far := netlab.Connect(t, s.near, s.far, "tcp", netip.AddrPortFrom(s.link.B.IPv6, 0).String())
	transfer(t, far, cable, 400_000)
	s.mapped(t)
	peer := netip.AddrPortFrom(s.link.B.LinkLocal, s.nextPort())
	s.far.Listen(t, "tcp", peer.String())
	zoned := peer.Addr().WithZone(strconv.Itoa(s.link.A.Index))
	s.near.Dial(t, "tcp", netip.AddrPortFrom(zoned, peer.Port()).String())
	alive, _ := s.near.Pair(t, "tcp", "127.0.0.1:0")
	config := net.KeepAliveConfig{Enable: true, Idle: 90 * time.Second}
	must(t, alive.(*net.TCPConn).SetKeepAliveConfig(config))
}

// mapped connects over IPv4 to a listener for both families.
func (s *scene) mapped(t *testing.T) {
	t.Helper()
	listener := s.near.Listen(t, "tcp", ":0")
	client := s.near.Dial(t, "tcp", fmt.Sprintf("127.0.0.1:%d", listener.Addr().(*net.TCPAddr).Port))
	server, err := listener.Accept()
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	transfer(t, client, server, 3000)
}

// marked makes connections with a mark, an owner, an interface, an option.
func (s *scene) marked(t *testing.T) {
	t.Helper()
	client, server := s.near.Pair(t, "tcp", "127.0.0.1:0")
	must(t, control(client, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, sceneFwmark)
	}))
	must(t, control(server, func(fd int) error { return unix.Fchown(fd, sceneUID, -1) }))
	paced, reader := netlab.Connect(t, s.near, s.far, "tcp", s.farV4(0))
	must(t, setPacing(paced, 123_456_789))
	transfer(t, paced, reader, 5000)
	s.onInterface(t)
	s.fastOpen(t)
}

// onInterface makes a listener bound to an interface.
func (s *scene) onInterface(t *testing.T) {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), "lo") })
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	must(t, s.near.DoErr(func() error {
		listener, err := config.Listen(context.Background(), "tcp4", fmt.Sprintf(":%d", s.nextPort()))
		if err == nil {
			t.Cleanup(func() { _ = listener.Close() })
		}
		return err
	}))
}

// fastOpen makes a connection whose SYN carries data.
func (s *scene) fastOpen(t *testing.T) {
	t.Helper()
	listener := s.near.Listen(t, "tcp", "127.0.0.1:0")
	dialer := net.Dialer{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1)
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	var client net.Conn
	must(t, s.near.DoErr(func() (err error) {
		client, err = dialer.Dial("tcp", listener.Addr().String())
		return err
	}))
	t.Cleanup(func() { _ = client.Close() })
	_, err := client.Write([]byte("early"))
	must(t, err)
	server, err := listener.Accept()
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
}

// queues makes sockets with non-empty queues.
func (s *scene) queues(t *testing.T) {
	t.Helper()
	client, server := s.near.Pair(t, "tcp", "127.0.0.1:0")
	_, err := client.Write(make([]byte, 5000)) // never read
	must(t, err)
	transfer(t, server, client, 100)
	listener := s.near.Listen(t, "tcp", "[::1]:0")
	for range 3 {
		s.near.Dial(t, "tcp", listener.Addr().String()) // never accepted
	}
	for _, shrink := range []bool{false, true} { // a zero window; one that shrank
		full, slow := s.near.Pair(t, "tcp", "127.0.0.1:0")
		if shrink {
			must(t, slow.(*net.TCPConn).SetReadBuffer(8192))
		}
		go func() { _, _ = full.Write(make([]byte, 16<<20)) }() // ends with the connection
	}
}

// closings makes sockets in states after ESTABLISHED.
func (s *scene) closings(t *testing.T) {
	t.Helper()
	shut, _ := s.near.Pair(t, "tcp", "127.0.0.1:0") // FIN_WAIT2, CLOSE_WAIT
	must(t, closeWrite(shut))
	first, second := s.near.Pair(t, "tcp", "[::1]:0") // TIME_WAIT
	_, _ = first.Close(), second.Close()
	orphan, _ := s.near.Pair(t, "tcp", "127.0.0.1:0") // FIN_WAIT2 without a file
	_ = orphan.Close()

	closing, other, port := s.toFar(t)
	s.block(t, port)
	must(t, closeWrite(closing)) // its FIN is lost
	must(t, closeWrite(other))

	last, other, port := s.toFar(t)
	must(t, closeWrite(other))
	s.block(t, port)
	time.Sleep(10 * time.Millisecond) // the FIN arrives
	must(t, closeWrite(last))

	one, _, port := s.toFar(t)
	s.block(t, port)
	_, err := one.Write(make([]byte, 3000))
	must(t, err)
	_ = one.Close() // FIN_WAIT1 without a file
}

// unanswered makes sockets with segments that are lost.
func (s *scene) unanswered(t *testing.T) {
	t.Helper()
	for _, size := range []int{1, 5000} {
		client, _, port := s.toFar(t)
		s.block(t, port)
		_, err := client.Write(make([]byte, size))
		must(t, err)
	}
	black := s.nextPort()
	s.block(t, black)
	dialUnanswered(t, s.near, netip.AddrPortFrom(s.link.B.IPv4, black))
	// SYN_RECV: the SYN-ACK is lost.
	listener := s.near.Listen(t, "tcp", netip.AddrPortFrom(s.link.A.IPv4, 0).String())
	at := listener.Addr().(*net.TCPAddr).AddrPort()
	s.rule(t, s.far, "tcp sport %d drop", at.Port())
	dialUnanswered(t, s.far, at)
}

// losses makes connections that lose segments or acknowledgments.
func (s *scene) losses(t *testing.T) {
	t.Helper()
	// One segment is lost repeatedly, while later ones are acknowledged selectively.
	client, _, port := s.toFar(t)
	must(t, setString(client, unix.IPPROTO_TCP, unix.TCP_CONGESTION, "cubic"))
	s.rule(t, s.far, "tcp dport %d ip length 752 drop", port)
	_, err := client.Write(make([]byte, 752-20-32))
	must(t, err)
	_, err = client.Write(make([]byte, 5*1448))
	must(t, err)
	// Received out of order.
	client, server, port := s.toFar(t)
	s.rule(t, s.near, "tcp sport %d numgen inc mod 4 0 drop", port)
	transfer(t, server, client, 200_000)
	// Spurious retransmissions: the acknowledgments are lost for a while.
	client, server, port = s.toFar(t)
	chain := fmt.Sprintf("acks%d", port)
	s.near.Run(t, "nft", fmt.Sprintf("add chain inet lab %s { type filter hook input priority 1; }; "+
		"add rule inet lab %s tcp sport %d drop", chain, chain, port))
	_, err = client.Write(make([]byte, 3000))
	must(t, err)
	time.Sleep(600 * time.Millisecond)
	s.near.Run(t, "nft", "flush chain inet lab "+chain)
	transfer(t, client, server, 2000)
	// Marked by ECN, as by a congested router.
	client, server, port = s.toFar(t)
	s.rule(t, s.far, "tcp dport %d ip ecn set ce", port)
	transfer(t, client, server, 50_000)
}

// toFar connects over the cable and returns the port of the far end.
func (s *scene) toFar(t *testing.T) (near, far net.Conn, port uint16) {
	t.Helper()
	near, far = netlab.Connect(t, s.near, s.far, "tcp", s.farV4(0))
	return near, far, near.RemoteAddr().(*net.TCPAddr).AddrPort().Port()
}

func (s *scene) farV4(port uint16) string { return netip.AddrPortFrom(s.link.B.IPv4, port).String() }

func (s *scene) nextPort() uint16 {
	s.port++
	return uint16(s.port)
}

// block drops all segments to a port of the far end.
func (s *scene) block(t *testing.T, port uint16) {
	t.Helper()
	s.rule(t, s.far, "tcp dport %d drop", port)
}

// rule adds a rule to the input hook of a namespace.
func (s *scene) rule(t *testing.T, n *netlab.Namespace, format string, args ...any) {
	t.Helper()
	n.Run(t, "nft", "insert rule inet lab in "+fmt.Sprintf(format, args...))
}

// transfer sends n bytes and waits until the peer has read them.
func transfer(t *testing.T, from, to net.Conn, n int) {
	t.Helper()
	var (
		wg  sync.WaitGroup
		err error
	)
	wg.Go(func() { _, err = from.Write(make([]byte, n)) })
	buf := make([]byte, 1<<16)
	must(t, to.SetReadDeadline(time.Now().Add(20*time.Second)))
	for read := 0; read < n; {
		got, err := to.Read(buf[:min(len(buf), n-read)])
		must(t, err)
		read += got
	}
	wg.Wait()
	must(t, err)
}

// dialUnanswered dials until the end of the test.
func dialUnanswered(t *testing.T, n *netlab.Namespace, to netip.AddrPort) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		n.Do(func() {
			if conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String()); err == nil {
				_ = conn.Close()
			}
		})
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

// control calls f with the file descriptor of a connection.
func control(conn net.Conn, f func(fd int) error) error {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	controlErr := raw.Control(func(fd uintptr) { err = f(int(fd)) })
	if controlErr != nil {
		return controlErr
	}
	return err
}

func setString(conn net.Conn, level, option int, value string) error {
	return control(conn, func(fd int) error { return unix.SetsockoptString(fd, level, option, value) })
}

func setPacing(conn net.Conn, rate int) error {
	return control(conn, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, rate)
	})
}

func closeWrite(conn net.Conn) error { return conn.(*net.TCPConn).CloseWrite() }

// must ends the test if there is an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
