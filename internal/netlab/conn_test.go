package netlab

import (
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPair(t *testing.T) {
	RequireRoot(t)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			n := New(t)
			client, server := n.Pair(t, "tcp", address)
			requireEcho(t, client, server)
			requireInside(t, n, client.(*net.TCPConn))
			requireInside(t, n, server.(*net.TCPConn))
		})
	}
}

func TestListen(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0", "0.0.0.0:0"} {
		t.Run(address, func(t *testing.T) {
			listener := n.Listen(t, "tcp", address)
			requireInside(t, n, listener.(*net.TCPListener))
		})
	}
}

func TestSocketsAreClosed(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	var listener net.Listener
	var client, server net.Conn
	t.Run("inner", func(t *testing.T) {
		listener = n.Listen(t, "tcp", "127.0.0.1:0")
		client, server = n.Pair(t, "tcp", "127.0.0.1:0")
	})
	for _, closer := range []io.Closer{listener, client, server} {
		if closer.Close() == nil {
			t.Errorf("%T was still open after its test", closer)
		}
	}
}

func TestAddressesMustBeLiteral(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	tests := []struct{ address, want string }{
		{"localhost:80", "must be an IP address"},
		{"127.0.0.1", "missing port"},
	}
	for _, tt := range tests {
		t.Run(tt.address, func(t *testing.T) {
			dialed := observe(t, func(t testing.TB) { n.Dial(t, "tcp", tt.address) })
			requireMessage(t, "failed", dialed.fatal, tt.want)
			listened := observe(t, func(t testing.TB) { n.Listen(t, "tcp", tt.address) })
			requireMessage(t, "failed", listened.fatal, tt.want)
		})
	}
}

func TestDialRefused(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	got := observe(t, func(t testing.TB) { n.Dial(t, "tcp", "127.0.0.1:9") })
	requireMessage(t, "failed", got.fatal, "connection refused")
}

func TestListenRefused(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	got := observe(t, func(t testing.TB) { n.Listen(t, "tcp", "192.0.2.1:0") })
	requireMessage(t, "failed", got.fatal, "cannot assign requested address")
}

// requireEcho sends a byte each way.
func requireEcho(t *testing.T, a, b net.Conn) {
	t.Helper()
	for _, way := range []struct{ from, to net.Conn }{{a, b}, {b, a}} {
		if _, err := way.from.Write([]byte{42}); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1)
		if _, err := io.ReadFull(way.to, got); err != nil || got[0] != 42 {
			t.Fatalf("read %v, %v; want 42", got, err)
		}
	}
}

// requireInside fails the test unless the socket belongs to the namespace.
func requireInside(t *testing.T, n *Namespace, socket syscall.Conn) {
	t.Helper()
	var want uint64
	err := n.DoErr(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		want, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got uint64
	var protocol int
	controlErr := raw.Control(func(fd uintptr) {
		got, err = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		protocol, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL)
	})
	if controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	if got != want || protocol != unix.IPPROTO_TCP {
		t.Errorf("the socket is of namespace %d and protocol %d, want %d and TCP", got, protocol, want)
	}
}

// port returns the port a listener listens on.
func port(l net.Listener) uint16 {
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

// at is the text of an address and a port.
func at(addr netip.Addr, port uint16) string {
	return netip.AddrPortFrom(addr, port).String()
}
