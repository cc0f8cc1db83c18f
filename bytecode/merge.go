package bytecode

// merger joins parts by "and" and merges the terms about addresses and ports.
type merger struct {
	sides [2]sideMerger
	rest  []node
}

// sideMerger holds what one end of a connection must be, and what it must not.
type sideMerger struct {
	are    []endpoint  // with hosts; none can be merged with another
	arenot []endpoint  // with hosts; not merged yet
	barred []portRange // ports that it has not, whatever the host
}

// add takes a part; it returns false if nothing can pass any more.
func (m *merger) add(n node) bool {
	if isAlways(n) {
		return true
	}

	switch n := n.(type) {
	case endpoint:
		if n.hosts != nil {
			return m.sides[n.side].is(n)
		}

		m.sides[n.side].barred = append(m.sides[n.side].barred, n.ports.complement()...)

		return true
	case not:
		if e, ok := n.part.(endpoint); ok {
			m.sides[e.side].arenot = append(m.sides[e.side].arenot, e)

			return true
		}
	}

	m.rest = append(m.rest, n)

	return !isNever(n)
}

// is adds what the end must be.
func (s *sideMerger) is(e endpoint) bool {
	for i, have := range s.are {
		set, ok := have.hosts.intersect(e.hosts)
		if !ok {
			continue
		}

		s.are[i].hosts, s.are[i].ports = set, have.ports.intersect(e.ports)

		return !isNever(s.are[i])
	}

	s.are = append(s.are, e)

	return !isNever(e)
}

// parts returns what the parts have become; ok is false if nothing can pass.
func (m *merger) parts() (parts []node, ok bool) {
	for d := range m.sides {
		s := &m.sides[d]

		if len(s.barred) > 0 && !s.is(endpoint{side(d), nil, newPorts(s.barred...).complement()}) {
			return nil, false
		}

		for _, e := range s.are {
			parts = append(parts, e)
		}

		for _, e := range unite(s.arenot) {
			parts = append(parts, negation(e))
		}
	}

	return append(parts, m.rest...), true
}

// unite merges terms of one side of which any may be true: those of the same hosts
// into one with all their ports, and those of the same ports into one with all
// their hosts.
func unite(terms []endpoint) []endpoint {
	for before := -1; before != len(terms); {
		before = len(terms)
		terms = group(terms, func(e endpoint) string { return e.hosts.String() })
		terms = group(terms, func(e endpoint) string { return e.ports.String() })
	}

	return terms
}

// group merges the terms of equal keys, in the order of their first.
func group(terms []endpoint, key func(endpoint) string) []endpoint {
	members := make(map[string][]endpoint, len(terms))

	var order []string

	for _, e := range terms {
		k := key(e)
		if members[k] == nil {
			order = append(order, k)
		}

		members[k] = append(members[k], e)
	}

	merged := make([]endpoint, len(order))
	for i, k := range order {
		merged[i] = union(members[k])
	}

	return merged
}

// union merges terms that have all their hosts or all their ports in common, and
// have hosts.
func union(terms []endpoint) endpoint {
	if len(terms) == 1 {
		return terms[0]
	}

	var (
		prefixes []prefix
		ranges   []portRange
	)

	for _, e := range terms {
		prefixes = append(prefixes, e.hosts...)
		ranges = append(ranges, e.ports...)
	}

	return endpoint{terms[0].side, newHosts(prefixes...), newPorts(ranges...)}
}
