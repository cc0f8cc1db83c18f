package bytecode

// relax returns what the kernel can test of a simplified part: terms that it lacks
// are taken for true. They stand below no "not", so that sockets are only added.
// One of these terms is returned, too, nil if there is none.
func (f Features) relax(n node) (relaxed, lacking node) {
	switch n := n.(type) {
	case all:
		parts, lacking := f.relaxList(n)

		return conjunction(parts), lacking
	case some:
		parts, lacking := f.relaxList(n)

		return disjunction(parts), lacking
	case not:
		if f.can(n.part) {
			return n, nil
		}

		return all{}, n.part
	}

	if f.can(n) {
		return n, nil
	}

	return all{}, n
}

func (f Features) relaxList(parts []node) (relaxed []node, lacking node) {
	for _, p := range parts {
		easy, lacks := f.relax(p)
		if relaxed = append(relaxed, easy); lacks != nil {
			lacking = lacks
		}
	}

	return relaxed, lacking
}
