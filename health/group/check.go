package group

import (
	"fmt"
	"slices"
	"strings"
)

// Check returns an error if the table contradicts itself, or the members of its groups.
// It is for tests.
func (t *Table) Check(members map[ID]int) error {
	folded := 0

	for key, e := range t.byKey {
		if err := t.checkEntry(key, e, members[ID(e)]); err != nil {
			return err
		}

		if t.placeOf[e] == otherPlace {
			folded++
		}

		delete(members, ID(e))
	}

	if len(members) != 0 || len(t.byKey)+len(t.free) != len(t.entries) {
		return fmt.Errorf("members of forgotten entries: %v; %d entries, %d known by key, %d free", members, len(t.entries), len(t.byKey), len(t.free))
	}

	if folded != t.folded || len(t.byKey)-folded != len(t.places)-1 || len(t.places)-1 > t.cfg.Max {
		return fmt.Errorf("%d entries folded, %d counted; %d of them, %d places of %d", folded, t.folded, len(t.byKey), len(t.places)-1, t.cfg.Max)
	}

	return t.checkLabels()
}

func (t *Table) checkEntry(key string, e int32, members int) error {
	entry, place := t.entries[e], t.placeOf[e]

	if entry.key != key || entry.members != members || members == 0 && place == otherPlace {
		return fmt.Errorf("the entry of %q is %+v, has %d members, and is at place %d", key, entry, members, place)
	}

	if p := &t.places[place]; place != otherPlace && (p.entry != e || !slices.Equal(p.Labels, labelsOf(key))) {
		return fmt.Errorf("%q is at the place of entry %d, %v", key, p.entry, p.Labels)
	}

	return nil
}

func (t *Table) checkLabels() error {
	seen := make(map[string]bool)

	for i := range t.places {
		p := &t.places[i]
		name := strings.Join(p.Labels, "|")

		if seen[name] || len(p.Labels) != len(t.labels) || (i == otherPlace) != (p.entry == noPlace) {
			return fmt.Errorf("place %d of entry %d has the labels %q twice, or too few", i, p.entry, p.Labels)
		}

		seen[name] = true
	}

	return nil
}
