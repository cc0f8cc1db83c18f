package bytecode

import (
	"errors"
	"fmt"
)

var (
	// ErrInvalid is the kind of an [*AuditError] where the kernel answers EINVAL.
	ErrInvalid = errors.New("the kernel refuses the program")
	// ErrNotPermitted is the kind of an [*AuditError] where the kernel answers
	// EPERM: a mark can be tested with CAP_NET_ADMIN only.
	ErrNotPermitted = errors.New("the kernel wants CAP_NET_ADMIN for the program")
)

// AuditError is why the kernel rejects a program.
type AuditError struct {
	Kind   error // ErrInvalid or ErrNotPermitted
	Offset int   // of the operation, in bytes
	Reason string
}

// Error returns all three.
func (e *AuditError) Error() string {
	return fmt.Sprintf("%v: %s at byte %d", e.Kind, e.Reason, e.Offset)
}

// Unwrap returns the kind.
func (e *AuditError) Unwrap() error {
	return e.Kind
}

// Audit returns nil if the kernel takes the program, and else an [*AuditError]
// (net/ipv4/inet_diag.c: inet_diag_bc_audit). The rules:
//
//   - The program has 4 bytes at least, and fits into an attribute.
//   - Going from operation to operation by what they do on a match, one comes to
//     the very end.
//   - An operation is known, has all its bytes, and its operand is valid.
//   - It leads nowhere into itself, nor farther than 4 bytes behind the end, and
//     its distances are multiples of 4.
//   - A mismatch leads behind the program or to an operation on the way above. Only
//     a NOP's is ignored.
//
// In what is skipped on that way anything may stand. The first fault decides the
// error, which matters where a test of the mark comes before or behind another
// fault.
func Audit(program []byte, netAdmin bool) error {
	switch {
	case len(program) < sizeofOp:
		return &AuditError{ErrInvalid, 0, "no operation"}
	case len(program) > 1<<16-1-4:
		return &AuditError{ErrInvalid, 0, "more than an attribute can hold"}
	}

	way := wayThrough(program)

	at := 0
	for at < len(program) {
		if err := auditOp(program[at:], netAdmin); err != nil {
			err.Offset = at

			return err
		}

		op := program[at:]
		if target := at + noOf(op); opcode(op[0]) != opNop && target < len(program) && !way.has(target) {
			return &AuditError{ErrInvalid, at, "a mismatch leads to no operation"}
		}

		at += yesOf(op)
	}

	if at != len(program) {
		return &AuditError{ErrInvalid, at, "the way on matches leads behind the end"}
	}

	return nil
}

// auditOp checks a single operation; rest continues to the end of the
// program.
func auditOp(rest []byte, netAdmin bool) *AuditError {
	size, ok := sizeOf(rest)

	switch {
	case opcode(rest[0]) == opMark && !netAdmin:
		return &AuditError{Kind: ErrNotPermitted, Reason: "a test of the mark"}
	case !ok:
		return &AuditError{Kind: ErrInvalid, Reason: "an unknown, short or wrong operation"}
	case opcode(rest[0]) != opNop && !isDistance(noOf(rest), size, len(rest)):
		return &AuditError{Kind: ErrInvalid, Reason: "a wrong distance on a mismatch"}
	case !isDistance(yesOf(rest), size, len(rest)):
		return &AuditError{Kind: ErrInvalid, Reason: "a wrong distance on a match"}
	}

	return nil
}

func isDistance(d, size, left int) bool {
	return d >= size && d <= left+sizeofOp && d%4 == 0
}

// sizeOf returns the size of the first operation, false if it is unknown, not all
// there, or has a wrong operand.
func sizeOf(rest []byte) (int, bool) {
	size := sizeofOp

	switch opcode(rest[0]) {
	case opNop, opJmp, opAuto:
	case opSrcGE, opSrcLE, opDstGE, opDstLE, opSrcEQ, opDstEQ:
		size = sizeofPortOp
	case opSrcCond, opDstCond:
		return sizeOfCond(rest)
	case opDev:
		size = sizeofDevOp
	case opMark:
		size = sizeofMarkOp
	case opCgroup:
		size = sizeofCgroupOp
	default:
		return 0, false
	}

	return size, len(rest) >= size
}

// sizeOfCond returns the size of a host condition, which depends on its family.
func sizeOfCond(rest []byte) (int, bool) {
	if len(rest) < sizeofCondOp {
		return 0, false
	}

	length, ok := addrLength(rest[4])
	size := sizeofCondOp + length

	return size, ok && len(rest) >= size && int(rest[5]) <= 8*length
}

// addrLength returns the length of an address of the family, in bytes.
func addrLength(family uint8) (length int, ok bool) {
	switch family {
	case familyAny:
		return 0, true
	case familyIPv4:
		return 4, true
	case familyIPv6:
		return 16, true
	}

	return 0, false
}

// way is the set of offsets, divided by 4, that matches lead to.
type way [1 << 16 / sizeofOp / 64]uint64

// wayThrough follows the matches as far as they lead.
func wayThrough(program []byte) *way {
	var w way

	for at, yes := 0, sizeofOp; yes >= sizeofOp && yes%4 == 0 && at < len(program); at += yes {
		w[at/256] |= 1 << (at / 4 % 64)

		if yes = 0; at+sizeofOp <= len(program) {
			yes = yesOf(program[at:])
		}
	}

	return &w
}

func (w *way) has(at int) bool {
	return at%4 == 0 && w[at/256]&(1<<(at/4%64)) != 0
}
