package collector

import (
	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/sampler"
)

// series collects the series of a family about one T.
type series struct {
	points []point
	// labels has the own labels of all points, one after the other.
	labels []string

	infos     infos
	exemplars exemplars
	// owner and userID: see [Config].
	owner  func(cgroup uint64) []string
	userID func(*sampler.Socket) (uint32, bool)
}

// point is the present state of a series.
type point struct {
	value float64
	// exemplar is one of those that a counter counted, or nil.
	exemplar *dto.Exemplar
	// distribution is what a histogram shows in place of the value.
	distribution *group.Histogram
}

func newSeries(cfg *Config) series {
	s := series{infos: make(infos), exemplars: make(exemplars), owner: cfg.Owner, userID: cfg.UserID}
	if s.owner == nil {
		s.owner = func(uint64) []string { return nil }
	}

	if s.userID == nil {
		s.userID = func(row *sampler.Socket) (uint32, bool) { return row.UID, true }
	}

	return s
}

// add adds a series: its value and the values of the labels that are its own.
func (s *series) add(value float64, labels ...string) {
	s.points = append(s.points, point{value: value})
	s.labels = append(s.labels, labels...)
}

// addEvents adds a counter together with what it counted last.
func (s *series) addEvents(n uint64, last *health.Activation, labels ...string) {
	s.points = append(s.points, point{value: float64(n), exemplar: s.exemplars.of(last)})
	s.labels = append(s.labels, labels...)
}

// addHistogram adds a histogram, unless there is none.
func (s *series) addHistogram(h *group.Histogram, labels ...string) {
	if h != nil {
		s.points = append(s.points, point{distribution: h})
		s.labels = append(s.labels, labels...)
	}
}

// reset forgets all series.
func (s *series) reset() {
	s.points, s.labels = s.points[:0], s.labels[:0]
}
