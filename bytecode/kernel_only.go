package bytecode

import "fmt"

// KernelOnlyError means that a term would have to be evaluated in user space, where
// it cannot be. Ignoring the term would select far too much.
type KernelOnlyError struct {
	Term   string // in the canonical form
	Reason string // why the kernel does not test it
}

// Error returns both.
func (e *KernelOnlyError) Error() string {
	return fmt.Sprintf("only the kernel can test %q, and here it cannot: %s", e.Term, e.Reason)
}

// CheckUserSpace returns a [*KernelOnlyError] if a term of the filter cannot be
// tested in user space: autobound, which no attribute has, and fwmark, whose
// attribute comes with CAP_NET_ADMIN only. Ask before using [Filter.Eval] on
// sockets of a dump that the filter's program has not seen.
func (f *Filter) CheckUserSpace() error {
	if term := (Features{Cgroup: true}).kernelOnly(f.node()); term != nil {
		return &KernelOnlyError{term.text(tight), "the filter is for sockets that were read already"}
	}

	return nil
}

// CheckProc returns a [*KernelOnlyError] if a term of the filter cannot be tested on sockets
// of /proc/net/tcp: they have neither what [Filter.CheckUserSpace] misses, nor a cgroup, nor
// the interface that they are bound to.
func (f *Filter) CheckProc() error {
	term := firstTerm(f.node(), func(n node) bool {
		_, isDevice := n.(device)

		return isDevice || Features{}.mustTest(n)
	})
	if term != nil {
		return &KernelOnlyError{term.text(tight), "/proc/net/tcp does not have it"}
	}

	return nil
}

// kernelOnly returns a term that only the kernel can test, nil if there is none.
func (f Features) kernelOnly(n node) node { return firstTerm(n, f.mustTest) }

// mustTest reports whether only the kernel can test a term. A cgroup is such a term where
// the kernel cannot test it, because then it does not provide it either
// (INET_DIAG_CGROUP_ID came with the test).
func (f Features) mustTest(n node) bool {
	switch n.(type) {
	case autobound, mark:
		return true
	case cgroup:
		return !f.Cgroup
	default:
		return false
	}
}

// firstTerm returns the first term of a tree that is wanted, nil if there is none.
func firstTerm(n node, wanted func(node) bool) node {
	if wanted(n) {
		return n
	}

	for _, p := range children(n) {
		if term := firstTerm(p, wanted); term != nil {
			return term
		}
	}

	return nil
}
