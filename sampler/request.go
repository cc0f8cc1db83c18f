package sampler

import "encoding/binary"

// Extensions to request: bit n-1 stands for attribute n.
const (
	extInfo           = 1 << (attrInfo - 1)
	extCongestionInfo = 1 << (attrVegasInfo - 1) // also BBR and DCTCP
	extCongestion     = 1 << (attrCong - 1)
	extSkMem          = 1 << (attrSkMemInfo - 1)
)

const (
	reqAttrBytecode = 1
	protocolTCP     = 6
	sizeofLegacyReq = 60
	sizeofReqV2     = 56
	sizeofGetOne    = sizeofHeader + sizeofReqV2
	noCookie        = 0xff
)

// request describes one dump.
type request struct {
	// legacy selects TCPDIAG_GETSOCK, which walks both families at once.
	legacy bool
	family Family // ignored by a legacy request
	ext    uint8
	states States
	filter []byte // INET_DIAG_REQ_BYTECODE, empty for none
}

// kind returns the netlink message type of the request.
func (r *request) kind() uint16 {
	if r.legacy {
		return typeTCPDiagGetsock
	}

	return typeSockDiag
}

// payload encodes the request without its netlink header: struct
// inet_diag_req or inet_diag_req_v2, then the filter.
func (r *request) payload() []byte {
	b := make([]byte, 0, sizeofLegacyReq+sizeofAttr+len(r.filter)+nlAlign)
	if r.legacy {
		b = append(b, byte(r.family), 0, 0, r.ext)
		b = appendSockID(b)
		b = binary.NativeEndian.AppendUint32(b, uint32(r.states))
		b = binary.NativeEndian.AppendUint32(b, 0)
	} else {
		b = append(b, byte(r.family), protocolTCP, r.ext, 0)
		b = binary.NativeEndian.AppendUint32(b, uint32(r.states))
		b = appendSockID(b)
	}

	if len(r.filter) == 0 {
		return b
	}

	b = binary.NativeEndian.AppendUint16(b, uint16(sizeofAttr+len(r.filter)))
	b = binary.NativeEndian.AppendUint16(b, reqAttrBytecode)
	b = append(b, r.filter...)

	return append(b, make([]byte, align(len(b))-len(b))...)
}

// appendSockID appends the struct inet_diag_sockid that matches every socket.
func appendSockID(b []byte) []byte {
	b = append(b, make([]byte, 40)...)

	return append(b, noCookie, noCookie, noCookie, noCookie, noCookie, noCookie, noCookie, noCookie)
}

// appendGetOne appends the whole message that requests one socket: struct nlmsghdr and
// struct inet_diag_req_v2. An IPv4 connection of an IPv6 socket is requested by its
// IPv4-mapped addresses.
func appendGetOne(b []byte, seq uint32, ext uint8, t *Target) []byte {
	b = binary.NativeEndian.AppendUint32(b, sizeofGetOne)
	b = binary.NativeEndian.AppendUint16(b, typeSockDiag)
	b = binary.NativeEndian.AppendUint16(b, flagRequest)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0) // the kernel fills in the port of the sender

	b = append(b, byte(t.Family), protocolTCP, ext, 0)
	b = binary.NativeEndian.AppendUint32(b, 0) // states are ignored
	b = binary.BigEndian.AppendUint16(b, t.Local.Port)
	b = binary.BigEndian.AppendUint16(b, t.Remote.Port)
	b = appendAddress(b, t.Family, &t.Local)
	b = appendAddress(b, t.Family, &t.Remote)
	b = binary.NativeEndian.AppendUint32(b, t.Ifindex)
	b = binary.NativeEndian.AppendUint32(b, uint32(t.Cookie))

	return binary.NativeEndian.AppendUint32(b, uint32(t.Cookie>>32))
}

// appendAddress appends the 16 bytes that hold an address. IPv4 uses the first four.
func appendAddress(b []byte, family Family, e *Endpoint) []byte {
	if family == FamilyIPv6 {
		return append(b, e.Addr[:]...)
	}

	b = append(b, e.Addr[12:]...)

	return append(b, make([]byte, 12)...)
}
