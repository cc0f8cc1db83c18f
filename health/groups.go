package health

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// GroupConfig bounds the groups that are shown.
type GroupConfig struct {
	// Max is how many are shown beside the one for the rest.
	Max int
	// Hold is how long a group without connections keeps its place at least.
	Hold time.Duration
	// CgroupName returns the path of a cgroup. Where it is nil or returns nothing,
	// the number stands.
	CgroupName func(id uint64) string
}

// groups holds the groups of the connections in the table. As many as are allowed
// have a place of their own, all others share the first place. Who comes first
// gets a place, of those that come together the largest. A group that is shown
// stays shown, unless another one needs the place of one that has had no
// connection for the hold time. Then its totals go with it, so that no series of
// another group jumps; those of the host keep them.
type groups struct {
	cfg      GroupConfig
	grouping *Grouping
	labels   []string // their names
	cgroups  cgroups

	byKey   map[string]int32
	entries []groupEntry
	free    []int32
	key     []byte // reused
	// placeOf has the place of each entry, apart from them so that a tick reads
	// four bytes of each.
	placeOf []int32
	places  []groupPlace
	// folded counts the entries without a place of their own.
	folded int
	// past is the sum of those that gave up their places.
	past Totals

	// arrivals are the connections that wait for their group, fresh the entries
	// made for those of this tick.
	arrivals []uint32
	fresh    []int32
	// began and now are when the last sample began and ended, in ms on the
	// tracker's clock.
	began, now int64
}

// groupEntry is a group of any connections, shown or not.
type groupEntry struct {
	key     string
	members int // in the table
}

// groupPlace is a group that is shown.
type groupPlace struct {
	Group

	rtt   histogram
	entry int32 // noGroup for the rest
	// emptySince is since when it has no members, in ms on the tracker's clock,
	// zero while it has some.
	emptySince int64
}

const (
	noGroup = -1
	// otherPlace is that of the group for the rest.
	otherPlace = 0
)

func newGroups(cfg GroupConfig, g *Grouping) groups {
	s := groups{cfg: cfg, cgroups: cgroups{lookUp: cfg.CgroupName}}
	s.reset(g)

	return s
}

// reset begins anew with another grouping; only the sums go on.
func (s *groups) reset(g *Grouping) {
	for i := range s.places {
		s.past.add(&s.places[i].Totals)
	}

	s.grouping, s.labels = g, g.Labels()
	s.byKey = make(map[string]int32)
	s.entries, s.free, s.placeOf = nil, nil, nil
	s.folded = 0
	s.places = []groupPlace{newGroupPlace(noGroup, g.otherLabels())}
}

func newGroupPlace(entry int32, labels []string) groupPlace {
	return groupPlace{entry: entry, Group: Group{Labels: labels, Name: strings.Join(labels, "/")}, rtt: newHistogram(rttBoundTable)}
}

// of returns where a connection is counted. It must have a group.
func (s *groups) of(c *connection) *groupPlace { return &s.places[s.placeOf[c.group]] }

// begin starts a tick. Places that have become free go to groups without one.
func (s *groups) begin() {
	if s.folded > 0 && s.findPlace() != noGroup {
		var folded []int32

		for e := range s.entries {
			if s.entries[e].members > 0 && s.placeOf[e] == otherPlace {
				folded = append(folded, int32(e))
			}
		}

		s.handOut(folded)
	}

	for i := range s.places {
		s.places[i].GroupCounts = GroupCounts{}
	}

	s.cgroups.begin()
}

// enter makes a connection a member of its group.
func (s *groups) enter(c *connection, t *traits) {
	s.key = s.grouping.appendKey(s.key[:0], t)

	e, known := s.byKey[string(s.key)]
	if !known {
		e = s.newEntry(string(s.key))
		s.fresh = append(s.fresh, e)
	}

	s.entries[e].members++
	c.group = e
}

// newEntry returns an entry without a place.
func (s *groups) newEntry(key string) (e int32) {
	if n := len(s.free); n > 0 {
		e, s.free = s.free[n-1], s.free[:n-1]
	} else {
		e = int32(len(s.entries))
		s.entries = append(s.entries, groupEntry{})
		s.placeOf = append(s.placeOf, otherPlace)
	}

	s.entries[e], s.placeOf[e] = groupEntry{key: key}, otherPlace
	s.byKey[key] = e
	s.folded++

	return e
}

// leave ends the membership of a connection that leaves the table.
func (s *groups) leave(c *connection) {
	if c.group == noGroup {
		return
	}

	e := c.group
	c.group = noGroup
	s.entries[e].members--

	if s.entries[e].members == 0 && s.placeOf[e] == otherPlace {
		s.folded--
		s.forget(e)
	}
}

func (s *groups) forget(e int32) {
	delete(s.byKey, s.entries[e].key)
	s.entries[e] = groupEntry{}
	s.free = append(s.free, e)
}

// settle hands out places to the new groups, and notes which ones are empty.
func (s *groups) settle(at int64) {
	s.now = at
	s.handOut(s.fresh)
	s.fresh = s.fresh[:0]
}

// noteEmpty notes since when groups have had no connection.
func (s *groups) noteEmpty() {
	for i := range s.places {
		p := &s.places[i]

		switch {
		case i == otherPlace || s.entries[p.entry].members > 0:
			p.emptySince = 0
		case p.emptySince == 0:
			p.emptySince = s.now
		}
	}
}

// handOut gives places to groups without one, to the largest first.
func (s *groups) handOut(wanting []int32) {
	slices.SortStableFunc(wanting, func(a, b int32) int {
		return cmp.Compare(s.entries[b].members, s.entries[a].members)
	})

	for _, e := range wanting {
		i := s.findPlace()
		if i == noGroup {
			return
		}

		if s.entries[e].members == 0 || s.placeOf[e] != otherPlace {
			continue // gone meanwhile
		}

		s.give(i, e)
	}
}

// findPlace returns a place for another group, noGroup if there is none: a new
// one, or that of the group that has been empty for longest.
func (s *groups) findPlace() int {
	if len(s.places) <= s.cfg.Max {
		return len(s.places)
	}

	victim := noGroup

	for i := range s.places {
		p := &s.places[i]
		if p.emptySince == 0 || s.now-p.emptySince < s.cfg.Hold.Milliseconds() || s.entries[p.entry].members > 0 {
			continue
		}

		if victim == noGroup || p.emptySince < s.places[victim].emptySince {
			victim = i
		}
	}

	return victim
}

// give gives the place that was found to an entry.
func (s *groups) give(i int, e int32) {
	if i == len(s.places) {
		s.places = append(s.places, groupPlace{})
	} else {
		s.past.add(&s.places[i].Totals)
		s.forget(s.places[i].entry)
	}

	s.places[i] = newGroupPlace(e, labelsOf(s.entries[e].key))
	s.placeOf[e] = int32(i)
	s.folded--
}

// totals returns the sums over all connections ever watched.
func (s *groups) totals() (sum Totals) {
	sum.add(&s.past)

	for i := range s.places {
		sum.add(&s.places[i].Totals)
	}

	return sum
}

// snapshot copies the groups, of a kernel with the known counters.
func (s *groups) snapshot(known CounterSet, edgeKnown bool) []Group {
	all := make([]Group, len(s.places))

	for i := range s.places {
		p := &s.places[i]
		all[i] = p.Group
		all[i].Known, all[i].EdgeKnown = known, edgeKnown
		all[i].RTT = p.rtt.snapshot()
	}

	return all
}

// bytes returns the memory that the groups take.
func (s *groups) bytes() int {
	const (
		perEntry = 24 + 4
		// A map entry is a string and a number; the text of a key is shared.
		perKey   = 24 + 48
		perPlace = 1024 // with a histogram of usual width
	)

	return cap(s.entries)*perEntry + len(s.byKey)*perKey + (cap(s.free)+cap(s.arrivals))*4 + cap(s.places)*perPlace
}
