package bytecode

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
)

const (
	mappedBits = 96 // the length of ::ffff:0:0/96
	mappedLow  = 0xffff_0000_0000
)

// number is an address as a number of 128 bits.
type number struct{ hi, lo uint64 }

func numberOf(addr *[16]byte) number {
	return number{binary.BigEndian.Uint64(addr[:8]), binary.BigEndian.Uint64(addr[8:])}
}

func (n number) compare(m number) int {
	if c := cmp.Compare(n.hi, m.hi); c != 0 {
		return c
	}

	return cmp.Compare(n.lo, m.lo)
}

// common returns how many leading bits the two share.
func (n number) common(m number) int {
	if d := n.hi ^ m.hi; d != 0 {
		return bits.LeadingZeros64(d)
	}

	return 64 + bits.LeadingZeros64(n.lo^m.lo)
}

// mask clears all but the leading bits.
func (n number) mask(bits int) number {
	if bits < 64 {
		return number{n.hi &^ (^uint64(0) >> bits), 0}
	}

	return number{n.hi, n.lo &^ (^uint64(0) >> (bits - 64))}
}

// bit returns the bit behind so many leading ones.
func (n number) bit(i int) uint64 {
	if i < 64 {
		return n.hi >> (63 - i) & 1
	}

	return n.lo >> (127 - i) & 1
}

// isMapped reports whether the address is within ::ffff:0:0/96.
func (n number) isMapped() bool {
	return n.hi == 0 && n.lo&^0xffff_ffff == mappedLow
}

// prefix is a set of addresses as a host condition of the kernel has it. Of
// family IPv4, it holds addresses of IPv4 sockets and IPv4-mapped ones alike, and
// is written as a prefix within ::ffff:0:0/96. Of family IPv6, it holds the
// addresses of IPv6 sockets only, IPv4-mapped ones included.
type prefix struct {
	start number
	bits  uint8
	v6    bool
}

// prefixFrom makes a prefix of an address and the bits that count in it.
func prefixFrom(addr netip.Addr, length int) prefix {
	raw := addr.As16()
	if addr.Is4() {
		length += mappedBits
	}

	return prefix{numberOf(&raw).mask(length), uint8(length), !addr.Is4()}
}

// compare orders prefixes by family and address, wider before narrower.
func (p prefix) compare(q prefix) int {
	switch {
	case p.v6 != q.v6 && q.v6:
		return -1
	case p.v6 != q.v6:
		return 1
	}

	return cmp.Or(p.start.compare(q.start), cmp.Compare(p.bits, q.bits))
}

// covers reports whether every address of q is in p.
func (p prefix) covers(q prefix) bool {
	return p.v6 == q.v6 && p.bits <= q.bits && p.start.common(q.start) >= int(p.bits)
}

// join returns the smallest prefix that covers both, which are of one family.
func (p prefix) join(q prefix) prefix {
	shared := min(int(p.bits), int(q.bits), p.start.common(q.start))

	return prefix{p.start.mask(shared), uint8(shared), p.v6}
}

// isSibling reports whether p and q are the two halves of one prefix.
func (p prefix) isSibling(q prefix) bool {
	return p.v6 == q.v6 && p.bits == q.bits && p.start.common(q.start) == int(p.bits)-1 && (p.v6 || p.bits > mappedBits)
}

// bytes returns what a host condition has of it: the family, the length and the
// address.
func (p prefix) bytes() (family, length uint8, addr []byte) {
	addr = binary.BigEndian.AppendUint64(addr, p.start.hi)
	addr = binary.BigEndian.AppendUint64(addr, p.start.lo)

	if p.v6 {
		return familyIPv6, p.bits, addr
	}

	return familyIPv4, p.bits - mappedBits, addr[12:]
}

// String returns the prefix as in "10.0.0.0/8" or "::1".
func (p prefix) String() string {
	_, length, raw := p.bytes()
	addr, _ := netip.AddrFromSlice(raw)

	if int(length) == addr.BitLen() {
		return addr.String()
	}

	return netip.PrefixFrom(addr, int(length)).String()
}
