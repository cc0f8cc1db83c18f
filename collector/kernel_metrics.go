package collector

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// KernelStats is what the kernel itself counted in the network namespace of the
// process, for comparison with what samples show.
type KernelStats struct {
	// Since the namespace was made (/proc/net/snmp, RFC 4022): connections opened
	// from here and to here, segments received, sent without those retransmitted, and
	// retransmitted.
	ActiveOpens, PassiveOpens, InSegs, OutSegs, RetransSegs uint64
	// Attempts to open that failed, connections that were reset, segments sent with RST.
	AttemptFails, EstabResets, OutRsts uint64
	// Since the namespace was made (/proc/net/netstat): connections that found an
	// accept queue full, and all that a listener dropped, those included.
	ListenOverflows, ListenDrops uint64
	// Now (/proc/net/sockstat): connections in TIME_WAIT, which dumps leave out, and
	// those that no process has any more. Memory is in bytes, of all namespaces.
	TimeWait, Orphans, Memory uint64
}

// kernelFamily is a family of what the kernel itself counted.
type kernelFamily struct {
	Metric

	value func(*KernelStats) uint64
	// shared: it is one value for all network namespaces.
	shared bool
}

// kernelFamilyTable is the part of the catalogue that [KernelMetrics] serves.
var kernelFamilyTable = []kernelFamily{
	kernelCount("active_opens", "ActiveOpens", "Locally initiated connections in this network namespace.",
		func(s *KernelStats) uint64 { return s.ActiveOpens }),
	kernelCount("passive_opens", "PassiveOpens", "Connections to listeners in this network namespace.",
		func(s *KernelStats) uint64 { return s.PassiveOpens }),
	kernelCount("in_segments", "InSegs", "Segments of any kind received, including faulty ones and those without a connection.",
		func(s *KernelStats) uint64 { return s.InSegs }),
	kernelCount("out_segments", "OutSegs", "Segments of any kind sent, without retransmissions.",
		func(s *KernelStats) uint64 { return s.OutSegs }),
	kernelCount("retransmitted_segments", "RetransSegs", "Segments retransmitted.",
		func(s *KernelStats) uint64 { return s.RetransSegs }),
	kernelCount("failed_opens", "AttemptFails", "Connection attempts, in either direction, that failed.",
		func(s *KernelStats) uint64 { return s.AttemptFails }),
	kernelCount("reset_connections", "EstabResets", "Established connections that were reset.",
		func(s *KernelStats) uint64 { return s.EstabResets }),
	kernelCount("sent_resets", "OutRsts", "Segments sent with RST.",
		func(s *KernelStats) uint64 { return s.OutRsts }),
	kernelCount("listen_overflows", "ListenOverflows", "Connections that found an accept queue full.",
		func(s *KernelStats) uint64 { return s.ListenOverflows }),
	kernelCount("listen_drops", "ListenDrops", "Connections that listeners dropped for any reason.",
		func(s *KernelStats) uint64 { return s.ListenDrops }),
	kernelGauge("time_wait_connections", "tw", "Connections in TIME_WAIT, which are not sampled.",
		func(s *KernelStats) uint64 { return s.TimeWait }),
	shared(kernelGauge("orphaned_connections", "orphan", "Connections that no process holds anymore.",
		func(s *KernelStats) uint64 { return s.Orphans })),
	shared(kernelGauge("memory_bytes", "mem", "Memory of all TCP sockets of the host, in all network namespaces.",
		func(s *KernelStats) uint64 { return s.Memory })),
}

func shared(f kernelFamily) kernelFamily {
	f.shared = true

	return f
}

func kernelCount(name, source, help string, value func(*KernelStats) uint64) kernelFamily {
	return kernelFamily{Metric{Name: namespace + "kernel_" + name + "_total", Type: "counter", Help: help, Source: source}, value, false}
}

func kernelGauge(name, source, help string, value func(*KernelStats) uint64) kernelFamily {
	return kernelFamily{Metric{Name: namespace + "kernel_" + name, Type: "gauge", Help: help, Source: source}, value, false}
}

func kernelMetrics() []Metric {
	all := make([]Metric, len(kernelFamilyTable))
	for i := range kernelFamilyTable {
		all[i] = kernelFamilyTable[i].Metric
	}

	return all
}

// KernelMetrics shows what the kernel itself counted, so that a user sees how much
// of it the samples account for. It implements prometheus.Collector; there is
// nothing to collect before the first Set.
type KernelMetrics struct {
	descs  []*prometheus.Desc
	latest atomic.Pointer[KernelStats]
}

// NewKernelMetrics returns metrics without values.
func NewKernelMetrics() *KernelMetrics {
	m := &KernelMetrics{}
	for _, f := range kernelFamilyTable {
		m.descs = append(m.descs, prometheus.NewDesc(f.Name, f.Help, nil, nil))
	}

	return m
}

// Set sets the newest figures, nil if there are none. It may be called from any
// goroutine.
func (m *KernelMetrics) Set(s *KernelStats) { m.latest.Store(s) }

// Describe implements prometheus.Collector.
func (m *KernelMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range m.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *KernelMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.latest.Load()
	if s == nil {
		return
	}

	for i := range kernelFamilyTable {
		f := &kernelFamilyTable[i]

		ch <- prometheus.MustNewConstMetric(m.descs[i], f.kind(), float64(f.value(s)))
	}
}

func (f *kernelFamily) kind() prometheus.ValueType {
	if f.Type == "counter" {
		return prometheus.CounterValue
	}

	return prometheus.GaugeValue
}
