package collector

import (
	"cmp"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// subject is what series are about: a connection, a group or the host. It keeps their
// labels from one exposition to the next. What it has handed out stays as it is.
type subject struct {
	names, values []string
	// common are the labels of the series that have none of their own.
	common []*dto.LabelPair
	// own are the labels of the other series, in the order in which they come.
	own  []ownLabels
	next int
	// filled is the number of the latest exposition that shows it.
	filled uint64
}

// ownLabels are those of the subject joined with some of its own.
type ownLabels struct {
	names, values []string
	pairs         []*dto.LabelPair
}

// newSubject returns a subject with these labels.
func newSubject(names, values []string) *subject {
	return &subject{names: names, values: values, common: appendPairs(nil, names, values)}
}

// is reports whether these are its labels.
func (s *subject) is(names, values []string) bool {
	return slices.Equal(s.names, names) && slices.Equal(s.values, values)
}

// labels returns the labels of the next series.
func (s *subject) labels(names, values []string) []*dto.LabelPair {
	if len(names) == 0 {
		return s.common
	}

	if s.next == len(s.own) {
		s.own = append(s.own, ownLabels{})
	}

	o := &s.own[s.next]
	s.next++

	if !slices.Equal(o.values, values) || !slices.Equal(o.names, names) {
		*o = ownLabels{names, slices.Clone(values), appendPairs(slices.Clone(s.common), names, values)}
	}

	return o.pairs
}

// begin starts an exposition; end forgets the labels that it had no use for.
func (s *subject) begin(number uint64) { s.filled, s.next = number, 0 }

func (s *subject) end() {
	clear(s.own[s.next:])
	s.own = s.own[:s.next]
}

// appendPairs adds labels and sorts all as Prometheus wants them: by name.
func appendPairs(pairs []*dto.LabelPair, names, values []string) []*dto.LabelPair {
	for i := range names {
		pairs = append(pairs, &dto.LabelPair{Name: &names[i], Value: new(strings.ToValidUTF8(values[i], "\uFFFD"))})
	}

	slices.SortFunc(pairs, func(a, b *dto.LabelPair) int { return strings.Compare(*a.Name, *b.Name) })

	return pairs
}

// compareLabels orders series of a family by the values of their labels.
func compareLabels(a, b []*dto.LabelPair) int {
	for i := range min(len(a), len(b)) {
		if order := strings.Compare(*a[i].Value, *b[i].Value); order != 0 {
			return order
		}
	}

	return cmp.Compare(len(a), len(b))
}
