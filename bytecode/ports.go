package bytecode

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

const maxPort = math.MaxUint16

// portRange holds the ports from lo to hi, both included.
type portRange struct{ lo, hi uint16 }

// ports is a set of ports: ranges that are sorted, disjoint and not adjacent, so
// that equal sets are equal slices.
type ports []portRange

// newPorts makes a set of ranges in any order.
func newPorts(ranges ...portRange) ports {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b portRange) int { return cmp.Compare(a.lo, b.lo) })

	set := ports{}

	for _, r := range sorted {
		if last := len(set) - 1; last >= 0 && int(r.lo) <= int(set[last].hi)+1 {
			set[last].hi = max(set[last].hi, r.hi)
		} else {
			set = append(set, r)
		}
	}

	return set
}

// anyPort returns the set of all ports.
func anyPort() ports {
	return ports{{0, maxPort}}
}

// isAll reports whether every port is in the set.
func (p ports) isAll() bool {
	return len(p) == 1 && p[0] == portRange{0, maxPort}
}

// has reports whether the port is in the set.
func (p ports) has(port uint16) bool {
	low, high := 0, len(p)

	for low < high {
		mid := int(uint(low+high) / 2)
		if p[mid].hi < port {
			low = mid + 1
		} else {
			high = mid
		}
	}

	return low < len(p) && p[low].lo <= port
}

// union returns what is in either set.
func (p ports) union(q ports) ports {
	return newPorts(slices.Concat(p, q)...)
}

// intersect returns what is in both sets.
func (p ports) intersect(q ports) ports {
	return p.complement().union(q.complement()).complement()
}

// complement returns what is not in the set.
func (p ports) complement() ports {
	set, next := ports{}, 0

	for _, r := range p {
		if int(r.lo) > next {
			set = append(set, portRange{uint16(next), r.lo - 1})
		}

		next = int(r.hi) + 1
	}

	if next <= maxPort {
		set = append(set, portRange{uint16(next), maxPort})
	}

	return set
}

// String returns the list as in "80,443,8000-8100", or "*".
func (p ports) String() string {
	if p.isAll() {
		return "*"
	}

	items := make([]string, len(p))
	for i, r := range p {
		items[i] = strconv.Itoa(int(r.lo))
		if r.lo != r.hi {
			items[i] += "-" + strconv.Itoa(int(r.hi))
		}
	}

	return strings.Join(items, ",")
}

// comparison returns the set with the shortest operator: "= 80",
// "!= 22", ">= 1024".
func (p ports) comparison() string {
	inverse := p.complement()

	switch {
	case p.isAll():
		return "= *"
	case len(inverse) < len(p) || len(p) == 0:
		return "!= " + inverse.String()
	case len(p) > 1 || p[0].lo == p[0].hi:
		return "= " + p.String()
	case p[0].lo == 0:
		return "<= " + strconv.Itoa(int(p[0].hi))
	case p[0].hi == maxPort:
		return ">= " + strconv.Itoa(int(p[0].lo))
	}

	return "= " + p.String()
}
