package diagtest

import "encoding/binary"

// Attribute is a netlink attribute of a row.
type Attribute struct {
	Kind    uint16 // INET_DIAG_...
	Payload []byte // without padding
}

// The attributes that this package makes (uapi/linux/inet_diag.h).
const (
	kindInfo       = 2
	kindVegas      = 3
	kindCongestion = 4
	kindMemory     = 7
	kindShutdown   = 8
	kindDCTCP      = 9
	kindBBR        = 16
	kindCgroup     = 21
)

// Congestion returns INET_DIAG_CONG, the name of the algorithm.
func Congestion(name string) Attribute {
	return Attribute{kindCongestion, append([]byte(name), 0)}
}

// Shutdown returns INET_DIAG_SHUTDOWN: 1 when receiving is shut down, 2 when
// sending is, 3 when both are.
func Shutdown(sides uint8) Attribute { return Attribute{kindShutdown, []byte{sides}} }

// Memory returns INET_DIAG_SKMEMINFO, the words in the order of SK_MEMINFO_...
// (uapi/linux/sock_diag.h).
func Memory(words ...uint32) Attribute { return ofWords(kindMemory, words) }

// Vegas returns INET_DIAG_VEGASINFO, the words of struct tcpvegas_info.
func Vegas(words [4]uint32) Attribute { return ofWords(kindVegas, words[:]) }

// DCTCP returns INET_DIAG_DCTCPINFO, the words of struct tcp_dctcp_info. The first one
// holds two values of 16 bits.
func DCTCP(words [4]uint32) Attribute { return ofWords(kindDCTCP, words[:]) }

// BBR returns INET_DIAG_BBRINFO, the words of struct tcp_bbr_info.
func BBR(words [5]uint32) Attribute { return ofWords(kindBBR, words[:]) }

// Cgroup returns INET_DIAG_CGROUP_ID.
func Cgroup(id uint64) Attribute {
	return Attribute{kindCgroup, binary.NativeEndian.AppendUint64(nil, id)}
}

func ofWords(kind uint16, words []uint32) Attribute {
	return Attribute{kind, appendWords(nil, words...)}
}

func appendWords(b []byte, words ...uint32) []byte {
	for _, w := range words {
		b = binary.NativeEndian.AppendUint32(b, w)
	}

	return b
}

// appendTo appends the attribute with its header and padding. The length in the header
// excludes the padding.
func (a Attribute) appendTo(b []byte) []byte {
	const sizeofHeader, align = 4, 4

	b = binary.NativeEndian.AppendUint16(b, uint16(sizeofHeader+len(a.Payload)))
	b = binary.NativeEndian.AppendUint16(b, a.Kind)
	b = append(b, a.Payload...)

	return append(b, make([]byte, -len(a.Payload)&(align-1))...)
}
