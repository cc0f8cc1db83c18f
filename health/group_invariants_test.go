package health

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// requireSoundGroups fails unless the groups agree with each other and with the
// connections in the table.
func requireSoundGroups(tb testing.TB, t *Tracker) {
	tb.Helper()

	s := &t.groups
	members := make(map[int32]int)

	for cookie, i := range t.index {
		switch c := t.slab.conn(i); {
		case c.group != noGroup:
			members[c.group]++
		case !slices.Contains(s.arrivals, i):
			tb.Fatalf("connection %d has no group and waits for none", cookie)
		}
	}

	folded := 0

	for key, e := range s.byKey {
		place := s.placeOf[e]
		if s.entries[e].key != key || s.entries[e].members != members[e] || members[e] == 0 && place == otherPlace {
			tb.Fatalf("the entry of %q is %+v, has %d members, and is at place %d", key, s.entries[e], members[e], place)
		}

		if place == otherPlace {
			folded++
		} else if s.places[place].entry != e || !slices.Equal(s.places[place].Labels, labelsOf(key)) {
			tb.Fatalf("%q is at the place of entry %d, %v", key, s.places[place].entry, s.places[place].Labels)
		}

		delete(members, e)
	}

	if len(members) != 0 || len(s.byKey)+len(s.free) != len(s.entries) {
		tb.Fatalf("members of forgotten entries: %v; %d entries, %d known by key, %d free", members, len(s.entries), len(s.byKey), len(s.free))
	}

	if folded != s.folded || len(s.byKey)-folded != len(s.places)-1 || len(s.places)-1 > s.cfg.Max {
		tb.Fatalf("%d entries folded, %d counted; %d of them, %d places of %d", folded, s.folded, len(s.byKey), len(s.places)-1, s.cfg.Max)
	}

	requireDistinctLabels(tb, s)
}

func requireDistinctLabels(tb testing.TB, s *groups) {
	tb.Helper()

	seen := make(map[string]bool)

	for i := range s.places {
		p := &s.places[i]
		name := strings.Join(p.Labels, "|")

		if seen[name] || len(p.Labels) != len(s.labels) || (i == otherPlace) != (p.entry == noGroup) {
			tb.Fatalf("place %d of entry %d has the labels %q among %v", i, p.entry, p.Labels, slices.Collect(maps.Keys(seen)))
		}

		seen[name] = true
	}
}

// requireSameSums fails unless the sums over groups are those of the host.
// Connections that wait for a group are in no sum of groups yet.
func requireSameSums(tb testing.TB, t *Tracker) {
	tb.Helper()

	sum := t.groups.totals()
	if opened := t.stats.ActiveOpens + t.stats.PassiveOpens; opened != sum.Opened {
		tb.Fatalf("%d opened from here and to here, %d over groups", opened, sum.Opened)
	}

	for _, i := range t.index {
		if c := t.slab.conn(i); c.group == noGroup && c.opened && !c.joined {
			sum.Opened++
		}
	}

	if sum.Opened != t.stats.Opened || sum.Closed != t.stats.Closed {
		tb.Fatalf("%d opened and %d closed over groups, %d and %d in all", sum.Opened, sum.Closed, t.stats.Opened, t.stats.Closed)
	}

	if len(t.groups.arrivals) > 0 {
		return
	}

	var all GroupCounts

	for i := range t.groups.places {
		p := &t.groups.places[i]
		all.Idle += p.Idle

		for s := range all.Statuses {
			all.Statuses[s] += p.Statuses[s]
		}
	}

	if all.Statuses != t.tick.statuses || all.Idle != t.tick.idle {
		tb.Fatalf("%v over groups, %d idle; %v in all, %d idle", all.Statuses, all.Idle, t.tick.statuses, t.tick.idle)
	}
}
