package app

import (
	"context"
	"os"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/hostinfo"
)

// netStats reads the kernel's own counters after each sample, on a goroutine of its
// own: a slow /proc delays no verdict.
type netStats struct {
	procPath string
	metrics  *collector.KernelMetrics
	logger   log.Logger
	wanted   chan struct{}
	failing  bool
}

func newNetStats(procPath string, logger log.Logger) *netStats {
	return &netStats{
		procPath: procPath,
		metrics:  collector.NewKernelMetrics(),
		logger:   logger,
		wanted:   make(chan struct{}, 1),
	}
}

// want requests new counters, unless they are being read.
func (n *netStats) want() {
	select {
	case n.wanted <- struct{}{}:
	default:
	}
}

// once reads the counters now.
func (n *netStats) once() {
	reader, err := hostinfo.NewKernelReader(n.procPath, os.Getpagesize())
	if err != nil {
		n.note(err)

		return
	}

	n.read(reader)
}

// run reads the counters on request until ctx is done.
func (n *netStats) run(ctx context.Context) {
	reader, err := hostinfo.NewKernelReader(n.procPath, os.Getpagesize())
	if err != nil {
		n.note(err)

		return
	}

	for {
		select {
		case <-n.wanted:
			n.read(reader)
		case <-ctx.Done():
			return
		}
	}
}

func (n *netStats) read(reader *hostinfo.KernelReader) {
	stats, err := reader.Read()
	if err != nil {
		n.metrics.Set(nil)
	} else {
		counters := collector.KernelStats(stats)
		n.metrics.Set(&counters)
	}

	n.note(err)
}

// note logs each change of success and failure once.
func (n *netStats) note(err error) {
	switch {
	case err != nil && !n.failing:
		_ = level.Warn(n.logger).Log("msg", "reading kernel counters failed, tcphealth_kernel_* metrics are absent", "err", err)
	case err == nil && n.failing:
		_ = level.Info(n.logger).Log("msg", "reading kernel counters succeeded again")
	}

	n.failing = err != nil
}
