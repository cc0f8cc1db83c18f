package diagtest

import (
	"cmp"
	"encoding/binary"
	"net/netip"

	"tcphealth_exporter/sampler"
)

// NoInfo is the InfoSize of a row without tcp_info.
const NoInfo = -1

// Row is one row of a dump: struct inet_diag_msg and the attributes that follow it
// (uapi/linux/inet_diag.h).
type Row struct {
	Family               sampler.Family // zero for the family of Local
	State                sampler.State
	Timer                sampler.Timer
	TimerRetrans         uint8
	Local, Remote        netip.AddrPort
	Ifindex              uint32
	Cookie               uint64
	Expires              uint32 // ms
	RecvQueue, SendQueue uint32 // bytes; for a listener: accept queue and backlog
	UID, Inode           uint32

	Info       TCPInfo     // State is set from the row
	InfoSize   int         // bytes of Info to encode: zero for all, NoInfo for none
	Attributes []Attribute // after tcp_info
}

// Message encodes the row as one netlink message of the kernel.
func (r *Row) Message() []byte {
	const (
		sizeofHeader     = 16
		sockDiagByFamily = 20
	)

	b := make([]byte, sizeofHeader, 512)
	b = append(b, byte(r.family()), byte(r.State), byte(r.Timer), r.TimerRetrans)
	b = binary.BigEndian.AppendUint16(b, r.Local.Port())
	b = binary.BigEndian.AppendUint16(b, r.Remote.Port())
	b = r.appendAddress(b, r.Local.Addr())
	b = r.appendAddress(b, r.Remote.Addr())
	b = appendWords(b, r.Ifindex, uint32(r.Cookie), uint32(r.Cookie>>32),
		r.Expires, r.RecvQueue, r.SendQueue, r.UID, r.Inode)

	if r.InfoSize != NoInfo {
		b = r.info().appendTo(b)
	}

	for _, a := range r.Attributes {
		b = a.appendTo(b)
	}

	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], sockDiagByFamily)

	return b
}

// info returns INET_DIAG_INFO.
func (r *Row) info() Attribute {
	info := r.Info
	info.State = uint8(r.State)

	return Attribute{kindInfo, info.encode()[:cmp.Or(r.InfoSize, sampler.MaxInfoSize)]}
}

func (r *Row) family() sampler.Family {
	switch {
	case r.Family != 0:
		return r.Family
	case r.Local.Addr().Is4():
		return sampler.FamilyIPv4
	default:
		return sampler.FamilyIPv6
	}
}

// appendAddress appends the 16 bytes that hold an address. IPv4 uses the first four.
func (r *Row) appendAddress(b []byte, a netip.Addr) []byte {
	var field [16]byte

	if r.family() == sampler.FamilyIPv4 {
		copy(field[:], a.AsSlice())
	} else {
		field = a.As16()
	}

	return append(b, field[:]...)
}
