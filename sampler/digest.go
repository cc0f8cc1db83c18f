package sampler

import (
	"encoding/binary"
	"hash/maphash"
	"time"
)

// Skip reports, by the cookie and the digest of a row, whether the row contains nothing
// new. Two rows of a connection have the same digest if they differ only in the kernel's
// clocks: the time until the timer expires, and the times since data or an ACK was sent
// or received.
type Skip func(at time.Time, cookie, digest uint64) bool

// digester computes digests. Hashing a row costs less than decoding and judging it.
type digester struct{ seed maphash.Seed }

func newDigester() digester { return digester{maphash.MakeSeed()} }

// The positions of the clocks in a row: the timer in inet_diag_msg, the others in
// tcp_info.
const (
	offExpires     = 52
	offClocks      = offLastDataSent
	endOfClocks    = offLastAckRecv + 4
	spreadOfDigest = 0x9e3779b97f4a7c15
)

// digest returns the cookie and the digest of an inet_diag_msg with its attributes.
// It fails for rows that are too short, for listeners, and for rows without tcp_info.
func (p digester) digest(b []byte) (cookie, digest uint64, ok bool) {
	if len(b) < sizeofDiagMsg || State(b[1]) == StateListen {
		return 0, 0, false
	}

	info := infoOffset(b)
	if info == 0 {
		return 0, 0, false
	}

	cookie = uint64(binary.NativeEndian.Uint32(b[44:])) | uint64(binary.NativeEndian.Uint32(b[48:]))<<32
	digest = maphash.Bytes(p.seed, b[:offExpires])
	digest = digest*spreadOfDigest ^ maphash.Bytes(p.seed, b[offExpires+4:info+offClocks])
	digest = digest*spreadOfDigest ^ maphash.Bytes(p.seed, b[info+endOfClocks:])

	return cookie, digest, true
}

// infoOffset returns the position of tcp_info, zero if it is absent or too short.
func infoOffset(b []byte) int {
	for at := sizeofDiagMsg; at+sizeofAttr <= len(b); {
		head := b[at : at+sizeofAttr]

		length := int(binary.NativeEndian.Uint16(head))
		if length < sizeofAttr || at+length > len(b) {
			return 0
		}

		if binary.NativeEndian.Uint16(head[2:])&attrTypeMask == attrInfo {
			if length < sizeofAttr+endOfClocks {
				return 0
			}

			return at + sizeofAttr
		}

		at += align(length)
	}

	return 0
}
