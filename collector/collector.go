package collector

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"tcphealth_exporter/health"
)

// Config configures a [Collector].
type Config struct {
	// Latest returns the newest snapshot, nil before the first one. It is
	// called from any goroutine.
	Latest func() *health.Snapshot
	// Sets selects the per-connection families, none for all of them.
	Sets []Set
}

// Collector is a prometheus.Collector over the newest snapshot.
type Collector struct {
	latest      func() *health.Snapshot
	connections []described[health.Connection]
	host        []described[health.Snapshot]
}

// described is a family with its description made once.
type described[T any] struct {
	family *family[T]
	desc   *prometheus.Desc
}

// New returns a collector.
func New(cfg Config) *Collector {
	c := &Collector{latest: cfg.Latest}

	for i := range connectionFamilyTable {
		f := &connectionFamilyTable[i]
		if len(cfg.Sets) == 0 || slices.Contains(cfg.Sets, f.set) {
			c.connections = append(c.connections, described[health.Connection]{f, f.desc(connectionLabelTable)})
		}
	}

	for i := range hostFamilyTable {
		f := &hostFamilyTable[i]
		c.host = append(c.host, described[health.Snapshot]{f, f.desc(nil)})
	}

	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for i := range c.connections {
		ch <- c.connections[i].desc
	}

	for i := range c.host {
		ch <- c.host[i].desc
	}
}

// Collect implements prometheus.Collector. Before the first sample there is
// nothing to tell.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	s := c.latest()
	if s == nil {
		return
	}

	for i := range c.host {
		c.host[i].collect(ch, s, nil)
	}

	for i := range s.Connections {
		conn := &s.Connections[i]
		labels := []string{conn.LocalAddress, conn.LocalPort, conn.RemoteAddress, conn.RemotePort}

		for j := range c.connections {
			c.connections[j].collect(ch, conn, labels)
		}
	}
}

// collect sends the series of a family; common are its leading label values.
func (d *described[T]) collect(ch chan<- prometheus.Metric, from *T, common []string) {
	d.family.series(from, func(value float64, own ...string) {
		labels := common
		if len(own) > 0 {
			labels = slices.Concat(common, own)
		}

		ch <- prometheus.MustNewConstMetric(d.desc, d.family.kind, value, labels...)
	})
}
