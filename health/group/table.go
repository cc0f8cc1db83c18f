package group

import (
	"cmp"
	"slices"
	"time"
)

// Config bounds the groups.
type Config struct {
	// Max is the maximum number of exported groups beside [Other].
	Max int
	// Hold is the minimum time that a group without connections keeps its place.
	Hold time.Duration
}

// Table holds the groups of the tracked connections. As many as the budget allows
// have a place of their own, all others share the first place. A new group gets a place
// while there are any; of groups that appear together, the largest do. An exported group
// stays exported, unless another one needs the place of one that has had no
// connection for the hold time. Its totals are dropped with it, so that no series of
// another group jumps; the totals of the host keep them.
type Table struct {
	cfg      Config
	grouping *Grouping
	labels   []string // names

	byKey   map[string]int32
	entries []entry
	free    []int32
	key     []byte // reused
	// placeOf has the place of each entry, apart from them so that a tick reads
	// four bytes of each.
	placeOf []int32
	places  []Place
	// folded counts the entries without a place of their own.
	folded int
	// past is the sum of those that gave up their places.
	past Totals

	// fresh are the entries made since the last call of Begin.
	fresh []int32
	// now is the time of the last call of Settle, in ms on the tracker's clock.
	now int64
}

// entry is a group with connections, exported or not.
type entry struct {
	key     string
	members int // in the table
}

// ID identifies a group in a [Table].
type ID int32

// None is the ID of no group.
const None ID = -1

const (
	// otherPlace is that of [Other].
	otherPlace = 0
	noPlace    = -1
)

// NewTable returns an empty table.
func NewTable(cfg Config, g *Grouping) Table {
	t := Table{cfg: cfg}
	t.Reset(g)

	return t
}

// Reset drops all groups for another grouping; only the totals continue.
func (t *Table) Reset(g *Grouping) {
	for i := range t.places {
		t.past.Add(&t.places[i].Totals)
	}

	t.grouping, t.labels = g, g.Labels()
	t.byKey = make(map[string]int32)
	t.entries, t.free, t.placeOf = nil, nil, nil
	t.folded = 0
	t.places = []Place{newPlace(noPlace, g.otherLabels())}
}

// Of returns where the connections of a group are counted, which is [Other] for those
// beyond the budget.
func (t *Table) Of(id ID) *Place { return &t.places[t.placeOf[id]] }

// PlaceOf returns the position of a group in [Table.Snapshot].
func (t *Table) PlaceOf(id ID) int { return int(t.placeOf[id]) }

// Grouping returns the grouping in use.
func (t *Table) Grouping() *Grouping { return t.grouping }

// Labels returns the names of the labels.
func (t *Table) Labels() []string { return t.labels }

// Folded returns the number of groups without a place of their own.
func (t *Table) Folded() int { return t.folded }

// Begin starts a sample. Places that have become free go to groups without one, which
// are returned: until now, their connections were counted in [Other].
func (t *Table) Begin() (moved []ID) {
	// The end of a sample made these, for connections that ended without a group. Settle
	// must not give them a place, because it does not report which groups moved.
	t.fresh = t.fresh[:0]

	if t.folded == 0 || t.findPlace() == noPlace {
		return nil
	}

	var folded []int32

	for e := range t.entries {
		if t.entries[e].members > 0 && t.placeOf[e] == otherPlace {
			folded = append(folded, int32(e))
		}
	}

	t.handOut(folded)

	for _, e := range folded {
		if t.placeOf[e] != otherPlace {
			moved = append(moved, ID(e))
		}
	}

	return moved
}

// Other returns where the connections of all groups beyond the budget are counted.
func (t *Table) Other() *Place { return &t.places[otherPlace] }

// Enter adds a connection to its group and returns the group.
func (t *Table) Enter(about *Traits) ID {
	t.key = t.grouping.appendKey(t.key[:0], about)

	e, known := t.byKey[string(t.key)]
	if !known {
		e = t.newEntry(string(t.key))
		t.fresh = append(t.fresh, e)
	}

	t.entries[e].members++

	return ID(e)
}

// newEntry returns an entry without a place.
func (t *Table) newEntry(key string) (e int32) {
	if n := len(t.free); n > 0 {
		e, t.free = t.free[n-1], t.free[:n-1]
	} else {
		e = int32(len(t.entries))
		t.entries = append(t.entries, entry{})
		t.placeOf = append(t.placeOf, otherPlace)
	}

	t.entries[e], t.placeOf[e] = entry{key: key}, otherPlace
	t.byKey[key] = e
	t.folded++

	return e
}

// Leave removes a connection from its group, if it has one.
func (t *Table) Leave(id ID) {
	if id == None {
		return
	}

	e := int32(id)
	t.entries[e].members--

	if t.entries[e].members == 0 && t.placeOf[e] == otherPlace {
		t.folded--
		t.forget(e)
	}
}

func (t *Table) forget(e int32) {
	delete(t.byKey, t.entries[e].key)
	t.entries[e] = entry{}
	t.free = append(t.free, e)
}

// Settle assigns places to new groups at the end of a sample.
func (t *Table) Settle(at int64) {
	t.now = at
	t.handOut(t.fresh)
	t.fresh = t.fresh[:0]
}

// NoteEmpty records since when groups have had no connection.
func (t *Table) NoteEmpty() {
	for i := range t.places {
		p := &t.places[i]

		switch {
		case i == otherPlace || t.entries[p.entry].members > 0:
			p.emptySince = 0
		case p.emptySince == 0:
			p.emptySince = t.now
		}
	}
}

// handOut gives places to groups without one, the largest first.
func (t *Table) handOut(wanting []int32) {
	slices.SortStableFunc(wanting, func(a, b int32) int {
		return cmp.Compare(t.entries[b].members, t.entries[a].members)
	})

	for _, e := range wanting {
		i := t.findPlace()
		if i == noPlace {
			return
		}

		if t.entries[e].members == 0 || t.placeOf[e] != otherPlace {
			continue // it has vanished
		}

		t.give(i, e)
	}
}

// findPlace returns a place for another group: a new one, or that of the group that
// has been empty for longest; noPlace if there is none.
func (t *Table) findPlace() int {
	if len(t.places) <= t.cfg.Max {
		return len(t.places)
	}

	victim := noPlace

	for i := range t.places {
		p := &t.places[i]
		if p.emptySince == 0 || t.now-p.emptySince < t.cfg.Hold.Milliseconds() || t.entries[p.entry].members > 0 {
			continue
		}

		if victim == noPlace || p.emptySince < t.places[victim].emptySince {
			victim = i
		}
	}

	return victim
}

// give gives the place that was found to an entry.
func (t *Table) give(i int, e int32) {
	if i == len(t.places) {
		t.places = append(t.places, Place{})
	} else {
		t.past.Add(&t.places[i].Totals)
		t.forget(t.places[i].entry)
	}

	t.places[i] = newPlace(e, labelsOf(t.entries[e].key))
	t.placeOf[e] = int32(i)
	t.folded--
}
