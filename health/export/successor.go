package export

import "tcphealth_exporter/sampler"

// successor is a new connection with the 4-tuple of an exported one.
type successor struct {
	index  uint32
	socket sampler.Socket
}

// Appeared records a new connection whose 4-tuple may still be exported for another.
func (e *Table) Appeared(i uint32, s *sampler.Socket) {
	if len(e.byTuple) == 0 {
		return
	}

	if _, exported := e.byTuple[TupleOf(s, e.zone)]; exported && len(e.successors) < len(e.places) {
		e.successors = append(e.successors, successor{i, *s})
	}
}

// succeed lets a connection take over the place of an ended one with the same
// 4-tuple.
func (e *Table) succeed(at int64) {
	waiting := e.successors[:0]

	for i := range e.successors {
		s := &e.successors[i]
		if !e.conns.Current(s.index, &s.socket) || e.conns.Place(s.index) != NoPlace {
			continue
		}

		place, exported := e.byTuple[TupleOf(&s.socket, e.zone)]
		if !exported {
			continue
		}

		if p := &e.places[place]; !p.ended && !e.conns.Missed(p.index) {
			waiting = append(waiting, *s)

			continue
		}

		e.Withdraw(place)
		e.assign(e.takeFree(), s.index, &s.socket, at)
	}

	e.successors = waiting
}
