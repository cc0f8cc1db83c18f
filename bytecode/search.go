package bytecode

import "slices"

// linear is the size up to which a set is tested element by element. Larger ones
// are searched: the tests for a socket grow with the logarithm of the size.
const linear = 3

// ports looks for the port in the set, or in its opposite if that is smaller.
func (a *assembler) ports(d side, set ports, to exits) {
	inverse := set.complement()

	if len(inverse) < len(set) {
		a.searchPorts(d, inverse, exits{to.no, to.yes, to.next})

		return
	}

	a.searchPorts(d, set, to)
}

// searchPorts looks for the port in the set. Between two halves it knows that the
// port is not below the upper one.
func (a *assembler) searchPorts(d side, set ports, to exits) {
	switch {
	case len(set) == 0:
		a.jump(to.no, to.next)
	case len(set) == 1:
		a.portRange(d, set[0], to)
	case len(set) <= linear:
		behind := a.label()
		a.portRange(d, set[0], exits{to.yes, behind, behind})
		a.here(behind)
		a.searchPorts(d, set[1:], to)
	default:
		mid := len(set) / 2
		upper := slices.Clone(set[mid:])
		upper[0].lo = 0 // known by the test

		a.fork(portOp(d.ge(), set[mid].lo), to.next,
			func(next label) { a.searchPorts(d, upper, exits{to.yes, to.no, next}) },
			func(next label) { a.searchPorts(d, set[:mid], exits{to.yes, to.no, next}) })
	}
}

// hosts looks for the address in the set. IPv4 comes first.
func (a *assembler) hosts(d side, set hosts, to exits) {
	first6 := set.firstIPv6()

	if first6 == 0 || first6 == len(set) {
		a.searchHosts(d, set, to)

		return
	}

	behind := a.label()
	a.searchHosts(d, set[:first6], exits{to.yes, behind, behind})
	a.here(behind)
	a.searchHosts(d, set[first6:], to)
}

// searchHosts looks for the address among prefixes of one family.
func (a *assembler) searchHosts(d side, set hosts, to exits) {
	switch {
	case len(set) == 0:
		a.jump(to.no, to.next)
	case len(set) == 1:
		a.test(hostOp(d, set[0], anyCondPort), to)
	case len(set) <= linear:
		behind := a.label()
		a.test(hostOp(d, set[0], anyCondPort), exits{to.yes, behind, behind})
		a.here(behind)
		a.searchHosts(d, set[1:], to)
	default:
		middle, from, end := set.middle()
		outside := slices.Concat(set[:from], set[end:])

		a.fork(hostOp(d, middle, anyCondPort), to.next,
			func(next label) { a.searchHosts(d, set[from:end], exits{to.yes, to.no, next}) },
			func(next label) { a.searchHosts(d, outside, exits{to.yes, to.no, next}) })
	}
}

// middle returns a prefix that covers between a third and two thirds of the set,
// which is of one family, and where these begin and end.
func (h hosts) middle() (cover prefix, from, end int) {
	from, end = 0, len(h)

	for {
		cover = h[from].join(h[end-1])
		if 3*(end-from) <= 2*len(h) {
			return cover, from, end
		}

		ones, _ := slices.BinarySearchFunc(h[from:end], int(cover.bits), func(p prefix, at int) int {
			return int(p.start.bit(at)) - 1
		})

		if half := from + ones; half-from >= end-half {
			end = half
		} else {
			from = half
		}
	}
}
