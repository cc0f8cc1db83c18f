package bytecode

import "encoding/binary"

// opcode is the code of an operation (uapi/linux/inet_diag.h: INET_DIAG_BC_*).
type opcode uint8

const (
	opNop opcode = iota
	opJmp
	opSrcGE // local port
	opSrcLE
	opDstGE // remote port
	opDstLE
	opAuto
	opSrcCond // local address, port or both
	opDstCond
	opDev
	opMark
	opSrcEQ
	opDstEQ
	opCgroup
)

// Sizes in bytes. An operation starts with struct inet_diag_bc_op: the code, an
// 8-bit distance to jump on a match and a 16-bit distance to jump on a mismatch.
const (
	sizeofOp       = 4
	sizeofPortOp   = sizeofOp + 4
	sizeofHostCond = 8
	sizeofCondOp   = sizeofOp + sizeofHostCond // the address follows
	sizeofDevOp    = sizeofOp + 4
	sizeofMarkOp   = sizeofOp + 8
	sizeofCgroupOp = sizeofOp + 8
)

// yesOf and noOf return the distances to go.
func yesOf(op []byte) int { return int(op[1]) }
func noOf(op []byte) int  { return int(binary.NativeEndian.Uint16(op[2:])) }

func setNo(op []byte, distance int) { binary.NativeEndian.PutUint16(op[2:], uint16(distance)) }

// newOp returns an operation of this size that continues with the next one on a match.
func newOp(code opcode, size int) []byte {
	op := make([]byte, size)
	op[0], op[1] = byte(code), byte(size)

	return op
}

// portOp compares the port with an operand in the "no" of a second word.
func portOp(code opcode, port uint16) []byte {
	op := newOp(code, sizeofPortOp)
	binary.NativeEndian.PutUint16(op[6:], port)

	return op
}

// anyCondPort is the port of a host condition that is about the address only.
const anyCondPort = -1

// condOp compares address and port: struct inet_diag_hostcond. The family is
// familyAny for a condition about the port only.
func condOp(code opcode, family, length uint8, port int32, addr []byte) []byte {
	op := newOp(code, sizeofCondOp+len(addr))
	op[4], op[5] = family, length
	binary.NativeEndian.PutUint32(op[8:], uint32(port))
	copy(op[sizeofCondOp:], addr)

	return op
}

func devOp(index uint32) []byte {
	op := newOp(opDev, sizeofDevOp)
	binary.NativeEndian.PutUint32(op[4:], index)

	return op
}

func markOp(value, mask uint32) []byte {
	op := newOp(opMark, sizeofMarkOp)
	binary.NativeEndian.PutUint32(op[4:], value)
	binary.NativeEndian.PutUint32(op[8:], mask)

	return op
}

func cgroupOp(id uint64) []byte {
	op := newOp(opCgroup, sizeofCgroupOp)
	binary.NativeEndian.PutUint64(op[4:], id)

	return op
}
