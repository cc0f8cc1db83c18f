package bytecode

import (
	"bytes"
	"encoding/binary"
)

// Match runs a program over a socket as the kernel does
// (net/ipv4/inet_diag.c: inet_diag_bc_run) and reports whether the socket passes. An
// empty program passes everything. A program that [Audit] refuses passes nothing
// where it leads astray. Match does not allocate.
func Match(program []byte, s *Subject) bool {
	at := 0

	for at < len(program) {
		op := program[at:]
		if len(op) < sizeofOp {
			return false
		}

		matches, ok := matchOp(op, s)
		step := noOf(op)

		if matches {
			step = yesOf(op)
		}

		if !ok || step == 0 {
			return false
		}

		at += step
	}

	return at == len(program)
}

// matchOp reports whether the first operation matches; ok is false if it is none.
func matchOp(op []byte, s *Subject) (matches, ok bool) {
	if _, ok := sizeOf(op); !ok {
		return false, false
	}

	switch opcode(op[0]) {
	case opNop:
		return true, true
	case opAuto:
		return s.Autobound, true
	case opSrcCond:
		return matchHost(op, &s.Local, s.Family), true
	case opDstCond:
		return matchHost(op, &s.Remote, s.Family), true
	case opDev:
		return s.Ifindex == binary.NativeEndian.Uint32(op[4:]), true
	case opMark:
		value, mask := binary.NativeEndian.Uint32(op[4:]), binary.NativeEndian.Uint32(op[8:])

		return s.Mark&mask == value, true
	case opCgroup:
		return s.CgroupID == binary.NativeEndian.Uint64(op[4:]), true
	case opJmp:
		return false, true
	}

	return matchPort(op, s), true
}

// matchPort compares a port. The operand is in the second word.
func matchPort(op []byte, s *Subject) bool {
	operand := binary.NativeEndian.Uint16(op[6:])

	switch opcode(op[0]) {
	case opSrcGE:
		return s.Local.Port >= operand
	case opSrcLE:
		return s.Local.Port <= operand
	case opSrcEQ:
		return s.Local.Port == operand
	case opDstGE:
		return s.Remote.Port >= operand
	case opDstLE:
		return s.Remote.Port <= operand
	default:
		return s.Remote.Port == operand
	}
}

// matchHost compares a host condition with one end of a socket of the family.
func matchHost(op []byte, end *Endpoint, family uint8) bool {
	port := int32(binary.NativeEndian.Uint32(op[8:]))
	if port != anyCondPort && port != int32(end.Port) {
		return false
	}

	length, addr := int(op[5]), op[sizeofCondOp:]

	switch op[4] {
	case familyAny:
		return true
	case familyIPv4:
		return numberOf(&end.Addr).isMapped() && sharePrefix(end.Addr[12:], addr, length)
	default:
		return family == familyIPv6 && sharePrefix(end.Addr[:], addr, length)
	}
}

// sharePrefix reports whether the first bits of both are equal.
func sharePrefix(a, b []byte, length int) bool {
	whole, left := length/8, length%8
	if !bytes.Equal(a[:whole], b[:whole]) {
		return false
	}

	return left == 0 || (a[whole]^b[whole])>>(8-left) == 0
}
