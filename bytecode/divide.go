package bytecode

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxBytes is the longest program that is compiled. The kernel audits it at every
// dump, in time that grows with the square of the length.
const maxBytes = 32 << 10

// share is what becomes of one of the parts that are joined by "and".
type share struct {
	part     node
	kernel   node   // what the kernel can test of the part, which implies it
	compares int    // the most tests of that
	bytes    int    // the length of its program
	needed   bool   // user space cannot test the part
	taken    bool   // the kernel tests it
	reason   string // why user space has to test the part, empty if it has not
}

// maxNote is how much of a part a note repeats, in bytes.
const maxNote = 80

// String returns the note on the part.
func (s share) String() string {
	text := s.part.text(looseAnd)
	if len(text) > maxNote {
		text = strings.ToValidUTF8(text[:maxNote], "") + "…"
	}

	switch {
	case s.reason == "":
		return fmt.Sprintf("kernel: %s (tests: %d)", text, s.compares)
	case s.taken:
		return fmt.Sprintf("user space: %s (%s; the kernel selects beforehand, tests: %d)", text, s.reason, s.compares)
	}

	return fmt.Sprintf("user space: %s (%s)", text, s.reason)
}

// divide decides which parts of a simplified filter the kernel gets.
func (f Features) divide(root node) ([]share, error) {
	parts, ok := root.(all)
	if !ok {
		parts = all{root}
	}

	shares := make([]share, len(parts))

	for i, p := range parts {
		s, err := f.share(p)
		if err != nil {
			return nil, err
		}

		shares[i] = s
	}

	return shares, f.take(shares)
}

// share returns what the kernel can evaluate of a part, whatever the cost.
func (f Features) share(part node) (share, error) {
	relaxed, lacking := f.relax(part)
	s := share{part: part, kernel: simplify(relaxed, false), needed: f.kernelOnly(part) != nil}

	if lacking != nil {
		s.reason = fmt.Sprintf("this kernel cannot test %q", lacking.text(tight))

		if term := f.kernelOnly(part); term != nil {
			return s, &KernelOnlyError{term.text(tight), lack(lacking)}
		}
	}

	a := f.assemble(s.kernel)
	s.compares, s.bytes = a.longest(), len(a.code)

	return s, nil
}

// lack returns why the kernel cannot evaluate what it lacks.
func lack(term node) string {
	switch term.(type) {
	case mark:
		return "it takes CAP_NET_ADMIN and Linux 4.9"
	case cgroup:
		return "it takes Linux 5.8"
	}

	return fmt.Sprintf("it is joined with %q, which this kernel cannot test", term.text(tight))
}

// take gives the kernel parts as long as they fit: first those that user space
// cannot test, then those of the fewest tests.
func (f Features) take(shares []share) error {
	compares, bytes := 0, 0

	for _, s := range inOrder(shares) {
		if isAlways(s.kernel) {
			continue
		}

		reason := ""

		switch {
		case compares+s.compares > f.maxCompares():
			reason = fmt.Sprintf("the kernel would make up to %d tests per socket, more than %d", compares+s.compares, f.maxCompares())
		case bytes+s.bytes > maxBytes:
			reason = fmt.Sprintf("the program would have %d bytes, more than %d", bytes+s.bytes, maxBytes)
		}

		switch {
		case reason == "":
			s.taken = true
			compares, bytes = compares+s.compares, bytes+s.bytes
		case s.needed:
			return &KernelOnlyError{f.kernelOnly(s.part).text(tight), reason}
		default:
			s.reason = reason
		}
	}

	return nil
}

// inOrder returns the parts in the order in which the kernel gets them.
func inOrder(shares []share) []*share {
	order := make([]*share, len(shares))
	for i := range shares {
		order[i] = &shares[i]
	}

	slices.SortStableFunc(order, func(a, b *share) int {
		switch {
		case a.needed && !b.needed:
			return -1
		case b.needed && !a.needed:
			return 1
		}

		return cmp.Compare(a.compares, b.compares)
	})

	return order
}
