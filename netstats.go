package main

import (
	"context"
	"os"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/collector"
)

// netStats reads the kernel's own counters after each sample, beside the sampling:
// a slow /proc delays no verdict.
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

// want asks for new figures, unless they are being read.
func (n *netStats) want() {
	select {
	case n.wanted <- struct{}{}:
	default:
	}
}

// once reads now.
func (n *netStats) once() {
	reader, err := newNetStatsReader(n.procPath, os.Getpagesize())
	if err != nil {
		n.note(err)

		return
	}

	n.read(reader)
}

// run reads whenever asked until ctx is done.
func (n *netStats) run(ctx context.Context) {
	reader, err := newNetStatsReader(n.procPath, os.Getpagesize())
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

func (n *netStats) read(reader *netStatsReader) {
	stats, err := reader.read()
	if err != nil {
		n.metrics.Set(nil)
	} else {
		n.metrics.Set(&stats)
	}

	n.note(err)
}

// note logs each change once.
func (n *netStats) note(err error) {
	switch {
	case err != nil && !n.failing:
		_ = level.Warn(n.logger).Log("msg", "the kernel's own counters can't be read, metrics tcphealth_kernel_* are missing", "err", err)
	case err == nil && n.failing:
		_ = level.Info(n.logger).Log("msg", "the kernel's own counters can be read again")
	}

	n.failing = err != nil
}
