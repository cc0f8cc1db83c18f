package bytecode

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/holder"
	"tcphealth_exporter/internal/netlab"
)

// scene is a namespace with sockets of every kind that a filter distinguishes.
type scene struct {
	ns     *netlab.Namespace
	link   netlab.Link
	diag   *diag
	cgroup string // the path of a cgroup with sockets, empty if there is none
}

func newScene(t *testing.T) *scene {
	t.Helper()
	netlab.RequireRoot(t)

	near, far := netlab.New(t), netlab.New(t)
	s := &scene{ns: near, link: netlab.Join(t, near, far, 1), diag: dialDiag(t, near)}

	for _, address := range []string{"127.0.0.1:8001", "[::1]:8001", "[::]:8002", "0.0.0.0:8004", "127.0.0.1:80"} {
		near.Listen(t, "tcp", address)
	}

	s.listen(t, "tcp6", "[::]:8003", onDevice("lo"))
	s.listen(t, "tcp6", "[::1]:8006", marked(0x30))

	for _, address := range []string{
		"127.0.0.1:8001", "127.0.0.1:8001", "[::1]:8001", "127.0.0.1:8002", "127.0.0.2:8002", "[::1]:8002",
		"127.0.0.1:8004", "127.0.0.3:8004", "127.0.0.1:80",
	} {
		near.Dial(t, "tcp", address)
	}

	s.dial(t, "127.0.0.1:8001", "127.0.0.5:9001", nil)
	s.dial(t, "[::1]:8001", "[::1]:9002", nil)
	s.dial(t, "127.0.0.1:8004", "127.0.0.1:0", marked(0x10))
	s.dial(t, "127.0.0.1:8002", "127.0.0.1:0", marked(0x11))
	s.dial(t, "[::1]:8002", "", marked(0x1_0010))
	s.dial(t, "[::1]:8003", "", onDevice("lo"))
	s.dial(t, "127.0.0.1:8004", "", onDevice("lo"))
	s.cable(t, far)
	s.closings(t)
	s.joinCgroup(t)
	s.settle(t)

	return s
}

// settle waits until no socket is about to change its state.
func (s *scene) settle(t *testing.T) {
	t.Helper()

	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if len(s.diag.sockets(t, nil, 1<<stateFinWait1|1<<stateLastAck|1<<stateSynReceive)) == 0 {
			return
		}
	}

	t.Fatal("the sockets do not settle")
}

// control prepares a socket before it is bound or connected.
type control func(fd int) error

func onDevice(name string) control {
	return func(fd int) error { return unix.BindToDevice(fd, name) }
}

func marked(mark int) control {
	return func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, mark) }
}

func (c control) hook() func(network, address string, conn syscall.RawConn) error {
	if c == nil {
		return nil
	}

	return func(_, _ string, conn syscall.RawConn) (err error) {
		if other := conn.Control(func(fd uintptr) { err = c(int(fd)) }); other != nil {
			return other
		}

		return err
	}
}

func (s *scene) listen(t *testing.T, network, address string, c control) {
	t.Helper()

	config := net.ListenConfig{Control: c.hook()}
	config.SetMultipathTCP(false)

	err := s.ns.DoErr(func() error {
		l, err := config.Listen(context.Background(), network, address)
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
		}

		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dial connects, from an address of its own if one is given.
func (s *scene) dial(t *testing.T, address, from string, c control) net.Conn {
	t.Helper()

	var conn net.Conn

	dialer := net.Dialer{Control: c.hook(), Timeout: 5 * time.Second}
	dialer.SetMultipathTCP(false)

	if from != "" {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))
	}

	err := s.ns.DoErr(func() (err error) {
		conn, err = dialer.Dial("tcp", address)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = conn.Close() })

	return conn
}

// cable adds connections to another host.
func (s *scene) cable(t *testing.T, far *netlab.Namespace) {
	t.Helper()

	for _, host := range []netip.Addr{s.link.B.IPv4, s.link.B.IPv6} {
		for _, port := range []uint16{22, 443, 8000, 8050, 8100} {
			address := netip.AddrPortFrom(host, port).String()
			far.Listen(t, "tcp", address)
			s.dial(t, address, "", nil)
		}
	}

	far.Listen(t, "tcp", netip.AddrPortFrom(s.link.B.LinkLocal, 7001).String())
	zone := s.link.A.LinkLocal.Zone()
	s.ns.Dial(t, "tcp", netip.AddrPortFrom(s.link.B.LinkLocal.WithZone(zone), 7001).String())
}

// closings adds sockets in states without a process.
func (s *scene) closings(t *testing.T) {
	t.Helper()

	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		client, server := s.ns.Pair(t, "tcp", address)
		_ = client.Close()
		_ = server.Close() // the client is in TIME-WAIT
		client, _ = s.ns.Pair(t, "tcp", address)
		_ = client.Close() // FIN-WAIT-2 and CLOSE-WAIT
	}
}

// joinCgroup adds sockets of a process in a cgroup of its own, where there is
// cgroup v2 to be written.
func (s *scene) joinCgroup(t *testing.T) {
	t.Helper()

	root := cgroupRoot()
	if root == "" {
		t.Log("no cgroup v2")

		return
	}

	dir := filepath.Join(root, fmt.Sprintf("bytecode-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Logf("no cgroup: %v", err)

		return
	}

	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})

	handle, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()

	holder.Start(t, s.ns, 4, "127.0.9.1", &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(handle.Fd())})

	s.cgroup = dir
}

// cgroupRoot returns where cgroup v2 is mounted, empty if nowhere.
func cgroupRoot() string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return ""
	}

	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1]
		}
	}

	return ""
}

// env looks names up in the scene.
func (s *scene) env() Env {
	env := testEnv
	env.Interface = func(name string) (uint32, bool) {
		var index int

		err := s.ns.DoErr(func() error {
			i, err := net.InterfaceByName(name)
			if err == nil {
				index = i.Index
			}

			return err
		})

		return uint32(index), err == nil
	}
	env.Cgroup = func(path string) (uint64, bool) {
		var st unix.Stat_t

		err := unix.Stat(path, &st)

		return st.Ino, err == nil
	}

	return env
}

// all returns every socket, with Autobound as the kernel has it.
func (s *scene) all(t *testing.T) map[uint64]socket {
	t.Helper()

	sockets := s.diag.sockets(t, nil, allStates)

	for cookie := range s.diag.sockets(t, repair(newOp(opAuto, sizeofOp)), allStates) {
		row := sockets[cookie]
		row.Autobound = true
		sockets[cookie] = row
	}

	return sockets
}
