package lab

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"time"

	"tcphealth_exporter/sampler"
)

// redacted is a tap that hides who and where the sockets are: recordings are kept for good. Addresses become those that
// are reserved for documentation, equal ones staying equal; owners, files, cgroups and marks go.
type redacted struct {
	*sampler.Recorder
	buf []byte
}

// Datagram implements [sampler.Tap].
func (r *redacted) Datagram(at time.Time, b []byte) {
	r.buf = append(r.buf[:0], b...)
	redact(r.buf)
	r.Recorder.Datagram(at, r.buf)
}

// Offsets from the beginning of a netlink message (uapi/linux/inet_diag.h).
const (
	offFamily = 16
	offSource = offFamily + 8
	offDest   = offSource + 16
	offUID    = offFamily + 64
	offAttrs  = offFamily + 72

	attrMark, attrCgroupID = 15, 21
	familyIPv4             = 2
	sizeofAttr             = 4
)

// redact works in place, on all messages of a datagram.
func redact(b []byte) {
	for m := range messages(b) {
		if len(m) >= offAttrs {
			redactSocket(m)
		}
	}
}

// messages iterates over the netlink messages of a datagram.
func messages(b []byte) iter.Seq[[]byte] {
	return records(b, offFamily, func(b []byte) int { return int(binary.NativeEndian.Uint32(b)) })
}

// attributes iterates over the attributes of a message.
func attributes(b []byte) iter.Seq[[]byte] {
	return records(b, sizeofAttr, func(b []byte) int { return int(binary.NativeEndian.Uint16(b)) })
}

// records iterates over records that begin with a head, in which their length is.
func records(b []byte, head int, lengthOf func([]byte) int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) >= head {
			length := lengthOf(b)
			if length < head || length > len(b) || !yield(b[:length:length]) {
				return
			}
			b = b[min(align(length), len(b)):]
		}
	}
}

func align(n int) int { return (n + 3) &^ 3 }

func redactSocket(m []byte) {
	size := 16
	if m[offFamily] == familyIPv4 {
		size = 4
	}
	for _, offset := range []int{offSource, offDest} {
		redactAddress(m[offset : offset+size])
	}
	clear(m[offUID:offAttrs]) // And the inode behind it.
	for a := range attributes(m[offAttrs:]) {
		if kind := binary.NativeEndian.Uint16(a[2:]); kind == attrMark || kind == attrCgroupID {
			clear(a[sizeofAttr:])
		}
	}
}

// redactAddress replaces the network of an address and keeps its last byte.
func redactAddress(b []byte) {
	addr, _ := netip.AddrFromSlice(b)
	last := b[len(b)-1]
	switch {
	case addr.IsLoopback() || addr.IsUnspecified():
	case len(b) == 4:
		copy(b, []byte{192, 0, 2, last})
	case addr.Is4In6():
		copy(b[12:], []byte{192, 0, 2, last})
	default:
		clear(b)
		copy(b, []byte{0x20, 0x01, 0x0d, 0xb8})
		b[len(b)-1] = last
	}
}
