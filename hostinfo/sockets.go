package hostinfo

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/prometheus/procfs"
)

// SocketCounts are the current numbers of TCP sockets in a network namespace.
type SocketCounts struct {
	// IPv4 and IPv6 count listeners and connections by the family of the socket, without
	// those in TIME_WAIT (inuse of /proc/net/sockstat and sockstat6). A kernel without IPv6
	// has none.
	IPv4, IPv6 uint64
	// TimeWait counts connections in TIME_WAIT, of both families (tw of
	// /proc/net/sockstat). The file's other counts are those of all namespaces.
	TimeWait uint64
}

// Sockets reads the numbers of sockets, which costs far less than reading the sockets.
// Errors match [ErrKernelStats].
func (r *KernelReader) Sockets() (SocketCounts, error) {
	v4, err := r.network.NetSockstat()
	if err != nil {
		return SocketCounts{}, fmt.Errorf("%w: %w", ErrKernelStats, err)
	}

	v6, err := r.network.NetSockstat6()
	if errors.Is(err, fs.ErrNotExist) {
		v6, err = nil, nil
	}

	if err != nil {
		return SocketCounts{}, fmt.Errorf("%w: %w", ErrKernelStats, err)
	}

	return countSockets(v4, v6)
}

// countSockets selects the counts; v6 is nil on a kernel without IPv6.
func countSockets(v4, v6 *procfs.NetSockstat) (SocketCounts, error) {
	tcp, ok := protocol(v4, "TCP")
	if !ok || tcp.TW == nil {
		return SocketCounts{}, fmt.Errorf("%w: no TCP in sockstat", ErrKernelStats)
	}

	c := SocketCounts{IPv4: uint64(tcp.InUse), TimeWait: uint64(*tcp.TW)}

	if v6 != nil {
		tcp6, ok := protocol(v6, "TCP6")
		if !ok {
			return SocketCounts{}, fmt.Errorf("%w: no TCP6 in sockstat6", ErrKernelStats)
		}

		c.IPv6 = uint64(tcp6.InUse)
	}

	return c, nil
}

// protocol returns the line of a protocol, and reports whether there is one.
func protocol(stat *procfs.NetSockstat, name string) (procfs.NetSockstatProtocol, bool) {
	for _, p := range stat.Protocols {
		if p.Protocol == name {
			return p, true
		}
	}

	return procfs.NetSockstatProtocol{}, false
}
