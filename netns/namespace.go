package netns

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/proctcp"
)

const (
	// walkEvery is the maximum time between two dumps of a namespace without connections:
	// handshakes of its listeners are not in the number of its sockets.
	walkEvery = 5 * time.Second
	// walkFilesEvery is walkEvery for files, which do not contain such handshakes.
	walkFilesEvery = time.Minute
	// forgetAfter is the time without a source after which the connections of a namespace end,
	// because their statuses are too old.
	forgetAfter = time.Minute
)

// namespace is a network namespace that is watched. It implements [sampler.Source]; a
// source without a socket returns an error.
type namespace struct {
	space sampler.Space
	name  string // see [Watcher.Name]
	since time.Time
	// failed is called after an error of the socket, which is closed then.
	failed func(n *namespace, err error)
	// sampled is the time of the last sample in ns since 1970, zero before the first.
	sampled atomic.Int64
	// idle: there were no connections in the last sample.
	idle atomic.Bool

	// inode and pidfd, -1 for none, belong to the goroutine of Run.
	inode uint64
	pidfd int

	// mutex is held during a dump.
	mutex sync.Mutex
	conn  sampler.Source // nil if it is closed
	// anchor is the id of a process, net a descriptor of its directory /proc/PID/net.
	anchor, net int
	// files is the last source that reads files, nil if the namespace is sampled by sockets.
	files *proctcp.Reader
	// cgroup is that of the sockets of which the kernel reports none, zero for none.
	cgroup uint64
	// suspicious: the last sample by files had a connection to look at again soon.
	suspicious bool
	// lost is since when there is no source. forgotten: the connections have ended, because
	// there was none for long.
	lost      time.Time
	forgotten bool
	figures

	// revisitCost is the time to read one known connection, as last measured.
	revisitCost time.Duration
}

// revisiter is a source that can read known connections one by one, see
// [sampler.Conn.Revisit].
type revisiter interface {
	Revisit(targets []sampler.Target, sink sampler.Sink) (d sampler.Dump, all bool, err error)
}

// install gives the namespace a source, an anchor and its directory.
func (n *namespace) install(source sampler.Source, anchor, net int, cgroup uint64) {
	n.mutex.Lock()
	defer n.mutex.Unlock()

	if reader, ok := source.(*proctcp.Reader); ok {
		if n.files != nil {
			reader.Continue(n.files)
		}

		n.files = reader
	}

	n.conn, n.anchor, n.net, n.cgroup, n.figures = source, anchor, net, cgroup, figures{}
}

// release closes the socket, and then what else is open.
func (n *namespace) release() {
	n.mutex.Lock()
	defer n.mutex.Unlock()

	n.closeSocket()
}

// closeSocket closes the socket and the directory. The lock is held.
func (n *namespace) closeSocket() {
	if n.conn == nil {
		return
	}

	_ = n.conn.Close()
	_ = unix.Close(n.net)
	n.conn, n.net, n.lost = nil, -1, time.Now()
}

// fail closes the socket after an error. The lock is held.
func (n *namespace) fail(err error) {
	if n.conn == nil {
		return
	}

	if n.files != nil && isGone(err) {
		err = errAnchor
	}

	n.closeSocket()
	n.failed(n, err)
}

// open reports whether the namespace has a socket.
func (n *namespace) open() bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()

	return n.conn != nil
}

// anchored reports whether the anchor still exists, in this namespace.
func (n *namespace) anchored() bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()

	if n.conn == nil {
		return true
	}

	inode, err := inodeAt(n.net, tcpFile)

	return err == nil && inode == n.inode
}

// due reports whether the namespace is to be sampled, if those with files have a pace. The
// lock is held.
func (n *namespace) due(now time.Time, pace time.Duration) bool {
	const early = 10 // a tenth, because ticks are not exact

	return n.files == nil || n.suspicious || n.sampled.Load() == 0 || n.age(now) >= pace-pace/early
}

// age returns the time since the last sample, or since the namespace is watched.
func (n *namespace) age(now time.Time) time.Duration {
	if at := n.sampled.Load(); at != 0 {
		return now.Sub(time.Unix(0, at))
	}

	return now.Sub(n.since)
}

// Dump implements [sampler.Source].
func (n *namespace) Dump(sink sampler.Sink) (d sampler.Dump, err error) {
	err = n.use(func(conn sampler.Source) error {
		d, err = conn.Dump(sink)

		return err
	})

	return d, err
}

// Read implements [sampler.Source].
func (n *namespace) Read(targets []sampler.Target, sink sampler.Sink) error {
	return n.use(func(conn sampler.Source) error { return conn.Read(targets, sink) })
}

// Recheck implements [sampler.Source].
func (n *namespace) Recheck(targets []sampler.Target, sink sampler.Sink) (r sampler.Round, err error) {
	err = n.use(func(conn sampler.Source) error {
		r, err = conn.Recheck(targets, sink)

		return err
	})

	return r, err
}

// Close implements [sampler.Source]: the watcher replaces the socket.
func (n *namespace) Close() error {
	n.mutex.Lock()
	defer n.mutex.Unlock()

	n.fail(errClosed)

	return nil
}

// use calls f with the socket. After an error the socket is closed.
func (n *namespace) use(f func(conn sampler.Source) error) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()

	if n.conn == nil {
		return errClosed
	}

	err := f(n.conn)
	if err != nil {
		n.fail(err)
	}

	return err
}
