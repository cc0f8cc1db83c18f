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

// cell is the memory of one series.
type cell struct {
	metric *dto.Metric
	value  *float64
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
	*cell.value = p.value
	cell.metric.Label = labels

	if cell.metric.Counter != nil {
		cell.metric.Counter.Exemplar = p.exemplar
	}

	c.family.Metric = append(c.family.Metric, cell.metric)
}

// grow makes room for more series. Those there are stay where they are.
func (c *column) grow() {
	const least = 16

	n := max(len(c.cells)/2, least)
	metrics, values := make([]dto.Metric, n), make([]float64, n)

	switch c.family.GetType() {
	case dto.MetricType_COUNTER:
		counters := make([]dto.Counter, n)
		for i := range counters {
			counters[i].Value, metrics[i].Counter = &values[i], &counters[i]
		}
	default:
		gauges := make([]dto.Gauge, n)
		for i := range gauges {
			gauges[i].Value, metrics[i].Gauge = &values[i], &gauges[i]
		}
	}

	for i := range metrics {
		c.cells = append(c.cells, cell{&metrics[i], &values[i]})
	}
}

// sort orders the series by their labels.
func (c *column) sort() {
	slices.SortFunc(c.family.Metric, func(a, b *dto.Metric) int { return compareLabels(a.Label, b.Label) })
}
