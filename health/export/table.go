package export

import (
	"time"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// Config bounds the exported connections.
type Config struct {
	// Max is the budget.
	Max int
	// MinAge is the minimum age of an exported HEALTHY connection; those found at
	// start count as old.
	MinAge time.Duration
	// Hold is the minimum time that an exported connection keeps its place, unless it
	// ends.
	Hold time.Duration
}

// NoPlace is the place of a connection that is not exported.
const NoPlace int32 = -1

// Connections is what a [Table] needs of the tracked connections, which it knows by
// their indexes.
type Connections interface {
	// Status returns the current status of a connection.
	Status(i uint32) judge.Status
	// Place returns the place of a connection, [NoPlace] if it has none.
	Place(i uint32) int32
	// Current reports whether the socket is that of a connection that has not ended.
	Current(i uint32, s *sampler.Socket) bool
	// Missed reports whether the last sample did not contain a connection.
	Missed(i uint32) bool
	// Exported sets the place of a connection, and Withdrawn ends it.
	Exported(i uint32, place int32, s *sampler.Socket, t *Tuple)
	Withdrawn(i uint32, place int32)
}

// Table assigns the places of the export. An exported connection stays exported until
// it ends and its retention is over, unless an unhealthy one needs the place of a
// healthier one that has been exported for the hold time.
type Table struct {
	cfg    Config
	conns  Connections
	zone   func(space sampler.Space, ifindex uint32) string
	pace   Pace
	places []place
	free   []int32
	// vacant is the number of free places at the start of the sample.
	vacant int
	// byTuple maps a 4-tuple to its place, so that none is exported twice.
	byTuple map[Tuple]int32
	// candidates are the worst connections of this sample that are not exported.
	candidates candidates
	// successors are new connections with an exported 4-tuple whose previous owner is
	// not known to have ended yet.
	successors []successor
	// twins counts the candidates of this sample whose 4-tuple is exported for another
	// living connection.
	twins int
	// noRoom is the worst status in this sample for which no place could be freed.
	noRoom judge.Status
}

// place is a place in the export.
type place struct {
	taken bool
	ended bool
	index uint32 // of the connection
	since int64  // ms on the tracker's clock
	tuple Tuple
}

// NewTable returns an empty table. zone names an interface, see [Zones.Name].
func NewTable(cfg Config, conns Connections, zone func(space sampler.Space, ifindex uint32) string) *Table {
	return &Table{
		cfg:        cfg,
		conns:      conns,
		zone:       zone,
		pace:       NewPace(cfg.Max),
		byTuple:    make(map[Tuple]int32),
		candidates: candidates{Worst: NewWorst(cfg.Max)},
	}
}

// Begin starts a sample.
func (e *Table) Begin() {
	e.candidates.Clear()
	e.vacant = e.room()
	e.twins = 0
	e.noRoom = judge.Healthy
}

// Twins returns the number of connections in this sample that are not exported
// because another living one has the same addresses and ports.
func (e *Table) Twins() int { return e.twins }

// Places returns the number of places, taken or not.
func (e *Table) Places() int { return len(e.places) }

// Taken returns the connection at a place, and reports whether there is one.
func (e *Table) Taken(place int32) (index uint32, taken bool) {
	p := &e.places[place]

	return p.index, p.taken
}

// Tuple returns the 4-tuple at a place that is taken.
func (e *Table) Tuple(place int32) Tuple { return e.places[place].tuple }

// Len returns the number of exported connections.
func (e *Table) Len() int { return len(e.places) - len(e.free) }

// room returns the number of free places.
func (e *Table) room() int { return len(e.free) + e.cfg.Max - len(e.places) }

// Wanting reports whether there is room for another HEALTHY connection. A place that
// becomes free during a sample is given away in the next one: connections at rest may
// have been read before.
func (e *Table) Wanting() bool { return len(e.candidates.entries) < e.vacant }

// Consider takes a connection without a place as a candidate. age is in ms.
func (e *Table) Consider(c Candidate, age int64, s *sampler.Socket) {
	if c.Status == judge.Healthy && (age < e.cfg.MinAge.Milliseconds() || !e.Wanting()) {
		return
	}

	e.candidates.offer(c, s)
}

// DropCandidates drops the candidates, because they are read again.
func (e *Table) DropCandidates() { e.candidates.Clear() }

// Ended reports whether the connection at a place has ended.
func (e *Table) Ended(place int32) bool { return e.places[place].ended }

// SetEnded records whether the connection at a place has ended.
func (e *Table) SetEnded(place int32, ended bool) { e.places[place].ended = ended }

// Settle assigns places at the end of a sample, the worst connections first. at is in
// ms on the tracker's clock. first: connections are not new, they existed before.
func (e *Table) Settle(at int64, first bool) {
	e.succeed(at)

	e.candidates.Sort()
	e.pace.Advance(at)

	for n := range e.candidates.entries {
		cand := &e.candidates.entries[n]
		if e.conns.Place(cand.Index) != NoPlace {
			continue // it took over a place as a successor
		}

		s := &e.candidates.sockets[cand.slot]

		fresh := !first && !e.knows(s)
		if fresh && !e.pace.Allows() {
			continue
		}

		place, ok := e.findPlace(cand, at)
		if !ok {
			continue
		}

		e.assign(place, cand.Index, s, at)

		if fresh {
			e.pace.Spend()
		}
	}
}

// knows reports whether the 4-tuple of a socket is exported.
func (e *Table) knows(s *sampler.Socket) bool {
	_, exported := e.byTuple[TupleOf(s, e.zone)]

	return exported
}

// findPlace returns a free place for the candidate, or frees one. Of two living connections
// with the same 4-tuple, the one with the worse status is exported.
func (e *Table) findPlace(cand *Candidate, at int64) (int32, bool) {
	if place, exported := e.byTuple[TupleOf(&e.candidates.sockets[cand.slot], e.zone)]; exported {
		if twin := &e.places[place]; !twin.ended {
			e.twins++

			if cand.Status <= e.conns.Status(twin.index) {
				return 0, false
			}
		}

		e.Withdraw(place)
	}

	if e.room() == 0 {
		// Candidates come worst first: where one found no room, none as mild will.
		if cand.Status <= e.noRoom {
			return 0, false
		}

		if !e.makeRoom(cand, at) {
			e.noRoom = cand.Status

			return 0, false
		}
	}

	return e.takeFree(), true
}

// takeFree returns a free place; there must be room.
func (e *Table) takeFree() int32 {
	if len(e.free) == 0 {
		e.places = append(e.places, place{})

		return int32(len(e.places) - 1)
	}

	place := e.free[len(e.free)-1]
	e.free = e.free[:len(e.free)-1]

	return place
}

// makeRoom withdraws an ended connection, or the mildest one below the candidate that
// has been exported for the hold time.
func (e *Table) makeRoom(cand *Candidate, at int64) bool {
	victim, mildest := NoPlace, cand.Status

	for i := range e.places {
		p := &e.places[i]
		if p.ended {
			victim = int32(i)

			break
		}

		held := at-p.since >= e.cfg.Hold.Milliseconds()
		if status := e.conns.Status(p.index); held && status < mildest {
			victim, mildest = int32(i), status
		}
	}

	if victim == NoPlace {
		return false
	}

	e.Withdraw(victim)

	return true
}

// assign gives a free place to a connection.
func (e *Table) assign(to int32, i uint32, s *sampler.Socket, at int64) {
	t := TupleOf(s, e.zone)
	e.places[to] = place{taken: true, index: i, since: at, tuple: t}
	e.byTuple[t] = to
	e.conns.Exported(i, to, s, &t)
}

// Move replaces the indexes of all connections, and forgets those that have none any more.
func (e *Table) Move(index func(uint32) (uint32, bool)) {
	for i := range e.places {
		if p := &e.places[i]; p.taken {
			p.index, _ = index(p.index)
		}
	}

	known := e.successors[:0]

	for _, s := range e.successors {
		if i, ok := index(s.index); ok {
			known = append(known, successor{i, s.socket})
		}
	}

	e.successors = known
}

// Withdraw frees a place.
func (e *Table) Withdraw(from int32) {
	p := &e.places[from]
	e.conns.Withdrawn(p.index, from)

	delete(e.byTuple, p.tuple)
	*p = place{}
	e.free = append(e.free, from)
}
