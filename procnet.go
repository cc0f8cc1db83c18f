package main

import (
	"errors"
	"fmt"

	"github.com/prometheus/procfs"

	"tcphealth_exporter/collector"
)

// errNetStats means that the kernel's counters can't be read or are not all there.
var errNetStats = errors.New("no network statistics")

// netStatsReader reads [collector.KernelStats] below a mount of procfs.
type netStatsReader struct {
	process procfs.Proc
	// network is at the process, since a mount may show processes alone.
	network  procfs.FS
	pageSize uint64
}

// newNetStatsReader returns a reader; procPath is usually /proc.
func newNetStatsReader(procPath string, pageSize int) (*netStatsReader, error) {
	fs, err := procfs.NewFS(procPath)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNetStats, err)
	}

	process, err := fs.Self()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNetStats, err)
	}

	network, err := procfs.NewFS(procPath + "/self")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNetStats, err)
	}

	return &netStatsReader{process: process, network: network, pageSize: uint64(pageSize)}, nil
}

// read reads all of it. Errors match errNetStats.
func (r *netStatsReader) read() (collector.KernelStats, error) {
	snmp, err := r.process.Snmp()
	if err != nil {
		return collector.KernelStats{}, fmt.Errorf("%w: %w", errNetStats, err)
	}

	netstat, err := r.process.Netstat()
	if err != nil {
		return collector.KernelStats{}, fmt.Errorf("%w: %w", errNetStats, err)
	}

	sockstat, err := r.network.NetSockstat()
	if err != nil {
		return collector.KernelStats{}, fmt.Errorf("%w: %w", errNetStats, err)
	}

	return combine(&snmp.Tcp, &netstat.TcpExt, sockstat, r.pageSize)
}

// combine picks what is needed, all of which must be there.
func combine(tcp *procfs.Tcp, ext *procfs.TcpExt, sockets *procfs.NetSockstat, pageSize uint64) (s collector.KernelStats, err error) {
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
			return collector.KernelStats{}, fmt.Errorf("%w: %s is missing", errNetStats, c.name)
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

	return collector.KernelStats{}, fmt.Errorf("%w: sockstat does not tell of TCP", errNetStats)
}
