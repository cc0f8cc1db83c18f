package health

import (
	"time"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// ExportConfig bounds the connections that are shown one by one.
type ExportConfig struct {
	// Max is how many are shown.
	Max int
	// MinAge is how old a HEALTHY connection must be to be shown; those found
	// at start count as old.
	MinAge time.Duration
	// Hold is how long a shown connection keeps its place at least, unless it ends.
	Hold time.Duration
}

// exports holds the connections that are shown. Who is shown stays shown until
// it ends and its retention is over, unless an ill one needs the place of a
// milder one that has been shown for the hold time.
type exports struct {
	cfg    ExportConfig
	zones  *zones
	pace   pace
	places []exported
	free   []int32
	// byTuple finds the place that shows a 4-tuple, so that none is shown twice.
	byTuple map[tuple]int32
	// candidates are the worst connections of this tick that are not shown.
	candidates candidates
	// successors are new connections with a shown 4-tuple whose former owner
	// is not known to have ended yet.
	successors []successor
	// twins counts the candidates of this tick whose 4-tuple is shown for
	// another living connection.
	twins int
	// noRoom is the worst status for which no place could be freed in this tick.
	noRoom Status
}

// tuple identifies a connection as its labels do.
type tuple struct {
	local, remote sampler.Endpoint
	zone          string
}

func (e *exports) tupleOf(row *sampler.Socket) tuple {
	t := tuple{local: row.Local, remote: row.Remote}
	if row.LinkLocal() {
		t.zone = e.zones.name(row.Ifindex)
	}

	return t
}

// exported is a place in the export.
type exported struct {
	taken bool
	ended bool
	index uint32 // of the connection in the slab
	since int64  // ms on the tracker's clock
	tuple tuple
	shown Connection
}

type successor struct {
	index uint32
	row   sampler.Socket
}

func newExports(cfg ExportConfig, z *zones) *exports {
	return &exports{
		cfg:        cfg,
		zones:      z,
		pace:       newPace(cfg.Max),
		byTuple:    make(map[tuple]int32),
		candidates: candidates{worst: worst{limit: cfg.Max}},
	}
}

// begin starts a tick.
func (e *exports) begin() {
	e.candidates.clear()
	e.twins = 0
	e.noRoom = Healthy
	e.zones.begin()
}

// room returns how many places are free.
func (e *exports) room() int { return len(e.free) + e.cfg.Max - len(e.places) }

// consider takes in a connection that is not shown.
func (e *exports) consider(i uint32, c *connection, m *judge.Moment) {
	if c.judged.Verdict().Status == Healthy {
		young := !c.foundAtStart && m.At-c.firstSeen < e.cfg.MinAge.Milliseconds()
		if young || !e.wanting() {
			return
		}
	}

	e.candidates.offer(newCandidate(i, c), m.Socket)
}

// appeared notes a new connection whose 4-tuple may still be shown for another.
func (e *exports) appeared(i uint32, row *sampler.Socket) {
	if len(e.byTuple) == 0 {
		return
	}

	if _, shown := e.byTuple[e.tupleOf(row)]; shown && len(e.successors) < len(e.places) {
		e.successors = append(e.successors, successor{i, *row})
	}
}

// settleExports hands out places at the end of a tick, the worst first.
func (t *Tracker) settleExports(at int64) {
	e := t.exports
	t.succeed(at)

	e.candidates.sort()
	e.pace.advance(at)

	for n := range e.candidates.entries {
		cand := &e.candidates.entries[n]
		if t.slab.conn(cand.index).shown != notShown {
			continue // took over a place as a successor
		}

		row := &e.candidates.rows[cand.slot]

		fresh := !t.first && !e.knows(row) // those found at start are no news
		if fresh && !e.pace.allows() {
			continue
		}

		place, ok := t.findPlace(cand, at)
		if !ok {
			continue
		}

		t.show(place, cand.index, row, at)

		if fresh {
			e.pace.spend()
		}
	}
}

// knows tells whether the 4-tuple of a row is shown.
func (e *exports) knows(row *sampler.Socket) bool {
	_, shown := e.byTuple[e.tupleOf(row)]

	return shown
}

// succeed lets a connection take over the place of an ended one with the same
// 4-tuple.
func (t *Tracker) succeed(at int64) {
	e := t.exports
	waiting := e.successors[:0]

	for i := range e.successors {
		s := &e.successors[i]

		c := t.slab.conn(s.index)
		if !c.is(&s.row) || c.endedAt != 0 || c.shown != notShown {
			continue
		}

		place, shown := e.byTuple[e.tupleOf(&s.row)]
		if !shown {
			continue
		}

		if p := &e.places[place]; !p.ended && t.slab.conn(p.index).missed == 0 {
			waiting = append(waiting, *s)

			continue
		}

		t.hide(place)
		t.show(e.takeFree(), s.index, &s.row, at)
	}

	e.successors = waiting
}

// findPlace returns a free place for the candidate, or frees one.
func (t *Tracker) findPlace(cand *candidate, at int64) (int32, bool) {
	e := t.exports

	if place, shown := e.byTuple[e.tupleOf(&e.candidates.rows[cand.slot])]; shown {
		if !e.places[place].ended {
			e.twins++

			return 0, false
		}

		t.hide(place)
	}

	if e.room() == 0 {
		// Candidates come worst first: where one found no room, none as mild will.
		if cand.status <= e.noRoom {
			return 0, false
		}

		if !t.makeRoom(cand, at) {
			e.noRoom = cand.status

			return 0, false
		}
	}

	return e.takeFree(), true
}

// takeFree returns a free place; there must be room.
func (e *exports) takeFree() int32 {
	if len(e.free) == 0 {
		e.places = append(e.places, exported{})

		return int32(len(e.places) - 1)
	}

	place := e.free[len(e.free)-1]
	e.free = e.free[:len(e.free)-1]

	return place
}

// makeRoom hides an ended connection, or the mildest one below the candidate
// that has been shown long enough.
func (t *Tracker) makeRoom(cand *candidate, at int64) bool {
	e := t.exports
	victim, mildest := int32(notShown), cand.status

	for i := range e.places {
		p := &e.places[i]
		if p.ended {
			victim = int32(i)

			break
		}

		held := at-p.since >= e.cfg.Hold.Milliseconds()
		if status := t.slab.conn(p.index).judged.Verdict().Status; held && status < mildest {
			victim, mildest = int32(i), status
		}
	}

	if victim == notShown {
		return false
	}

	t.hide(victim)

	return true
}

// show gives a free place to a connection.
func (t *Tracker) show(place int32, i uint32, row *sampler.Socket, at int64) {
	c := t.slab.conn(i)
	t.wake(i, c)
	c.shown = place
	key, r := t.exports.tupleOf(row), t.slab.ring(i)
	t.exports.places[place] = exported{
		taken: true,
		index: i,
		since: at,
		tuple: key,
		shown: Connection{
			Identity:  key.identity(),
			Cookie:    c.cookie,
			Network:   t.networks.Name(row.Remote.AddrPort().Addr()),
			Row:       *row,
			Trend:     judge.NewTrend(&r, &c.judged, row),
			Windows:   c.judged.Windows(),
			FirstSeen: t.clock.wall(c.firstSeen),
		},
	}
	t.exports.byTuple[key] = place
}

// hide frees a place.
func (t *Tracker) hide(place int32) {
	e := t.exports
	p := &e.places[place]

	if c := t.slab.conn(p.index); c.shown == place {
		c.shown = notShown
	}

	delete(e.byTuple, p.tuple)
	*p = exported{}
	e.free = append(e.free, place)
}

// rename sets the names of the networks of the exported connections.
func (e *exports) rename(n *group.Networks) {
	for i := range e.places {
		if p := &e.places[i]; p.taken {
			p.shown.Network = n.Name(p.tuple.remote.AddrPort().Addr())
		}
	}
}
