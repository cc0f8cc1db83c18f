package proctcp

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/sampler"
)

// Config configures a [Reader]. The zero value reads all connections.
type Config struct {
	// Space identifies the network namespace of the sockets.
	Space sampler.Space
	// Inode is the inode number that the file tcp has in this network namespace, zero for any.
	// If the process has moved to another namespace, errors match unix.ESTALE.
	Inode uint64
	// Keep reports whether a connection is wanted, nil for all. Listeners are never
	// filtered.
	Keep func(*sampler.Socket) bool
}

// Reader reads the sockets of one network namespace: connections in the states of
// [sampler.ConnectionStates] and listeners. It implements [sampler.Source] and is not
// safe for concurrent use.
//
// Its sockets have addresses, state, queues, pending timer, timeouts or unanswered probes,
// UID and inode. They have no optional part, in particular no tcp_info, no bound interface,
// and a listener has no backlog limit (its SendQueue is zero). The files also have RTO, ATO,
// cwnd and ssthresh, but [sampler.TCPInfo] cannot have these without the fields before them.
// Cookies are the reader's own.
//
// Sockets without a full structure are left out: those in TIME_WAIT, SYN_RECV and, after
// closing, FIN_WAIT2. The kernel writes a page at a time, so that a dump may miss or
// repeat a socket of a hash chain that changes between two pages.
type Reader struct {
	cfg   Config
	dir   string
	fd    int
	buf   []byte
	batch []sampler.Socket
	names names
	// wanted are the cookies of the targets not yet found.
	wanted map[uint64]bool
}

var _ sampler.Source = (*Reader)(nil)

// fileTable has the file of each address family, and the one that counts its sockets.
var fileTable = []struct {
	name, counts string
	family       sampler.Family
}{
	{"tcp", "sockstat", sampler.FamilyIPv4},
	{"tcp6", "sockstat6", sampler.FamilyIPv6},
}

// Open returns a reader of a directory such as /proc/PID/net. The open directory does not
// keep the namespace alive: after the end of the process, errors match [fs.ErrNotExist].
func Open(dir string, cfg Config) (*Reader, error) {
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}

	return New(fd, dir, cfg), nil
}

// New is [Open] for a directory that is open already. It takes ownership of fd; dir is for
// errors.
func New(fd int, dir string, cfg Config) *Reader {
	return &Reader{
		cfg: cfg, dir: dir, fd: fd, buf: make([]byte, bufferSize), names: newNames(cfg.Space), wanted: make(map[uint64]bool),
	}
}

// Continue gives the sockets that previous has read the same cookies again. It read the same
// namespace, and is not used any more.
func (r *Reader) Continue(previous *Reader) { r.names = previous.names }

// Close closes the directory.
func (r *Reader) Close() error {
	fd := r.fd
	r.fd = -1 // the number may be another file's soon

	return unix.Close(fd)
}

// Dump implements [sampler.Source]. Dump.Datagrams counts reads. Errors name the file, and
// wrap a syscall.Errno or match [sampler.ErrMalformed].
func (r *Reader) Dump(sink sampler.Sink) (sampler.Dump, error) {
	d := sampler.Dump{Space: r.cfg.Space, Start: time.Now()}

	r.names.begin()

	err := r.inPlace()

	for _, f := range fileTable {
		// Walking the kernel's table costs milliseconds, however few sockets it finds.
		if err == nil && !r.empty(f.counts) {
			err = r.read(f.name, &d, r.keeps, sink)
		}
	}

	if err == nil {
		err = r.inPlace()
	}

	if err == nil {
		r.names.end()
	}

	d.End = time.Now()

	return d, err
}

// keeps gives a socket its cookie, and reports whether it is part of a dump.
func (r *Reader) keeps(s *sampler.Socket) bool {
	if s.State != sampler.StateListen && r.cfg.Keep != nil && !r.cfg.Keep(s) {
		return false
	}

	s.Cookie = r.names.cookie(s)

	return true
}

// Read implements [sampler.Reader]. The kernel cannot look up single sockets here: Read
// reads the files of the targets' families. Errors are like those of [Reader.Dump].
func (r *Reader) Read(targets []sampler.Target, sink sampler.Sink) error {
	_, err := r.Recheck(targets, sink)

	return err
}

// Recheck implements [sampler.Source]. It is the same as [Reader.Read].
func (r *Reader) Recheck(targets []sampler.Target, sink sampler.Sink) (sampler.Round, error) {
	d := sampler.Dump{Start: time.Now()}
	families := make(map[sampler.Family]bool, len(fileTable))

	clear(r.wanted)

	for i := range targets {
		r.wanted[targets[i].Cookie] = true
		families[targets[i].Family] = true
	}

	var err error

	for _, f := range fileTable {
		if err == nil && families[f.family] {
			err = r.read(f.name, &d, r.wants, sink)
		}
	}

	return sampler.Round{Start: d.Start, End: time.Now(), Sockets: d.Sockets}, err
}

// wants gives a socket its cookie, and reports whether it is a target that was not found
// before.
func (r *Reader) wants(s *sampler.Socket) bool {
	if s.State == sampler.StateListen {
		return false
	}

	s.Cookie = r.names.cookie(s)
	found := r.wanted[s.Cookie]
	delete(r.wanted, s.Cookie)

	return found
}
