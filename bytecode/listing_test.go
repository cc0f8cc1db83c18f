package bytecode

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// listing writes a valid program in words, one operation a line.
func listing(program []byte) string {
	var b strings.Builder

	for at := 0; at < len(program); {
		op := program[at:]
		fmt.Fprintf(&b, "%d: %s", at, describe(op))

		if opcode(op[0]) != opNop {
			fmt.Fprintf(&b, " else %s", target(at+noOf(op), len(program)))
		}

		if size, ok := sizeOf(op); !ok || size != yesOf(op) {
			fmt.Fprintf(&b, " (odd: goes on at %d)", at+yesOf(op))
		}

		b.WriteByte('\n')
		at += max(yesOf(op), sizeofOp)
	}

	return b.String()
}

func target(at, end int) string {
	switch at {
	case end:
		return "accept"
	case end + sizeofOp:
		return "reject"
	}

	return itoa(at)
}

func describe(op []byte) string {
	words := map[opcode]string{
		opNop: "nop", opJmp: "jump", opAuto: "autobound", opSrcGE: "sport >=", opSrcLE: "sport <=", opSrcEQ: "sport =",
		opDstGE: "dport >=", opDstLE: "dport <=", opDstEQ: "dport =", opDev: "dev", opMark: "mark", opCgroup: "cgroup",
		opSrcCond: "src", opDstCond: "dst",
	}
	code := opcode(op[0])
	word := words[code]

	switch code {
	case opNop, opJmp, opAuto:
		return word
	case opDev:
		return fmt.Sprintf("%s %d", word, binary.NativeEndian.Uint32(op[4:]))
	case opMark:
		return fmt.Sprintf("%s %#x/%#x", word, binary.NativeEndian.Uint32(op[4:]), binary.NativeEndian.Uint32(op[8:]))
	case opCgroup:
		return fmt.Sprintf("%s %d", word, binary.NativeEndian.Uint64(op[4:]))
	case opSrcCond, opDstCond:
		length, _ := addrLength(op[4])
		addr, _ := netip.AddrFromSlice(op[sizeofCondOp : sizeofCondOp+length])
		host := "any"

		if length > 0 {
			host = fmt.Sprintf("%s/%d", addr, op[5])
		}

		if port := int32(binary.NativeEndian.Uint32(op[8:])); port != anyCondPort {
			host += fmt.Sprintf(" port %d", port)
		}

		return word + " " + host
	}

	return fmt.Sprintf("%s %d", word, binary.NativeEndian.Uint16(op[6:]))
}
