package bytecode

// simplify returns a part, or its opposite, in negation normal form: "not" stands
// before terms only. What is always or never true is all{} or some{}, and occurs
// nowhere else.
func simplify(n node, opposite bool) node {
	switch n := n.(type) {
	case not:
		return simplify(n.part, !opposite)
	case all:
		return simplifyList(n, opposite, opposite)
	case some:
		return simplifyList(n, !opposite, opposite)
	}

	if opposite {
		n = negation(n)
	}

	return conjoin([]node{n})
}

// simplifyList joins simplified parts, by "or" if either is true.
func simplifyList(parts []node, either, opposite bool) node {
	simple := make([]node, len(parts))
	for i, p := range parts {
		simple[i] = simplify(p, opposite)
	}

	if !either {
		return conjoin(simple)
	}

	// A or B is not (not A and not B).
	for i, p := range simple {
		simple[i] = invert(p)
	}

	return invert(conjoin(simple))
}

// invert returns the opposite of a simplified part in negation normal form.
func invert(n node) node {
	switch n := n.(type) {
	case all:
		return some(inverted(n))
	case some:
		return all(inverted(n))
	}

	return negation(n)
}

func inverted(parts []node) []node {
	opposites := make([]node, len(parts))
	for i, p := range parts {
		opposites[i] = invert(p)
	}

	return opposites
}

// conjoin joins simplified parts by "and".
func conjoin(parts []node) node {
	var m merger

	flat, ok := conjunction(parts).(all)
	if !ok {
		flat = parts // a single part
	}

	for _, p := range flat {
		if !m.add(p) {
			return some{}
		}
	}

	merged, ok := m.parts()
	if !ok {
		return some{}
	}

	return conjunction(withoutRepeats(merged))
}

// withoutRepeats drops terms that are there twice. It returns some{} alone if one is
// there with its opposite. Only terms are compared: to compare all parts with all
// below them, at every level, takes too long.
func withoutRepeats(parts []node) []node {
	seen := make(map[string]bool, len(parts))
	kept := parts[:0]

	for _, p := range parts {
		if _, composed := p.(some); composed {
			kept = append(kept, p)

			continue
		}

		switch text := p.text(tight); {
		case seen[negation(p).text(tight)]:
			return []node{some{}}
		case !seen[text]:
			kept = append(kept, p)
			seen[text] = true
		}
	}

	return kept
}

// isNever reports whether nothing passes the part.
func isNever(n node) bool {
	switch n := n.(type) {
	case some:
		return len(n) == 0
	case endpoint:
		return len(n.ports) == 0 || n.hosts != nil && len(n.hosts) == 0
	case not:
		m, ok := n.part.(mark)

		return ok && m.mask == 0
	}

	return false
}

// isAlways reports whether everything passes the part.
func isAlways(n node) bool {
	switch n := n.(type) {
	case all:
		return len(n) == 0
	case endpoint:
		return n.hosts == nil && n.ports.isAll()
	case mark:
		return n.mask == 0
	}

	return isNegated(n) && isNever(n.(not).part)
}

func isNegated(n node) bool {
	_, ok := n.(not)

	return ok
}
