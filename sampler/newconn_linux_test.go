package sampler

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// TestNewConnRejects rejects and closes descriptors of the wrong kind.
func TestNewConnRejects(t *testing.T) {
	route, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	must(t, err)

	stream, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)

	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)

	for name, tc := range map[string]struct {
		fd   int
		want error
	}{
		"another netlink protocol": {route, unix.EPROTOTYPE},
		"a unix socket":            {stream, unix.EPROTOTYPE},
		"no socket":                {null, unix.ENOTSOCK},
	} {
		if _, err := NewConn(tc.fd, Config{}); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}

		if _, err := unix.FcntlInt(uintptr(tc.fd), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
			t.Errorf("%s: the descriptor is still open: %v", name, err)
		}
	}
}

// TestLiveNewConn samples another network namespace through a socket opened there.
func TestLiveNewConn(t *testing.T) {
	netlab.RequireRoot(t)

	n := netlab.New(t)
	holdPairs(t, n, 3)

	fd, err := openNetlink(n.FD())
	must(t, err)

	c, err := NewConn(fd, Config{Space: 7})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })

	all := dumpOf(t, c)
	if len(all) < 6 {
		t.Fatalf("%d sockets for three pairs", len(all))
	}

	for cookie, s := range all {
		if s.Key() != (Key{7, cookie}) {
			t.Errorf("socket %d: key %v", cookie, s.Key())
		}
	}

	again := recheckOf(t, c, targetsIn(all)...)
	if len(again) != len(all) {
		t.Errorf("rechecked %d of %d sockets", len(again), len(all))
	}
}
