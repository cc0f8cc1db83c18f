package bytecode

// Plan divides a filter between the kernel and user space. A socket passes the
// filter if it passes both parts.
type Plan struct {
	// Program is the kernel's part, the payload of INET_DIAG_REQ_BYTECODE. Nil
	// passes everything: send no attribute, for the kernel refuses an empty one.
	Program []byte
	// Compares is the most tests that the program makes for a socket.
	Compares int
	// Rest is the part of user space, nil if the kernel does it all.
	Rest *Filter
	// Notes has a line for every part of the filter: where it is evaluated, and why.
	Notes []string
}

// Compile divides the filter between the kernel and user space. Of the parts that
// are joined by "and", the kernel gets those that it can test at a bearable cost.
// Of a part that it can test in part only, it gets what the part implies, and user
// space gets the whole. The error is a [*KernelOnlyError].
func (f *Filter) Compile(k Features) (Plan, error) {
	shares, err := k.divide(simplify(f.node(), false))
	if err != nil {
		return Plan{}, err
	}

	var (
		plan         Plan
		kernel, rest []node
	)

	for _, s := range shares {
		if s.taken {
			kernel = append(kernel, s.kernel)
		}

		if s.reason != "" {
			rest = append(rest, s.part)
		}

		plan.Notes = append(plan.Notes, s.String())
	}

	if len(rest) > 0 {
		plan.Rest = &Filter{conjunction(rest)}
	}

	if root := conjoin(kernel); !isAlways(root) {
		a := k.assemble(root)
		plan.Program, plan.Compares = a.program(), a.longest()
	}

	return plan, nil
}

// assemble translates a part.
func (f Features) assemble(n node) *assembler {
	a := newAssembler(f)
	a.generate(n, exits{accept, reject, accept})

	return a
}
