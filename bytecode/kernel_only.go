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

// kernelOnly returns a term that only the kernel can test, nil if there is none. A
// cgroup is such a term where the kernel cannot test it, because then it does not
// provide it either (INET_DIAG_CGROUP_ID came with the test).
func (f Features) kernelOnly(n node) node {
	switch n.(type) {
	case autobound, mark:
		return n
	case cgroup:
		if !f.Cgroup {
			return n
		}
	}

	for _, p := range children(n) {
		if term := f.kernelOnly(p); term != nil {
			return term
		}
	}

	return nil
}
