package bytecode

// Filter is a condition on sockets. It never changes and may be used from any
// goroutine. The zero Filter passes everything.
type Filter struct {
	root node // nil passes everything
}

// String returns the canonical form: names are numbers, operators are spelled
// out, lists are sorted and parentheses are where they are needed. [Parse] makes
// the same filter of it. It is empty if the filter was, which passes everything.
func (f *Filter) String() string {
	if parts, ok := f.node().(all); ok && len(parts) == 0 {
		return ""
	}

	return f.node().text(looseOr)
}

// Simplify returns a filter that passes the same sockets with fewer tests. Ports
// and prefixes are merged, "not" stands before terms only, and what is always or
// never true is gone.
func (f *Filter) Simplify() *Filter {
	return &Filter{simplify(f.node(), false)}
}

// Eval reports whether the socket passes. It does not allocate.
//
// The terms autobound and fwmark trust the fields of the Subject, which are not
// known in user space; see [Filter.CheckUserSpace].
func (f *Filter) Eval(s *Subject) bool {
	return f.root == nil || f.root.eval(s)
}

func (f *Filter) node() node {
	if f.root == nil {
		return all{}
	}

	return f.root
}
