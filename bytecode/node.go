package bytecode

// node is a part of a filter. The types below are all there are.
type node interface {
	// eval reports whether the socket passes.
	eval(s *Subject) bool
	// text returns the canonical form, in parentheses if it binds weaker than its
	// place demands.
	text(place binding) string
}

type (
	// all passes what every part passes; with no part, everything.
	all []node
	// some passes what at least one part passes; with no part, nothing.
	some []node
	// not passes what its part does not.
	not struct{ part node }
	// endpoint passes sockets by the address and port at one side.
	endpoint struct {
		side  side
		hosts hosts
		ports ports
	}
	// device passes sockets bound to the interface, 0 meaning none.
	device uint32
	// mark passes sockets whose mark, as far as the mask goes, is the value.
	mark struct{ value, mask uint32 }
	// cgroup passes sockets of the cgroup with this id.
	cgroup uint64
	// autobound passes sockets whose local port was chosen by the kernel.
	autobound struct{}
)

// conjunction joins parts by "and".
func conjunction(parts []node) node { return join[all](parts) }

// disjunction joins parts by "or".
func disjunction(parts []node) node { return join[some](parts) }

// join joins parts, taking those of its own kind apart; a single part needs no
// joining.
func join[T interface {
	~[]node
	node
}](parts []node) node {
	var flat T

	for _, p := range parts {
		if nested, ok := p.(T); ok {
			flat = append(flat, nested...)
		} else {
			flat = append(flat, p)
		}
	}

	if len(flat) == 1 {
		return flat[0]
	}

	return flat
}

// negation returns the opposite of a part. For ports that is a set of ports.
func negation(part node) node {
	switch n := part.(type) {
	case not:
		return n.part
	case endpoint:
		if n.hosts == nil {
			return endpoint{n.side, nil, n.ports.complement()}
		}
	}

	return not{part}
}

// children returns the parts of a part, none for a term.
func children(n node) []node {
	switch n := n.(type) {
	case all:
		return n
	case some:
		return n
	case not:
		return []node{n.part}
	}

	return nil
}
