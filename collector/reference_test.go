package collector

import (
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
)

// Reference is the plain way to expose the catalogue: a prometheus.Collector of
// constant metrics. The [Gatherer] must expose the same at a lower cost.
type Reference struct {
	latest      func() *health.Snapshot
	connections []described[health.Connection]
	groups      []described[group.Group]
	host        []described[health.Snapshot]
}

// described is a family with its description made once.
type described[T any] struct {
	family *family[T]
	desc   *prometheus.Desc
}

// NewReference returns the collector for the same configuration.
func NewReference(cfg Config) *Reference {
	return &Reference{
		latest:      cfg.Latest,
		connections: describe(connectionFamilyTable, connectionLabelTable, cfg.Sets),
		groups:      describe(groupFamilyTable, group.DefaultGrouping().Labels(), nil),
		host:        describe(hostFamilyTable, nil, nil),
	}
}

func describe[T any](table []family[T], common []string, sets []Set) (all []described[T]) {
	for i := range table {
		if f := &table[i]; len(sets) == 0 || slices.Contains(sets, f.set) {
			m := f.describe(common)
			all = append(all, described[T]{f, prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)})
		}
	}

	return all
}

// Describe implements prometheus.Collector.
func (c *Reference) Describe(ch chan<- *prometheus.Desc) {
	for i := range c.connections {
		ch <- c.connections[i].desc
	}

	for i := range c.groups {
		ch <- c.groups[i].desc
	}

	for i := range c.host {
		ch <- c.host[i].desc
	}
}

// Collect implements prometheus.Collector.
func (c *Reference) Collect(ch chan<- prometheus.Metric) {
	s := c.latest()
	if s == nil {
		return
	}

	out := newSeries(&Config{})

	for i := range c.host {
		c.host[i].collect(ch, s, nil, &out)
	}

	for i := range s.Groups {
		for j := range c.groups {
			c.groups[j].collect(ch, &s.Groups[i], s.Groups[i].Labels, &out)
		}
	}

	for i := range s.Connections {
		conn := &s.Connections[i]
		labels := []string{conn.LocalAddress, conn.LocalPort, conn.RemoteAddress, conn.RemotePort}

		for j := range c.connections {
			c.connections[j].collect(ch, conn, labels, &out)
		}
	}
}

// collect sends the series of a family; common are its leading label values.
func (d *described[T]) collect(ch chan<- prometheus.Metric, from *T, common []string, out *series) {
	out.reset()
	d.family.series(from, out)

	own := out.labels
	for _, p := range out.points {
		labels := common
		if n := len(d.family.labels); n > 0 {
			labels = slices.Concat(common, own[:n])
			own = own[n:]
		}

		ch <- d.metric(&p, labels)
	}
}

// metric returns the point as a constant metric.
func (d *described[T]) metric(p *point, labels []string) prometheus.Metric {
	switch d.family.kind {
	case distribution:
		return constHistogram(d.desc, p.distribution, labels)
	case gaugeValue:
		return prometheus.MustNewConstMetric(d.desc, prometheus.GaugeValue, p.value, labels...)
	}

	m := prometheus.MustNewConstMetric(d.desc, prometheus.CounterValue, p.value, labels...)

	if e := p.exemplar; e != nil {
		m = prometheus.MustNewMetricWithExemplars(m, prometheus.Exemplar{
			Value:     e.GetValue(),
			Labels:    prometheus.Labels{e.Label[0].GetName(): e.Label[0].GetValue()},
			Timestamp: e.GetTimestamp().AsTime(),
		})
	}

	return m
}

// bothHistograms is a constant histogram with classic and native buckets, which
// the library has as separate metrics only.
type bothHistograms struct{ classic, native prometheus.Metric }

func constHistogram(desc *prometheus.Desc, h *group.Histogram, labels []string) prometheus.Metric {
	native := make(map[int]int64)

	for i, n := range h.Native {
		if n > 0 {
			native[h.First+i] = int64(n)
		}
	}

	classic, below := make(map[float64]uint64), uint64(0)
	for i, bound := range h.Bounds {
		below += h.Buckets[i]
		classic[bound] = below
	}

	return bothHistograms{
		classic: prometheus.MustNewConstHistogram(desc, h.Count, h.Sum, classic, labels...),
		native: prometheus.MustNewConstNativeHistogram(desc, h.Count, h.Sum, native, nil, h.Zero,
			group.HistogramSchema, group.HistogramZeroThreshold, time.Time{}, labels...),
	}
}

func (b bothHistograms) Desc() *prometheus.Desc { return b.classic.Desc() }

func (b bothHistograms) Write(out *dto.Metric) error {
	var classic dto.Metric

	if err := errors.Join(b.native.Write(out), b.classic.Write(&classic)); err != nil {
		return err
	}

	out.Histogram.Bucket, out.Histogram.CreatedTimestamp = classic.Histogram.Bucket, nil

	return nil
}
