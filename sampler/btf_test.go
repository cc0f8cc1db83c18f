package sampler

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"tcphealth_exporter/internal/netlab"
)

const btfPath = "/sys/kernel/btf/vmlinux"

// btfMember is the position of a structure's member in bits.
type btfMember struct{ offset, bits uint32 }

// The kinds of BTF types that have extra data (uapi/linux/btf.h).
const (
	btfInt       = 1
	btfArray     = 3
	btfStruct    = 4
	btfUnion     = 5
	btfEnum      = 6
	btfFuncProto = 13
	btfVar       = 14
	btfDatasec   = 15
	btfDeclTag   = 17
	btfEnum64    = 19
)

// btfStructure returns the size and the members of the first structure with the name.
func btfStructure(btf []byte, name string) (size uint32, members map[string]btfMember) {
	u32 := binary.NativeEndian.Uint32
	headerLen, typeOff, typeLen, strOff := u32(btf[4:]), u32(btf[8:]), u32(btf[12:]), u32(btf[16:])
	types := btf[headerLen+typeOff:][:typeLen]
	str := func(off uint32) string {
		s, _, _ := bytes.Cut(btf[headerLen+strOff+off:], []byte{0})
		return string(s)
	}
	for len(types) > 0 {
		info := u32(types[4:])
		vlen, kind, bitfields := int(info&0xffff), info>>24&0x1f, info>>31 == 1
		body := types[12:]
		if kind == btfStruct && str(u32(types)) == name {
			members = map[string]btfMember{}
			for ; vlen > 0; vlen, body = vlen-1, body[12:] {
				m := btfMember{offset: u32(body[8:])}
				if bitfields {
					m.offset, m.bits = m.offset&0xffffff, m.offset>>24
				}
				members[str(u32(body))] = m
			}
			return u32(types[8:]), members
		}
		types = body[btfExtra(kind, vlen):]
	}
	return 0, nil
}

// btfExtra returns the size of the data after the head of a type.
func btfExtra(kind uint32, vlen int) int {
	switch kind {
	case btfInt, btfVar, btfDeclTag:
		return 4
	case btfArray:
		return 12
	case btfStruct, btfUnion, btfDatasec, btfEnum64:
		return 12 * vlen
	case btfEnum, btfFuncProto:
		return 8 * vlen
	default:
		return 0
	}
}

// TestLayoutOfRunningKernel compares the table of fields with the structure of the
// running kernel, which may be newer than the headers.
func TestLayoutOfRunningKernel(t *testing.T) {
	netlab.RequireByteOrder(t)
	btf, err := os.ReadFile(btfPath)
	if err != nil {
		t.Skipf("the kernel provides no BTF: %v", err)
	}
	size, members := btfStructure(btf, "tcp_info")
	if size == 0 {
		t.Fatal("the kernel has no struct tcp_info")
	}
	packed := packedAccECN(KernelRelease())
	for f := range NumFields {
		spec := &fieldTable[f]
		offset, bits := uint32(spec.offset)*8+uint32(spec.shift), uint32(spec.bits)
		switch {
		case packed && f == FieldAccECNOptSeen:
			offset, bits = offAccECN*8+2, 2
		case packed && f == FieldAccECNFailMode:
			offset, bits = offAccECN*8+4, 4
		}
		m, known := members["tcpi_"+f.String()]
		if known != (uint32(spec.end()) <= size) {
			t.Errorf("%v ends at %d of %d bytes, but the kernel has it: %v", f, spec.end(), size, known)
		}
		if known && (m.offset != offset || m.bits != bits) {
			t.Errorf("%v is at bit %d with %d bits, the kernel has %d with %d", f, offset, bits, m.offset, m.bits)
		}
	}
}
