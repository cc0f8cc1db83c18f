package sampler

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// wireOf returns the real wire of a connection.
func wireOf(c *Conn) *netlinkWire { return c.wire.(*netlinkWire) }

// TestLiveForeignSender ignores datagrams from other senders than the kernel, even if
// they have the right sequence number.
func TestLiveForeignSender(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	n.Pair(t, "tcp", "127.0.0.1:0")
	c := dialIn(t, n, Config{})
	w := wireOf(c)
	own, err := unix.Getsockname(w.fd)
	must(t, err)
	seq := c.sequence + 1 // of the next dump
	forged := slices.Concat(rowMessage(seq, 666), doneMessage(seq, 0))
	must(t, n.DoErr(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		return errors.Join(unix.Sendto(fd, forged, 0, own), unix.Sendto(fd, forged, 0, own))
	}))
	sockets := dumpOf(t, c)
	if _, fooled := sockets[666]; fooled || len(sockets) != 2 {
		t.Errorf("%d sockets: %+v", len(sockets), sockets)
	}
}

// TestLiveTruncated reports a datagram that does not fit into the buffer.
func TestLiveTruncated(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	for range 40 {
		n.Pair(t, "tcp", "127.0.0.1:0")
	}
	c := dialIn(t, n, Config{})
	dumpOf(t, c)
	wireOf(c).buf = make([]byte, 4096) // the kernel uses the largest size offered before
	_, err := c.Dump(func(time.Time, []Socket) {})
	if !errors.Is(err, ErrTruncated) || ReasonOf(err) != ReasonMalformed {
		t.Errorf("error is %v", err)
	}
}

// TestLiveTimeout times out without an answer.
func TestLiveTimeout(t *testing.T) {
	netlab.RequireRoot(t)
	w := wireOf(dialIn(t, netlab.New(t), Config{}))
	must(t, w.deadline(time.Now().Add(50*time.Millisecond)))
	if _, err := w.receive(); !errors.Is(err, os.ErrDeadlineExceeded) || ReasonOf(err) != ReasonTimeout {
		t.Errorf("error is %v", err)
	}
}

// TestLiveClosed reports the use of a closed connection.
func TestLiveClosed(t *testing.T) {
	netlab.RequireRoot(t)
	c := dialIn(t, netlab.New(t), Config{})
	must(t, c.Close())
	if _, err := c.Dump(func(time.Time, []Socket) {}); err == nil {
		t.Error("a closed connection can dump")
	}
}

// TestLiveBusy sends a request during a dump: the kernel refuses it, and the dump
// continues.
func TestLiveBusy(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	for range 100 {
		n.Pair(t, "tcp", "127.0.0.1:0")
	}
	c := dialIn(t, n, Config{})
	must(t, wireOf(c).send(c.reserve(1), &request{family: FamilyIPv4, ext: extInfo, states: ConnectionStates}))
	if _, err := c.Dump(func(time.Time, []Socket) {}); !errors.Is(err, syscall.EBUSY) || ReasonOf(err) != ReasonOther {
		t.Errorf("error is %v", err)
	}
}

// TestDialForbidden fails with a reason if NetNS is not a namespace.
func TestDialForbidden(t *testing.T) {
	file, err := os.Open(os.DevNull)
	must(t, err)
	defer file.Close()
	c, err := Dial(Config{NetNS: int(file.Fd())})
	if err == nil || c != nil || !strings.HasPrefix(err.Error(), "open netlink socket: ") {
		t.Errorf("error is %v", err)
	}
}

// TestDialWithoutDescriptors raises the limit of open files from zero until Dial succeeds.
// Until then it fails with a reason and a hint, whichever descriptor is one too many.
func TestDialWithoutDescriptors(t *testing.T) {
	netlab.RequireByteOrder(t)
	c, err := Dial(Config{}) // the runtime opens the descriptors of its poller
	must(t, err)
	must(t, c.Close())
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	t.Cleanup(func() { must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) })
	for files := range limit.Cur {
		must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: files, Max: limit.Max}))
		c, err := Dial(Config{})
		if err == nil {
			must(t, c.Close())
			if files < 2 {
				t.Errorf("%d files are enough", files)
			}
			return
		}
		if c != nil || !errors.Is(err, syscall.EMFILE) || ReasonOf(err) != ReasonFiles ||
			!strings.HasPrefix(err.Error(), "open netlink socket: ") {
			t.Errorf("with %d files: %s: %v", files, ReasonOf(err), err)
		}
	}
	t.Error("no limit is high enough")
}

func TestKernelRelease(t *testing.T) {
	want, err := os.ReadFile("/proc/sys/kernel/osrelease")
	must(t, err)
	if got := KernelRelease(); got != strings.TrimSpace(string(want)) {
		t.Errorf("release %q, want %q", got, want)
	}
}

// TestLiveNothingLeaks dials, dumps and closes a hundred times.
func TestLiveNothingLeaks(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	n.Pair(t, "tcp", "127.0.0.1:0")
	once := func() {
		c, err := Dial(Config{NetNS: n.FD()})
		must(t, err)
		if _, err := c.Dump(func(time.Time, []Socket) {}); err != nil {
			t.Fatal(err)
		}
		must(t, c.Close())
	}
	once() // the runtime allocates what it keeps
	fds, goroutines := countFDs(t), runtime.NumGoroutine()
	for range 100 {
		once()
	}
	deadline := time.Now().Add(5 * time.Second)
	for countFDs(t) > fds || runtime.NumGoroutine() > goroutines {
		if time.Now().After(deadline) {
			t.Fatalf("%d file descriptors, were %d; %d goroutines, were %d",
				countFDs(t), fds, runtime.NumGoroutine(), goroutines)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func countFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

// unprivilegedEnv is set where the test binary runs as another user.
const unprivilegedEnv = "SAMPLER_TEST_UNPRIVILEGED"

// unprivilegedUID is a user without any privilege.
const unprivilegedUID = 65534

// TestLiveUnprivileged samples as an unprivileged user, in another process in the namespace.
func TestLiveUnprivileged(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	client, server := n.Pair(t, "tcp", "127.0.0.1:0")
	transfer(t, client, server, 4321)
	n.Listen(t, "tcp", "[::1]:0")
	cmd := exec.Command(publicCopy(t), "-test.run", "^TestAsUnprivileged$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), unprivilegedEnv+"=1", "GOCOVERDIR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivilegedUID, Gid: unprivilegedUID}}
	var out []byte
	err := n.DoErr(func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAsUnprivileged") {
		t.Errorf("as the unprivileged user: %v\n%s", err, out)
	}
}

// publicCopy copies the test binary to where any user may run it.
func publicCopy(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sampler")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	source, err := os.Open("/proc/self/exe")
	must(t, err)
	defer source.Close()
	path := filepath.Join(dir, "sampler.test")
	target, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	must(t, err)
	_, err = io.Copy(target, source)
	must(t, errors.Join(err, target.Close()))
	return path
}

// TestAsUnprivileged runs in the process that TestLiveUnprivileged starts; otherwise it does nothing.
func TestAsUnprivileged(t *testing.T) {
	if os.Getenv(unprivilegedEnv) == "" {
		return
	}
	if os.Geteuid() != unprivilegedUID {
		t.Fatalf("running as %d", os.Geteuid())
	}
	c, err := Dial(Config{CongestionInfo: true})
	must(t, err)
	defer c.Close()
	states := map[State]int{}
	sent := uint64(0)
	for _, s := range dumpOf(t, c) {
		states[s.State]++
		sent += s.Info.BytesSent()
		if s.Has(HasMark) || !s.Has(HasInfo) || s.UID != 0 {
			t.Errorf("attributes %b of %+v", s.Attrs, s)
		}
	}
	if states[StateEstablished] != 2 || states[StateListen] != 1 || sent != 4321 {
		t.Errorf("states %v, %d bytes sent", states, sent)
	}
}

// TestLiveAllocations checks that allocations do not grow with the number of sockets.
func TestLiveAllocations(t *testing.T) {
	netlab.RequireRoot(t)
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	n := netlab.New(t)
	c := dialIn(t, n, Config{CongestionInfo: true})
	sockets := 0
	sink := func(_ time.Time, batch []Socket) { sockets += len(batch) }
	measure := func() float64 {
		return testing.AllocsPerRun(20, func() {
			sockets = 0
			if _, err := c.Dump(sink); err != nil {
				t.Fatal(err)
			}
		})
	}
	holdPairs(t, n, 5)
	few, fewSockets := measure(), sockets
	holdPairs(t, n, 245)
	many, manySockets := measure(), sockets
	if fewSockets != 10 || manySockets != 500 {
		t.Fatalf("%d and %d sockets", fewSockets, manySockets)
	}
	if many != few {
		t.Errorf("%v allocations for 10 sockets, %v for 500", few, many)
	}
	if few > 40 {
		t.Errorf("%v allocations per dump", few)
	}
}

// holdPairs opens connections that stay open until the end of the test.
func holdPairs(t *testing.T, n *netlab.Namespace, count int) {
	t.Helper()
	listener := n.Listen(t, "tcp", "127.0.0.1:0")
	n.Do(func() {
		for range count {
			client, err := net.Dial("tcp", listener.Addr().String())
			must(t, err)
			server, err := listener.Accept()
			must(t, err)
			t.Cleanup(func() { _, _ = client.Close(), server.Close() })
		}
	})
	must(t, listener.Close())
}

// TestDecodeAllocations checks that decoding into a used batch allocates nothing.
func TestDecodeAllocations(t *testing.T) {
	datagrams := sceneDatagrams(t)
	var b batch
	decode := func() {
		for _, d := range datagrams {
			if _, err := b.decode(d, 0, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	decode()
	if n := testing.AllocsPerRun(50, decode); n != 0 {
		t.Errorf("decoding allocates %v times", n)
	}
}
