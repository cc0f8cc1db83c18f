package bytecode

import (
	"slices"
	"strings"
)

// hosts is a set of addresses: prefixes in order, those of IPv4 before those of
// IPv6, of which none covers another and no two are halves of one. Nil stands for
// all addresses; there is no set of none.
type hosts []prefix

// newHosts makes a set of at least one prefix.
func newHosts(prefixes ...prefix) hosts {
	sorted := slices.Clone(prefixes)
	slices.SortFunc(sorted, prefix.compare)

	set := hosts{}

	for _, p := range sorted {
		if last := len(set) - 1; last >= 0 && set[last].covers(p) {
			continue
		}

		for last := len(set) - 1; last >= 0 && set[last].isSibling(p); last-- {
			p = set[last].join(p)
			set = set[:last]
		}

		set = append(set, p)
	}

	return set
}

// has reports whether the address of a socket of this family is in the set.
func (h hosts) has(family uint8, addr *[16]byte) bool {
	if h == nil {
		return true
	}

	n, first6 := numberOf(addr), h.firstIPv6()

	return n.isMapped() && h[:first6].cover(n) || family == familyIPv6 && h[first6:].cover(n)
}

// firstIPv6 returns where the prefixes of IPv6 begin.
func (h hosts) firstIPv6() int {
	low, high := 0, len(h)

	for low < high {
		mid := int(uint(low+high) / 2)
		if h[mid].v6 {
			high = mid
		} else {
			low = mid + 1
		}
	}

	return low
}

// cover reports whether the address is in one of the prefixes, all of one family.
func (h hosts) cover(n number) bool {
	low, high := 0, len(h)

	for low < high {
		mid := int(uint(low+high) / 2)
		if h[mid].start.compare(n) <= 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}

	return low > 0 && h[low-1].start.common(n) >= int(h[low-1].bits)
}

// intersect returns what is in both sets; ok is false if no set of prefixes can
// say it, because an IPv4-mapped address may be in prefixes of both families. An
// empty intersection is an empty set, not nil.
func (h hosts) intersect(g hosts) (set hosts, ok bool) {
	switch {
	case h == nil:
		return g, true
	case g == nil:
		return h, true
	case slices.Equal(h, g):
		return h, true
	case h[0].v6 != h[len(h)-1].v6, g[0].v6 != g[len(g)-1].v6, h[0].v6 != g[0].v6:
		return nil, false
	}

	set = hosts{}

	for i, j := 0, 0; i < len(h) && j < len(g); {
		switch a, b := h[i], g[j]; {
		case a.covers(b):
			set = append(set, b)
			j++
		case b.covers(a):
			set = append(set, a)
			i++
		case a.compare(b) < 0:
			i++
		default:
			j++
		}
	}

	return set, true
}

// String returns the list as in "10.0.0.0/8,::1", or "*".
func (h hosts) String() string {
	if h == nil {
		return "*"
	}

	items := make([]string, len(h))
	for i, p := range h {
		items[i] = p.String()
	}

	return strings.Join(items, ",")
}
