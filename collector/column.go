package collector

import (
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// column holds the series of one family in memory that is used again and again.
type column struct {
	family *dto.MetricFamily
	// labels are the names of the labels that are the family's own.
	labels []string
	cells  []cell
}

// cell is the memory of one series: of its labels, and of a value or a histogram.
type cell struct {
	metric    *dto.Metric
	value     *float64
	histogram *histogram
}

func newColumn(name, help string, kind dto.MetricType, labels []string) *column {
	return &column{family: &dto.MetricFamily{Name: &name, Help: &help, Type: kind.Enum()}, labels: labels}
}

// clear removes all series.
func (c *column) clear() { c.family.Metric = c.family.Metric[:0] }

// add adds a series.
func (c *column) add(p point, labels []*dto.LabelPair) {
	n := len(c.family.Metric)
	if n == len(c.cells) {
		c.grow()
	}

	cell := &c.cells[n]
	cell.metric.Label = labels

	switch {
	case cell.histogram != nil:
		cell.histogram.show(p.distribution)
	case cell.metric.Counter != nil:
		*cell.value, cell.metric.Counter.Exemplar = p.value, p.exemplar
	default:
		*cell.value = p.value
	}

	c.family.Metric = append(c.family.Metric, cell.metric)
}

// grow makes room for more series. Those there are stay where they are.
func (c *column) grow() {
	const least = 4

	n := max(len(c.cells)/2, least)
	cells, metrics, values := make([]cell, n), make([]dto.Metric, n), make([]float64, n)

	for i := range cells {
		cells[i] = cell{metric: &metrics[i], value: &values[i]}
	}

	switch c.family.GetType() {
	case dto.MetricType_COUNTER:
		counters := make([]dto.Counter, n)
		for i := range counters {
			counters[i].Value, metrics[i].Counter = &values[i], &counters[i]
		}
	case dto.MetricType_HISTOGRAM:
		for i := range cells {
			cells[i].histogram = newHistogram()
			metrics[i].Histogram = cells[i].histogram.dto
		}
	default:
		gauges := make([]dto.Gauge, n)
		for i := range gauges {
			gauges[i].Value, metrics[i].Gauge = &values[i], &gauges[i]
		}
	}

	c.cells = append(c.cells, cells...)
}

// sort orders the series by their labels.
func (c *column) sort() {
	slices.SortFunc(c.family.Metric, func(a, b *dto.Metric) int { return compareLabels(a.Label, b.Label) })
}
