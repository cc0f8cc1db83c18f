package netlab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// threadNetns names the network namespace of whichever thread opens it.
const threadNetns = "/proc/thread-self/ns/net"

// Namespace is a network namespace that lives as long as the test which made it. Its methods may be called from any
// goroutine, at the same time.
type Namespace struct {
	file *os.File // Keeps the namespace alive, and is the way into it.
}

// New makes a network namespace with the loopback interface up, 127.0.0.1 and ::1 on it, and duplicate address
// detection off, so that an IPv6 address can be used as soon as it is there. Everything else is as the kernel makes it.
// The namespace is removed when the test is over; sockets and processes still in it would keep it alive.
func New(t testing.TB) *Namespace {
	t.Helper()
	n := &Namespace{}
	var err error
	onThread(func() { n.file, err = unshare() })
	if err != nil {
		t.Fatalf("making a network namespace: %v", err)
	}
	t.Cleanup(func() { _ = n.file.Close() })
	n.prepare(t)
	return n
}

// unshare moves the calling thread into a new network namespace and opens that.
func unshare() (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("unshare: %w", err)
	}
	return os.Open(threadNetns)
}

// prepare gives a new namespace what New promises.
func (n *Namespace) prepare(t testing.TB) {
	t.Helper()
	for _, which := range []string{"all", "default", "lo"} {
		n.Sysctl(t, "net.ipv6.conf."+which+".disable_ipv6", "0")
		n.Sysctl(t, "net.ipv6.conf."+which+".accept_dad", "0")
	}
	if err := n.configure(upLoopback); err != nil {
		t.Fatalf("raising the loopback interface: %v", err)
	}
}

// upLoopback raises lo, on which the kernel then puts its addresses.
func upLoopback(h *netlink.Handle) error {
	lo, err := h.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	return h.LinkSetUp(lo)
}

// FD returns the file descriptor of the namespace, as setns(2) and IFLA_NET_NS_FD want it. It stays open until the test
// is over and belongs to the Namespace: close a duplicate of it, never the descriptor itself.
func (n *Namespace) FD() int {
	return int(n.file.Fd())
}

// Do runs f inside the namespace, on a thread of its own, and waits for it. A panic in f carries on in the caller, and
// so does t.FailNow: f may use t as if Do were not there. Goroutines that f starts are not inside.
func (n *Namespace) Do(f func()) {
	onThread(func() {
		if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Errorf("entering a network namespace: %w", err))
		}
		f()
	})
}

// DoErr is [Namespace.Do] for a function that returns an error, which it returns as it is.
func (n *Namespace) DoErr(f func() error) error {
	var err error
	n.Do(func() { err = f() })
	return err
}

// Sysctl sets a kernel parameter of the namespace, named in the manner of sysctl(8): "net.ipv4.tcp_retries2". The test
// fails at once if the parameter does not exist, does not take the value, or is not one of a network namespace.
func (n *Namespace) Sysctl(t testing.TB, key, value string) {
	t.Helper()
	if !strings.HasPrefix(key, "net.") {
		t.Fatalf("setting %s: only parameters below net. belong to a namespace", key)
	}
	path := filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/"))
	err := n.DoErr(func() error { return overwrite(path, value) })
	if err != nil {
		t.Fatalf("setting %s to %q: %v", key, value, err)
	}
}

// overwrite writes a value to an existing file, as seen from the calling thread.
func overwrite(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Close())
}
