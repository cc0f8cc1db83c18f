package netns

import (
	"errors"
	"time"

	"tcphealth_exporter/sampler"
)

// Opener opens netlink sockets in other network namespaces. It is used by one goroutine.
type Opener interface {
	// Open returns a NETLINK_SOCK_DIAG socket of the network namespace of a process, and
	// the inode number of the namespace in nsfs. inode is the expected inode number of
	// /proc/PID/net/tcp. ENOENT, ESRCH and ESTALE mean that the process is gone or has
	// moved, EPERM and EACCES that a privilege is missing, [ErrUnavailable] that no
	// namespace can be opened now.
	Open(pid int, inode uint64) (fd int, nsInode uint64, err error)
}

// What [Config.Report] may get. The errors match one of these.
var (
	// ErrHidden means that procfs shows no processes of others (hidepid=, ProtectProc=), so
	// that their network namespaces cannot be found.
	ErrHidden = errors.New("processes are hidden")
	// ErrDenied means that a privilege is missing to open a network namespace.
	ErrDenied = errors.New("network namespace denied")
	// ErrUnavailable means that the [Opener] cannot work at present.
	ErrUnavailable = errors.New("opener of network namespaces is unavailable")
)

// errClosed means that a namespace has no socket at present.
var errClosed = errors.New("socket of the network namespace is closed")

// Defaults of a [Config].
const (
	DefaultMax      = 512
	DefaultInterval = time.Second
	DefaultReuse    = 10 * time.Minute
)

// Config configures a [Watcher]. Procfs is required.
type Config struct {
	// Procfs is a mount of procfs, usually /proc.
	Procfs string
	// Opener opens the sockets by which namespaces are sampled. Without one, they are sampled
	// by the files tcp and tcp6 of /proc/PID/net, see package proctcp.
	Opener Opener
	// Pace is the time between two samples of a namespace by files, unless a connection in it
	// is suspicious: such a namespace, and one with a socket, is sampled in each call of
	// [Watcher.Sample].
	Pace time.Duration
	// Interval is the time between two scans of procfs, zero for [DefaultInterval].
	Interval time.Duration
	// Max is the maximum number of watched namespaces, zero for [DefaultMax].
	Max int
	// Reuse is the time after which the number of a namespace that is gone may be given to
	// another one, zero for [DefaultReuse]. The consumer must have forgotten its
	// connections by then.
	Reuse time.Duration
	// Conn configures the sockets. Space and NetNS are ignored.
	Conn sampler.Config
	// Keep reports whether a connection is wanted when it is read from files, nil for all.
	Keep func(*sampler.Socket) bool
	// CgroupOf returns the cgroup id for those sockets of a namespace of which the kernel
	// reports none but the root's, zero for none. The processes are those in the namespace,
	// known longest first. Nil for none. It is called by the goroutine of Run.
	CgroupOf func(pids []int) uint64
	// Prepare is called with each new socket, for example to set its filter; nil for none.
	Prepare func(c *sampler.Conn) error
	// Exclude reports whether the namespace of some processes must not be watched, and whether
	// that is final: if not, it is asked again for a while. Nil for none. It is called by the
	// goroutine of Run.
	Exclude func(pids []int) (excluded, final bool)
	// Report is called once for each problem that an operator can solve, and again if it
	// returns after a success; nil for none. It is called by the goroutine of Run.
	Report func(err error)
	// CPU returns the CPU time of the calling thread. A budget of [Watcher.Sample] needs it.
	CPU func() time.Duration
}

// complete sets the defaults.
func (c *Config) complete() {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}

	if c.Max == 0 {
		c.Max = DefaultMax
	}

	if c.Reuse == 0 {
		c.Reuse = DefaultReuse
	}

	if c.Report == nil {
		c.Report = func(error) {}
	}
}
