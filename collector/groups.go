package collector

import (
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"tcphealth_exporter/health"
)

// Groups is a prometheus.Collector over the groups of the newest snapshot. The
// names of their labels are those of the configuration and may change when it is
// reloaded, so it describes nothing beforehand.
type Groups struct {
	latest func() *health.Snapshot
	newest atomic.Pointer[groupNames]
}

// groupNames are the families described for certain labels.
type groupNames struct {
	labels   []string
	families []described[health.Group]
}

// NewGroups returns a collector; latest is that of [Config].
func NewGroups(latest func() *health.Snapshot) *Groups { return &Groups{latest: latest} }

// Describe implements prometheus.Collector.
func (g *Groups) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (g *Groups) Collect(ch chan<- prometheus.Metric) {
	s := g.latest()
	if s == nil {
		return
	}

	families := g.families(s.GroupLabels)

	for i := range s.Groups {
		for j := range families {
			families[j].collect(ch, &s.Groups[i], s.Groups[i].Labels)
		}
	}
}

// families returns the families with the given labels in front of their own.
func (g *Groups) families(labels []string) []described[health.Group] {
	if n := g.newest.Load(); n != nil && slices.Equal(n.labels, labels) {
		return n.families
	}

	n := &groupNames{labels: labels}

	for i := range groupFamilyTable {
		f := &groupFamilyTable[i]
		n.families = append(n.families, described[health.Group]{f, f.desc(labels)})
	}

	g.newest.Store(n)

	return n.families
}
