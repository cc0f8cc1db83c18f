package collector

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
)

// exposition is a snapshot as Prometheus' families, in memory that is used again
// and again.
type exposition struct {
	connections block[health.Connection]
	groups      block[group.Group]
	host        block[health.Snapshot]
	// columns are those of all blocks, sorted by name, families those with series.
	columns  []*column
	families []*dto.MetricFamily
	series   series

	// snapshot is what it shows, err why that is wrong, users counts the scrapes
	// that read it: for the [Gatherer].
	snapshot *health.Snapshot
	err      error
	users    int
}

func newExposition(cfg *Config) *exposition {
	e := &exposition{
		connections: newBlock(connectionFamilyTable, cfg.Sets),
		groups:      newBlock(groupFamilyTable, cfg.Sets),
		host:        newBlock(hostFamilyTable, cfg.Sets),
		series:      newSeries(cfg),
	}
	e.columns = slices.Concat(e.connections.columns, e.groups.columns, e.host.columns)
	slices.SortFunc(e.columns, func(a, b *column) int { return strings.Compare(a.family.GetName(), b.family.GetName()) })

	return e
}

// fill sets a snapshot; known are the subjects of the previous one.
func (e *exposition) fill(s *health.Snapshot, known *subjects) {
	e.snapshot = s
	e.err = known.visit(s)
	e.connections.fill(known.connections, &e.series)
	e.groups.fill(known.groups, &e.series)
	e.host.fill(known.host, &e.series)
	known.end()

	e.families = e.families[:0]

	for _, c := range e.columns {
		if len(c.family.Metric) > 0 {
			e.families = append(e.families, c.family)
		}
	}
}

// block has the families about one kind of subjects.
type block[T any] struct {
	families []*family[T]
	columns  []*column // one for each family
}

// newBlock returns a block of the families that belong to one of the sets or to none.
func newBlock[T any](table []family[T], sets []Set) block[T] {
	var b block[T]

	for i := range table {
		if f := &table[i]; f.set == "" || len(sets) == 0 || slices.Contains(sets, f.set) {
			b.families = append(b.families, f)
			b.columns = append(b.columns, newColumn(namespace+f.name, f.help, f.kind, f.labels))
		}
	}

	return b
}

// visit is a T with what keeps its labels.
type visit[T any] struct {
	of      *T
	subject *subject
}

// fill adds all series of the visited subjects, which are sorted by their labels.
func (b *block[T]) fill(visits []visit[T], s *series) {
	for i := range b.columns {
		c := b.columns[i]
		c.clear()

		for _, v := range visits {
			s.reset()
			b.families[i].series(v.of, s)

			own := s.labels
			for _, p := range s.points {
				c.add(p, v.subject.labels(c.labels, own[:len(c.labels)]))
				own = own[len(c.labels):]
			}
		}

		if len(c.labels) > 0 {
			c.sort()
		}
	}
}
