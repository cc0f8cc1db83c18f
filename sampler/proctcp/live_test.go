package proctcp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// netOf starts a process in a namespace and returns its directory of network files.
func netOf(t testing.TB, n *netlab.Namespace) (string, *netlab.Process) {
	t.Helper()

	p := n.Start(t, "sleep", "300")

	return fmt.Sprintf("/proc/%d/net", p.PID()), p
}

func dial(t testing.TB, n *netlab.Namespace) *sampler.Conn {
	t.Helper()

	c, err := sampler.Dial(sampler.Config{NetNS: n.FD()})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })

	return c
}

// scene makes sockets in the states whose rows differ, and returns how many there are
// of each kind.
func scene(t *testing.T, n *netlab.Namespace) map[string]int {
	t.Helper()

	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		n.Pair(t, "tcp", address)

		unread, reader := n.Pair(t, "tcp", address)
		_, err := unread.Write(make([]byte, 789))
		must(t, err)

		_ = reader

		shut, _ := n.Pair(t, "tcp", address) // FIN_WAIT2 and CLOSE_WAIT
		must(t, shut.(*net.TCPConn).CloseWrite())

		l := n.Listen(t, "tcp", address)
		n.Dial(t, "tcp", l.Addr().String()) // not accepted

		full, _ := n.Pair(t, "tcp", address) // zero window
		must(t, full.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))

		if _, err := full.Write(make([]byte, 32<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("all was written: %v", err)
		}
	}

	dual := n.Listen(t, "tcp", "[::]:0")
	port := dual.Addr().(*net.TCPAddr).Port
	n.Dial(t, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))

	return map[string]int{"zero_window_probe": 2, "retransmit": 3}
}

// breakPath makes sockets behind a path that loses everything: one with data, one that
// closed with data, and one that is connecting.
func breakPath(t *testing.T, n *netlab.Namespace) {
	t.Helper()

	peer := netlab.New(t)
	path := netlab.NewPath(t, n, peer, 1)
	address := net.JoinHostPort(path.B.IPv4.String(), "0")
	waiting, _ := netlab.Connect(t, n, peer, "tcp", address)
	closed, _ := netlab.Connect(t, n, peer, "tcp", address)

	path.SetBoth(netlab.Conditions{Blackhole: true})

	for _, c := range []net.Conn{waiting, closed} {
		_, err := c.Write(make([]byte, 3000))
		must(t, err)
	}

	must(t, closed.Close())
	connecting(t, n, path.B.IPv4.As4())
}

func connecting(t *testing.T, n *netlab.Namespace, address [4]byte) {
	t.Helper()

	n.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		must(t, err)
		t.Cleanup(func() { _ = unix.Close(fd) })

		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: 80, Addr: address}); !errors.Is(err, unix.EINPROGRESS) {
			t.Fatal(err)
		}
	})
}

// common is what both sources have of a socket, in a form that can be compared.
func common(s *sampler.Socket) sampler.Socket {
	c := sampler.Socket{
		Family: s.Family, State: s.State, Local: s.Local, Remote: s.Remote, RecvQueue: s.RecvQueue, SendQueue: s.SendQueue,
		UID: s.UID, Inode: s.Inode, Timer: s.Timer, TimerRetrans: s.TimerRetrans,
	}

	if s.State == sampler.StateListen {
		c.SendQueue = 0 // the limit of the backlog, which the files do not have
	}

	return c
}

// TestLiveAgainstDiag compares all sockets of a namespace with those of INET_DIAG of the
// same moment: between two equal dumps of INET_DIAG, so that nothing has changed.
func TestLiveAgainstDiag(t *testing.T) {
	netlab.RequireRoot(t)

	n := netlab.New(t)
	want := scene(t, n)
	breakPath(t, n)

	dir, _ := netOf(t, n)
	r, c := open(t, dir, Config{}), dial(t, n)

	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		before, err := dumpOf(c)
		must(t, err)
		files, err := dumpOf(r)
		must(t, err)
		after, err := dumpOf(c)
		must(t, err)

		stable := same(before, after)
		complete := stable && has(after, want)

		if complete {
			compare(t, files, after)

			return
		}

		if time.Now().After(deadline) {
			t.Fatalf("stable: %v, %d sockets, %d of the file", stable, len(after), len(files))
		}
	}
}

// same reports whether two dumps have the same sockets.
func same(a, b []sampler.Socket) bool {
	rows := map[sampler.Socket]int{}
	for i := range a {
		rows[common(&a[i])]++
	}

	for i := range b {
		rows[common(&b[i])]--
	}

	for _, n := range rows {
		if n != 0 {
			return false
		}
	}

	return true
}

// has reports whether so many sockets have each timer, after two timeouts if it
// retransmits, and whether all states but the shortest are there. A peer that answers
// window probes keeps their count at zero.
func has(sockets []sampler.Socket, want map[string]int) bool {
	timers := map[string]int{}
	states := sampler.States(0)

	for i := range sockets {
		s := &sockets[i]
		states |= 1 << s.State

		if s.TimerRetrans >= 2 || s.Timer != sampler.TimerRetransmit {
			timers[s.Timer.String()]++
		}
	}

	for timer, n := range want {
		if timers[timer] < n {
			return false
		}
	}

	for _, s := range []sampler.State{
		sampler.StateEstablished, sampler.StateSynSent, sampler.StateFinWait1, sampler.StateFinWait2, sampler.StateCloseWait, sampler.StateListen,
	} {
		if !states.Has(s) {
			return false
		}
	}

	return true
}

// compare fails for each socket that only one of the sources has, and for timers that
// differ by more than the dumps can be apart.
func compare(t *testing.T, files, diag []sampler.Socket) {
	t.Helper()

	const apart = 1000 // ms

	byTuple := map[sampler.Socket]sampler.Socket{}

	for i := range diag {
		byTuple[common(&diag[i])] = diag[i]
	}

	cookies := map[uint64]bool{}

	for i := range files {
		s := &files[i]
		cookies[s.Cookie] = true

		d, ok := byTuple[common(s)]
		if !ok {
			t.Errorf("only the file has %+v", common(s))

			continue
		}

		if s.Expires > d.Expires+apart || d.Expires > s.Expires+apart {
			t.Errorf("expires in %d ms, INET_DIAG has %d", s.Expires, d.Expires)
		}
	}

	if len(files) != len(diag) || len(cookies) != len(files) || len(files) < 20 {
		t.Errorf("%d sockets with %d cookies, INET_DIAG has %d", len(files), len(cookies), len(diag))
	}
}

// TestLiveUnprivileged reads the sockets of another user's process in another namespace,
// as a user without capabilities.
func TestLiveUnprivileged(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "setpriv")

	n := netlab.New(t)
	n.Pair(t, "tcp", "127.0.0.1:0")

	dir, _ := netOf(t, n)

	const user = "65534"

	out := netlab.New(t).Run(t, "setpriv", "--reuid", user, "--regid", user, "--clear-groups",
		"--bounding-set", "-all", "cat", dir+"/tcp")

	fake := t.TempDir()
	must(t, os.WriteFile(fake+"/tcp", []byte(out), 0o600))

	all, err := dumpOf(open(t, fake, Config{}))
	if err != nil || len(all) != 2 {
		t.Errorf("%d sockets, %v", len(all), err)
	}
}

// TestLiveDeadNamespace: the open directory does not keep a namespace alive, and reading
// it fails after the last process.
func TestLiveDeadNamespace(t *testing.T) {
	netlab.RequireRoot(t)

	n := netlab.New(t)
	dir, process := netOf(t, n)
	r := open(t, dir, Config{})

	_, err := dumpOf(r)
	must(t, err)

	process.Stop()

	if _, err := dumpOf(r); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("after the end of the process: %v", err)
	}
}

// TestLiveMoved: sockets are not read if the process is in another network namespace than
// expected.
func TestLiveMoved(t *testing.T) {
	netlab.RequireRoot(t)

	n := netlab.New(t)
	dir, _ := netOf(t, n)

	n.Pair(t, "tcp", "127.0.0.1:0")

	var stat unix.Stat_t
	must(t, unix.Stat(filepath.Join(dir, "tcp"), &stat))

	for inode, want := range map[uint64]int{0: 2, stat.Ino: 2, stat.Ino + 1: 0} {
		found := 0
		_, err := open(t, dir, Config{Inode: inode}).Dump(func(_ time.Time, sockets []sampler.Socket) { found += len(sockets) })

		if found != want || errors.Is(err, unix.ESTALE) != (want == 0) {
			t.Errorf("inode %d: %d sockets, want %d; %v", inode, found, want, err)
		}
	}
}

// TestLiveContinue: another reader of the same namespace gives the connections the same
// cookies. Those of another namespace have others.
func TestLiveContinue(t *testing.T) {
	netlab.RequireRoot(t)

	n := netlab.New(t)
	dir, _ := netOf(t, n)

	n.Pair(t, "tcp", "127.0.0.1:0")

	cookies := func(r *Reader) (all []uint64) {
		_, err := r.Dump(func(_ time.Time, sockets []sampler.Socket) {
			for i := range sockets {
				all = append(all, sockets[i].Cookie)
			}
		})
		must(t, err)

		return all
	}

	first := open(t, dir, Config{Space: 1})
	want := cookies(first)

	n.Pair(t, "tcp", "127.0.0.1:0")

	second, other := open(t, dir, Config{Space: 1}), open(t, dir, Config{Space: 2})
	second.Continue(first)

	if got := cookies(second); len(got) != 4 || len(want) != 2 || !containsAll(got, want) {
		t.Errorf("cookies %x, then %x", want, got)
	}

	for _, cookie := range cookies(other) {
		if cookie&connectionBit != 0 && slices.Contains(want, cookie) {
			t.Errorf("two namespaces have the cookie %x", cookie)
		}
	}
}

func containsAll(all, some []uint64) bool {
	return !slices.ContainsFunc(some, func(n uint64) bool { return !slices.Contains(all, n) })
}
