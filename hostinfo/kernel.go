package hostinfo

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/prometheus/procfs"
)

// ErrKernelStats means that the kernel's counters cannot be read or are incomplete.
var ErrKernelStats = errors.New("no network statistics")

// KernelStats are the kernel's own counters of TCP in the network namespace.
type KernelStats struct {
	// Since the namespace was created (/proc/net/snmp, RFC 4022): connections opened
	// actively and passively; segments received, sent without retransmissions, and
	// retransmitted.
	ActiveOpens, PassiveOpens, InSegs, OutSegs, RetransSegs uint64
	// Failed connection attempts, reset connections, segments sent with RST.
	AttemptFails, EstabResets, OutRsts uint64
	// Since the namespace was created (/proc/net/netstat): connections that found a full
	// accept queue, and all connections that listeners dropped.
	ListenOverflows, ListenDrops uint64
	// Now (/proc/net/sockstat): connections in TIME_WAIT; of all namespaces, connections
	// without a process, and memory in bytes.
	TimeWait, Orphans, Memory uint64
}

// KernelReader reads [KernelStats] and [SocketCounts] of the network namespace of a
// process, below a mount of procfs.
type KernelReader struct {
	process procfs.Proc
	// network is below the process, since a mount may contain processes only.
	network  procfs.FS
	pageSize uint64
}

// NewKernelReader returns a reader of the exporter's own namespace; procPath is usually
// /proc. Errors match [ErrKernelStats].
func NewKernelReader(procPath string, pageSize int) (*KernelReader, error) {
	return newKernelReader(procPath, procfs.FS.Self, pageSize)
}

// NewProcessReader returns a reader of the namespace of a process. It needs no privilege.
// Errors match [ErrKernelStats], also after the end of the process, unless a later process
// has the same PID: the reader then returns the figures of that one.
func NewProcessReader(procPath string, pid, pageSize int) (*KernelReader, error) {
	return newKernelReader(procPath, func(fs procfs.FS) (procfs.Proc, error) { return fs.Proc(pid) }, pageSize)
}

func newKernelReader(procPath string, find func(procfs.FS) (procfs.Proc, error), pageSize int) (*KernelReader, error) {
	fs, err := procfs.NewFS(procPath)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKernelStats, err)
	}

	process, err := find(fs)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKernelStats, err)
	}

	network, err := procfs.NewFS(filepath.Join(procPath, strconv.Itoa(process.PID)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKernelStats, err)
	}

	return &KernelReader{process: process, network: network, pageSize: uint64(pageSize)}, nil
}

// Read reads all counters. Errors match [ErrKernelStats].
func (r *KernelReader) Read() (KernelStats, error) {
	snmp, err := r.process.Snmp()
	if err != nil {
		return KernelStats{}, fmt.Errorf("%w: %w", ErrKernelStats, err)
	}

	netstat, err := r.process.Netstat()
	if err != nil {
		return KernelStats{}, fmt.Errorf("%w: %w", ErrKernelStats, err)
	}

	sockstat, err := r.network.NetSockstat()
	if err != nil {
		return KernelStats{}, fmt.Errorf("%w: %w", ErrKernelStats, err)
	}

	return combine(&snmp.Tcp, &netstat.TcpExt, sockstat, r.pageSize)
}

// combine selects the counters, all of which must exist.
func combine(tcp *procfs.Tcp, ext *procfs.TcpExt, sockets *procfs.NetSockstat, pageSize uint64) (s KernelStats, err error) {
	for _, c := range []struct {
		name string
		from *float64
		to   *uint64
	}{
		{"ActiveOpens", tcp.ActiveOpens, &s.ActiveOpens},
		{"PassiveOpens", tcp.PassiveOpens, &s.PassiveOpens},
		{"InSegs", tcp.InSegs, &s.InSegs},
		{"OutSegs", tcp.OutSegs, &s.OutSegs},
		{"RetransSegs", tcp.RetransSegs, &s.RetransSegs},
		{"AttemptFails", tcp.AttemptFails, &s.AttemptFails},
		{"EstabResets", tcp.EstabResets, &s.EstabResets},
		{"OutRsts", tcp.OutRsts, &s.OutRsts},
		{"ListenOverflows", ext.ListenOverflows, &s.ListenOverflows},
		{"ListenDrops", ext.ListenDrops, &s.ListenDrops},
	} {
		if c.from == nil {
			return KernelStats{}, fmt.Errorf("%w: %s is missing", ErrKernelStats, c.name)
		}

		*c.to = uint64(*c.from)
	}

	for _, p := range sockets.Protocols {
		if p.Protocol != "TCP" || p.TW == nil || p.Orphan == nil || p.Mem == nil {
			continue
		}

		s.TimeWait, s.Orphans, s.Memory = uint64(*p.TW), uint64(*p.Orphan), uint64(*p.Mem)*pageSize

		return s, nil
	}

	return KernelStats{}, fmt.Errorf("%w: no TCP in sockstat", ErrKernelStats)
}
