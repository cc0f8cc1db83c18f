package field

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

const ms = time.Millisecond

// world is a running row: clients in the namespace near, servers in the namespace far, and the path between them.
type world struct {
	t         testing.TB
	row       string
	line      *line
	local     string // A loopback address that no other row uses.
	near, far *netlab.Namespace
	path      *netlab.Path // nil on a cable.
	ends      [2]netlab.End
	end       netlab.End // The far end.
	host      string     // Its address.
	dir       string     // For files, readable by all users.
	seed      atomic.Uint64
	done      chan struct{} // Closed when the row is over.
	running   sync.WaitGroup
}

// newWorld lays the path of a row with the number i, from a namespace that may have other paths.
func newWorld(t testing.TB, near *netlab.Namespace, r *row, i int) *world {
	t.Helper()
	l := r.line
	w := &world{
		t: t, row: r.String(), line: l, local: fmt.Sprintf("127.0.%d.1", i), near: near, far: netlab.New(t), done: make(chan struct{}),
	}
	if l.cable {
		link := netlab.Join(t, near, w.far, i)
		w.ends = [2]netlab.End{link.A, link.B}
	} else {
		w.path = netlab.NewPath(t, near, w.far, i)
		w.ends = [2]netlab.End{w.path.A, w.path.B}
		w.restore()
	}
	w.end = w.ends[1]
	w.host = w.end.IPv4.String()
	dir, err := os.MkdirTemp("", "field-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.dir = dir
	t.Cleanup(func() {
		close(w.done)
		w.running.Wait()
	})
	if l.changes != nil {
		w.running.Go(func() { l.changes(w) })
	}
	return w
}

// useCubic has connections use Debian's congestion control, whatever the host's is. It overrides what programs choose. A
// namespace may not choose one for itself that the host does not allow to all.
func (w *world) useCubic() {
	w.t.Helper()
	for i, n := range []*netlab.Namespace{w.near, w.far} {
		address := w.ends[i].IPv4
		network := netip.PrefixFrom(address, 24).Masked()
		n.Run(w.t, "ip", "route", "replace", network.String(), "dev", w.ends[i].Name, "proto", "kernel", "scope", "link",
			"src", address.String(), "congctl", "cubic")
	}
}

// conditions returns those of both directions while the path is in order.
func (w *world) conditions() netlab.Conditions {
	c := w.line.conditions
	c.Seed = w.seed.Add(1)
	return c
}

// restore puts the path in order.
func (w *world) restore() {
	for _, dir := range []netlab.Direction{netlab.AToB, netlab.BToA} {
		w.path.Set(dir, w.conditions())
	}
}

// change changes the conditions of some directions.
func (w *world) change(f func(*netlab.Conditions), directions ...netlab.Direction) {
	for _, dir := range directions {
		c := w.conditions()
		f(&c)
		w.path.Set(dir, c)
	}
}

// sleep waits and reports whether the row goes on.
func (w *world) sleep(d time.Duration) bool {
	select {
	case <-w.done:
		return false
	case <-time.After(d):
		return true
	}
}

// fill replaces the names HOST, DIR and LOCAL.
func (w *world) fill(text string) string {
	return strings.NewReplacer("HOST", w.host, "DIR", w.dir, "LOCAL", w.local).Replace(text)
}

// write writes a file into the directory of the row.
func (w *world) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(w.fill(text)), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// large makes a file of 1 GB that takes no space.
func (w *world) large(name string) {
	w.t.Helper()
	w.write(name, "")
	if err := os.Truncate(filepath.Join(w.dir, name), 1<<30); err != nil {
		w.t.Fatal(err)
	}
}

// serve starts a server in the far namespace and waits until it listens.
func (w *world) serve(port int, command string) {
	w.t.Helper()
	w.start(w.far, command)
	const patience = 20 * time.Second
	address := net.JoinHostPort(w.host, strconv.Itoa(port))
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * ms) {
		var conn net.Conn
		err := w.far.DoErr(func() (err error) {
			conn, err = net.DialTimeout("tcp", address, time.Second)
			return err
		})
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s does not listen: %v", command, err)
		}
	}
}

// client starts a client in the near namespace.
func (w *world) client(command string) {
	w.t.Helper()
	w.start(w.near, command)
}

// start starts a shell command, which ends with the row, with all that it starts.
func (w *world) start(ns *netlab.Namespace, command string) {
	w.t.Helper()
	ns.Start(w.t, "sh", "-c", w.fill(command))
	w.t.Cleanup(func() { signalAll(ns, unix.SIGKILL) })
}

// signalAll signals all processes of a namespace, again as long as new ones come if the signal kills.
func signalAll(ns *netlab.Namespace, signal syscall.Signal) {
	for range 100 {
		pids := processes(ns)
		for _, pid := range pids {
			_ = unix.Kill(pid, signal)
		}
		if len(pids) == 0 || signal != unix.SIGKILL {
			return
		}
		time.Sleep(5 * ms)
	}
}

// processes returns the process IDs of those in a namespace, zombies excluded.
func processes(ns *netlab.Namespace) (pids []int) {
	var own, other unix.Stat_t
	if err := unix.Fstat(ns.FD(), &own); err != nil {
		return nil
	}
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, entry := range entries {
		if unix.Stat(entry+"/ns/net", &other) == nil && other.Dev == own.Dev && other.Ino == own.Ino {
			if pid, err := strconv.Atoi(filepath.Base(entry)); err == nil && pid != os.Getpid() {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// stalls returns how often the path itself was late.
func (w *world) stalls() int {
	if w.path == nil {
		return 0
	}
	return w.path.Stalls()
}

// dropped counts the packets that the faults of a row have dropped: those with data, or a SYN, that go to the servers, and
// all that come from them.
func (w *world) dropped() (n int64) {
	const header = 52 // IPv4 and TCP, with timestamps.
	to, from := w.path.Counters(netlab.AToB), w.path.Counters(netlab.BToA)
	for _, c := range []netlab.Count{to.DroppedBlackhole, to.DroppedMTU, to.DroppedDevice} {
		n += max(0, c.Bytes-header*c.Packets)
	}
	for _, c := range []netlab.Count{from.DroppedBlackhole, from.DroppedMTU, from.DroppedDevice} {
		n += c.Packets
	}
	return n
}
