package netns

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/proctcp"
)

// grip is what is open of a namespace: descriptors of a socket, of its anchor, -1 for none,
// and of the anchor's directory /proc/PID/net.
type grip struct {
	socket, pidfd, net int
	id                 identity
	name               string // see [Watcher.Name]
}

// open opens a namespace through a process. The descriptor of the process comes first: if
// another process has got its id by then, the directory shows that. Without an opener there
// is no socket, and the inode number of /proc/PID/net/tcp is the identity.
func (w *Watcher) open(pid int, inode uint64) (g grip, err error) {
	g = grip{socket: -1, pidfd: -1, net: -1}

	defer func() {
		if err != nil {
			g.close()
		}
	}()

	if g.pidfd, err = openProcess(pid); err != nil {
		return g, err
	}

	if g.net, err = w.procs.openNet(pid); err != nil {
		return g, err
	}

	if w.cfg.Opener == nil {
		g.id = newIdentity(0, inode)
	} else if err = w.openSocket(&g, pid, inode); err != nil {
		return g, err
	}

	now, err := inodeAt(g.net, tcpFile)
	if err == nil && now != inode {
		err = errRaced
	}

	return g, err
}

// openSocket opens the socket of a namespace, which identifies it.
func (w *Watcher) openSocket(g *grip, pid int, inode uint64) error {
	fd, nsInode, err := w.cfg.Opener.Open(pid, inode)
	if err != nil {
		return err
	}

	g.socket, g.name = fd, strconv.FormatUint(nsInode, 10)

	cookie, err := cookieOf(fd)
	g.id = newIdentity(cookie, nsInode)

	return err
}

// close closes what is open, the socket first.
func (g *grip) close() {
	for _, fd := range []int{g.socket, g.net, g.pidfd} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// cookieOf returns the cookie of the network namespace of a socket, zero before Linux 5.14.
func cookieOf(fd int) (uint64, error) {
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return 0, nil
	}

	return cookie, os.NewSyscallError("getsockopt", err)
}

// ownIdentity returns the identity of the exporter's own namespace.
func ownIdentity() (identity, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return identity{}, fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)

	cookie, err := cookieOf(fd)
	if err != nil || cookie != 0 {
		return newIdentity(cookie, 0), err
	}

	var s unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &s); err != nil {
		return identity{}, fmt.Errorf("stat own network namespace: %w", err)
	}

	return newIdentity(0, s.Ino), nil
}

// openAll opens the namespaces that are ready. Opening takes time, so the sockets of
// namespaces whose anchor ends meanwhile are closed in between.
func (w *Watcher) openAll(now time.Time) {
	for _, e := range w.table.candidates(now) {
		if dead, err := w.deaths.wait(0); err == nil && len(dead) > 0 {
			w.bury(dead, now)
			w.deaths.interrupt() // for the next step
		}

		if e.space == 0 && w.excludes(e, now) {
			continue
		}

		if w.attempt(e, now) == Unavailable {
			return
		}
	}
}

// excludeWait is how long opening a namespace waits for the name of its container, which may
// be excluded.
const excludeWait = 10 * time.Second

// excludes reports whether a namespace must not be opened, or not yet.
func (w *Watcher) excludes(e *entry, now time.Time) bool {
	if w.cfg.Exclude == nil {
		return false
	}

	excluded, final := w.cfg.Exclude(e.pids())
	if excluded {
		w.table.exclude(e, now)
	}

	return excluded || !final && now.Sub(e.since) < excludeWait
}

// attempt opens a namespace and counts the result.
func (w *Watcher) attempt(e *entry, now time.Time) Result {
	err := w.openOne(e, now)
	result := resultOf(err)

	w.stats.opened(result)
	w.report(result, err)

	if !errors.Is(err, errReused) {
		w.table.failed(e, result, now)
	}

	if result == Raced {
		w.suspects[e.inode] = true
	}

	return result
}

// triesPerOpen is the number of processes of a namespace that are tried if some are gone.
const triesPerOpen = 3

// openOne opens a namespace through one of its processes.
func (w *Watcher) openOne(e *entry, now time.Time) (err error) {
	for _, p := range e.processes[:min(len(e.processes), triesPerOpen)] {
		var g grip
		if g, err = w.open(p.pid, e.inode); err == nil {
			return w.watch(e, p, &g, now)
		}

		if resultOf(err) != Raced {
			return fmt.Errorf("open network namespace of process %d: %w", p.pid, err)
		}
	}

	return err
}

// watch begins or continues to watch a namespace.
func (w *Watcher) watch(e *entry, p process, g *grip, now time.Time) error {
	before := e.space

	space, err := w.table.opened(e, p, g.id, now)
	if err != nil {
		g.close()

		if errors.Is(err, errReused) {
			w.end(before)
		}

		return err
	}

	source, err := w.connect(g, e, space)
	if err == nil && g.pidfd >= 0 {
		err = w.deaths.add(g.pidfd)
	}

	if err == nil {
		w.install(e, space, source, g, now)

		return nil
	}

	if source != nil {
		_ = source.Close()
	}

	g.socket = -1 // closed by connect or source
	g.close()
	w.table.lost(e, now)

	return err
}

// connect returns what samples a namespace: a connection over its socket, of which it takes
// ownership, or a reader of files.
func (w *Watcher) connect(g *grip, e *entry, space sampler.Space) (sampler.Source, error) {
	if w.cfg.Opener == nil {
		fd, err := unix.FcntlInt(uintptr(g.net), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, os.NewSyscallError("fcntl", err)
		}

		return proctcp.New(fd, "net", proctcp.Config{Space: space, Inode: e.inode, Keep: w.cfg.Keep}), nil
	}

	cfg := w.cfg.Conn
	cfg.Space, cfg.NetNS = space, 0

	conn, err := sampler.NewConn(g.socket, cfg)
	if err != nil {
		return nil, err
	}

	if w.cfg.Prepare != nil {
		if err := w.cfg.Prepare(conn); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}

	return conn, nil
}
