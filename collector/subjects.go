package collector

import (
	"fmt"
	"maps"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
)

// subjects keeps what the series of the latest exposition are about, so that
// labels are made once for as long as they are exported.
type subjects struct {
	shown map[export.Identity]*subject
	// places are the groups in the order of the snapshot, in which they stay.
	places []*subject
	local  *subject // this host
	// number counts the expositions.
	number uint64

	connections []visit[health.Connection]
	groups      []visit[group.Group]
	host        []visit[health.Snapshot]
}

func newSubjects() *subjects {
	return &subjects{shown: make(map[export.Identity]*subject), local: newSubject(nil, nil)}
}

// visit lists the subjects of an exposition. Two connections of
// one name are an error; the second one is left out.
func (k *subjects) visit(s *health.Snapshot) error {
	k.number++
	k.local.begin(k.number)
	k.host = append(k.host[:0], visit[health.Snapshot]{s, k.local})
	k.visitGroups(s)

	return k.visitConnections(s)
}

func (k *subjects) visitConnections(s *health.Snapshot) (err error) {
	k.connections = k.connections[:0]

	for i := range s.Connections {
		c := &s.Connections[i]

		about := k.connection(&c.Identity)
		if about.filled == k.number {
			err = fmt.Errorf("connection %+v is there twice", c.Identity)

			continue
		}

		about.begin(k.number)
		k.connections = append(k.connections, visit[health.Connection]{c, about})
	}

	sortVisits(k.connections)

	return err
}

// connection returns the subject for a connection.
func (k *subjects) connection(id *export.Identity) *subject {
	about, known := k.shown[*id]
	if !known {
		about = newSubject(connectionLabelTable, []string{id.LocalAddress, id.LocalPort, id.RemoteAddress, id.RemotePort})
		k.shown[*id] = about
	}

	return about
}

func (k *subjects) visitGroups(s *health.Snapshot) {
	k.groups = k.groups[:0]

	for i := range s.Groups {
		g := &s.Groups[i]

		if i == len(k.places) {
			k.places = append(k.places, newGroupSubject(s.GroupLabels, g.Labels))
		} else if !k.places[i].is(s.GroupLabels, g.Labels) {
			k.places[i] = newGroupSubject(s.GroupLabels, g.Labels)
		}

		k.places[i].begin(k.number)
		k.groups = append(k.groups, visit[group.Group]{g, k.places[i]})
	}

	sortVisits(k.groups)
}

// newGroupSubject is newSubject without the labels of an owner that is unknown or has no such
// name, which is the same to Prometheus: on many hosts, no group has any of them.
func newGroupSubject(names, values []string) *subject {
	s := newSubject(names, values)
	s.common = slices.DeleteFunc(s.common, func(pair *dto.LabelPair) bool {
		d, _ := group.ParseDimension(pair.GetName())

		return d.OfOwner() && pair.GetValue() == ""
	})

	return s
}

func sortVisits[T any](visits []visit[T]) {
	slices.SortFunc(visits, func(a, b visit[T]) int { return compareLabels(a.subject.common, b.subject.common) })
}

// end drops subjects that are no longer exported.
func (k *subjects) end() {
	k.local.end()

	for _, v := range k.connections {
		v.subject.end()
	}

	if len(k.shown) > len(k.connections) {
		maps.DeleteFunc(k.shown, func(_ export.Identity, about *subject) bool { return about.filled != k.number })
	}

	clear(k.places[len(k.groups):])
	k.places = k.places[:len(k.groups)]

	for _, about := range k.places {
		about.end()
	}
}
