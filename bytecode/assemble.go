package bytecode

import "slices"

// label is a place in a program that jumps may lead to before it is known.
type label int

// The places after the end of a program, for match and mismatch.
const (
	accept label = iota
	reject
)

// assembler writes a program. On a match every operation continues with the next one,
// because only operations along that way may be jumped to; on a mismatch it jumps
// to a label. So the 8-bit distance of a match is never more than the operation's
// own length, and the 16-bit distance of a mismatch spans the largest program.
type assembler struct {
	code  []byte
	bound []int // where the labels are
	jumps []jump
	equal bool // S_EQ and D_EQ may be used
}

// jump is an operation whose mismatch leads to a label.
type jump struct {
	at int
	to label
}

func newAssembler(f Features) *assembler {
	return &assembler{bound: make([]int, reject+1), equal: f.PortEqual}
}

// label returns a new label.
func (a *assembler) label() label {
	a.bound = append(a.bound, 0)

	return label(len(a.bound) - 1)
}

// here puts the label behind the last operation.
func (a *assembler) here(l label) {
	a.bound[l] = len(a.code)
}

// exits are the places to continue on a match and on a mismatch. One of the two labels, or
// another, is what will stand next; to go there takes no jump.
type exits struct{ yes, no, next label }

// test writes an operation.
func (a *assembler) test(op []byte, to exits) {
	a.jumps = append(a.jumps, jump{len(a.code), to.no})
	a.code = append(a.code, op...)
	a.jump(to.yes, to.next)
}

// jump writes a jump unless its target is next.
func (a *assembler) jump(to, next label) {
	if to != next {
		a.jumps = append(a.jumps, jump{len(a.code), to})
		a.code = append(a.code, newOp(opJmp, sizeofOp)...)
	}
}

// end binds the labels behind the end.
func (a *assembler) end() {
	a.bound[accept], a.bound[reject] = len(a.code), len(a.code)+sizeofOp
}

// program returns what was written, at most maxBytes, with its jumps filled in.
func (a *assembler) program() []byte {
	a.end()

	for _, j := range a.jumps {
		setNo(a.code[j.at:], a.bound[j.to]-j.at)
	}

	return a.code
}

// longest returns the most tests on a way through what was written.
func (a *assembler) longest() int {
	a.end()
	tests := make([]int, a.bound[reject]/sizeofOp+1) // from an offset, divided by 4

	next := len(a.code)

	for _, j := range slices.Backward(a.jumps) {
		from := tests[a.bound[j.to]/sizeofOp]

		if opcode(a.code[j.at]) != opJmp {
			from = 1 + max(from, tests[next/sizeofOp])
		}

		tests[j.at/sizeofOp] = from
		next = j.at
	}

	return tests[0]
}
