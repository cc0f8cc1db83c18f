package collector

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// NamespaceStats is what the kernel counts in one network namespace beside the exporter's
// own.
type NamespaceStats struct {
	// Name is the label network_namespace.
	Name   string
	Kernel KernelStats
	// Sockets counts listeners and connections, without those in TIME_WAIT.
	Sockets uint64
	// Owner has the values of [OwnerLabels], nil if they are unknown.
	Owner []string
}

// namespaceLabelTable has the label of all families of [NamespaceMetrics].
var namespaceLabelTable = []string{"network_namespace"}

// namespaceFamilyTable is the part of the catalogue that [NamespaceMetrics] serves: first the
// general ones, then those of kernelFamilyTable that each namespace has.
var namespaceFamilyTable = append([]kernelFamily{
	{Metric: Metric{
		Name: namespace + "netns_uncounted", Type: "gauge",
		Help: "Watched network namespaces without kernel counters of their own, see --collector.netns.",
	}},
	{Metric: Metric{
		Name: namespace + "netns_info", Type: "gauge", Labels: append([]string{"network_namespace"}, OwnerLabels()...),
		Help: "The owner that the processes of a network namespace have in common, constant 1.",
	}},
	{Metric: Metric{
		Name: namespace + "netns_sockets", Type: "gauge", Labels: namespaceLabelTable, Source: "inuse",
		Help: "Listeners and connections in a network namespace, without those in TIME_WAIT.",
	}},
}, namespaceFamilies()...)

// The places of the general families in namespaceFamilyTable.
const (
	namespaceUncounted = iota
	namespaceInfo
	namespaceSockets
	namespaceKernel // the first of the kernel's counters
)

// namespaceFamilies returns the families of the kernel's counters with a label for the
// namespace.
func namespaceFamilies() (all []kernelFamily) {
	for _, f := range kernelFamilyTable {
		if f.shared {
			continue
		}

		f.Name = namespace + "netns_" + strings.TrimPrefix(f.Name, namespace)
		f.Labels = namespaceLabelTable
		all = append(all, f)
	}

	return all
}

func namespaceMetrics() []Metric {
	all := make([]Metric, len(namespaceFamilyTable))
	for i := range namespaceFamilyTable {
		all[i] = namespaceFamilyTable[i].Metric
	}

	return all
}

// NamespaceMetrics shows what the kernel counts in other network namespaces. It implements
// prometheus.Collector; there is nothing to collect before the first Set.
type NamespaceMetrics struct {
	descs  []*prometheus.Desc
	latest atomic.Pointer[namespaceCounts]
}

// namespaceCounts is one reading.
type namespaceCounts struct {
	all       []NamespaceStats
	uncounted int
}

// NewNamespaceMetrics returns metrics without values.
func NewNamespaceMetrics() *NamespaceMetrics {
	m := &NamespaceMetrics{}
	for i := range namespaceFamilyTable {
		f := &namespaceFamilyTable[i]
		m.descs = append(m.descs, prometheus.NewDesc(f.Name, f.Help, f.Labels, nil))
	}

	return m
}

// Set sets the newest figures, and the number of namespaces without figures. Of figures with
// the same name, the first count. Set may be called from any goroutine, and takes ownership.
func (m *NamespaceMetrics) Set(all []NamespaceStats, uncounted int) {
	names := make(map[string]bool, len(all))

	all = slices.DeleteFunc(all, func(s NamespaceStats) bool {
		again := names[s.Name]
		names[s.Name] = true

		return again
	})

	m.latest.Store(&namespaceCounts{all, uncounted})
}

// Describe implements prometheus.Collector.
func (m *NamespaceMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range m.descs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *NamespaceMetrics) Collect(ch chan<- prometheus.Metric) {
	latest := m.latest.Load()
	if latest == nil {
		return
	}

	ch <- prometheus.MustNewConstMetric(m.descs[namespaceUncounted], prometheus.GaugeValue, float64(latest.uncounted))

	for i := range latest.all {
		m.collect(ch, &latest.all[i])
	}
}

// collect collects the figures of one namespace.
func (m *NamespaceMetrics) collect(ch chan<- prometheus.Metric, s *NamespaceStats) {
	if s.Owner != nil {
		labels := append([]string{s.Name}, s.Owner...)
		ch <- prometheus.MustNewConstMetric(m.descs[namespaceInfo], prometheus.GaugeValue, 1, labels...)
	}

	ch <- prometheus.MustNewConstMetric(m.descs[namespaceSockets], prometheus.GaugeValue, float64(s.Sockets), s.Name)

	for i := namespaceKernel; i < len(namespaceFamilyTable); i++ {
		f := &namespaceFamilyTable[i]
		ch <- prometheus.MustNewConstMetric(m.descs[i], f.kind(), float64(f.value(&s.Kernel)), s.Name)
	}
}
