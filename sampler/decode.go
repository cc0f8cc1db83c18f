package sampler

import (
	"encoding/binary"
	"fmt"
)

const (
	sizeofDiagMsg = 72
	sizeofAttr    = 4
	attrTypeMask  = 0x3fff
)

// INET_DIAG response attributes (uapi/linux/inet_diag.h).
const (
	attrInfo       = 2
	attrVegasInfo  = 3
	attrCong       = 4
	attrSkMemInfo  = 7
	attrShutdown   = 8
	attrDCTCPInfo  = 9
	attrMark       = 15
	attrBBRInfo    = 16
	attrCgroupID   = 21
	sizeofSkMem    = 32 // up to the backlog; drops came in 4.7
	sizeofCongInfo = 16
	sizeofBBRInfo  = 20
	unsetVegasRTT  = 0x7fffffff // net/ipv4/tcp_vegas.c
)

// decodeSocket reads one inet_diag_msg with its attributes into s. Unknown
// attributes are skipped; known ones may be longer than expected.
func decodeSocket(s *Socket, b []byte, packedAccECN bool) error {
	if len(b) < sizeofDiagMsg {
		return fmt.Errorf("%w: inet_diag_msg of %d bytes", ErrMalformed, len(b))
	}

	if err := decodeBase(s, b); err != nil {
		return err
	}

	s.Info.size = 0

	for b = b[sizeofDiagMsg:]; len(b) >= sizeofAttr; {
		length := int(binary.NativeEndian.Uint16(b))
		kind := binary.NativeEndian.Uint16(b[2:]) & attrTypeMask

		if length < sizeofAttr || length > len(b) {
			return fmt.Errorf("%w: attribute %d of length %d in %d bytes", ErrMalformed, kind, length, len(b))
		}

		if kind == attrInfo {
			s.Info.set(b[sizeofAttr:length], packedAccECN)
			s.Attrs |= HasInfo
		} else {
			decodeAttr(s, kind, b[sizeofAttr:length])
		}

		b = b[min(align(length), len(b)):]
	}

	if s.Info.size == 0 {
		s.Info = TCPInfo{}
	}

	return nil
}

// decodeBase reads the fixed part and resets all optional parts but Info.
func decodeBase(s *Socket, b []byte) error {
	family := Family(b[0])
	if family != FamilyIPv4 && family != FamilyIPv6 {
		return fmt.Errorf("%w: address family %d", ErrMalformed, family)
	}

	s.Family = family
	s.State = State(b[1])
	s.Timer = Timer(b[2])
	s.TimerRetrans = b[3]
	decodeEndpoint(&s.Local, family, b[8:24], b[4:6])
	decodeEndpoint(&s.Remote, family, b[24:40], b[6:8])
	s.Ifindex = binary.NativeEndian.Uint32(b[40:])
	s.Cookie = uint64(binary.NativeEndian.Uint32(b[44:])) | uint64(binary.NativeEndian.Uint32(b[48:]))<<32
	s.Expires = binary.NativeEndian.Uint32(b[52:])
	s.RecvQueue = binary.NativeEndian.Uint32(b[56:])
	s.SendQueue = binary.NativeEndian.Uint32(b[60:])
	s.UID = binary.NativeEndian.Uint32(b[64:])
	s.Inode = binary.NativeEndian.Uint32(b[68:])

	s.CgroupID, s.Mark, s.Attrs, s.Shutdown = 0, 0, 0, 0
	s.Congestion = [16]byte{}
	s.SkMem, s.BBR, s.Vegas, s.DCTCP = SkMem{}, BBRInfo{}, VegasInfo{}, DCTCPInfo{}

	return nil
}

func decodeEndpoint(e *Endpoint, family Family, addr, port []byte) {
	e.Port = binary.BigEndian.Uint16(port)

	if family == FamilyIPv6 {
		copy(e.Addr[:], addr)

		return
	}

	e.Addr = [16]byte{10: 0xff, 11: 0xff}
	copy(e.Addr[12:], addr[:4])
}

// decodeAttr reads one attribute. One that is too short is ignored.
func decodeAttr(s *Socket, kind uint16, b []byte) {
	switch kind {
	case attrSkMemInfo:
		decodeSkMem(s, b)
	case attrCong:
		copy(s.Congestion[:len(s.Congestion)-1], b)
		s.Attrs |= HasCongestion
	case attrCgroupID:
		if len(b) >= 8 {
			s.CgroupID = binary.NativeEndian.Uint64(b)
			s.Attrs |= HasCgroup
		}
	case attrMark:
		if len(b) >= 4 {
			s.Mark = binary.NativeEndian.Uint32(b)
			s.Attrs |= HasMark
		}
	case attrShutdown:
		if len(b) >= 1 {
			s.Shutdown = b[0]
			s.Attrs |= HasShutdown
		}
	case attrBBRInfo, attrVegasInfo, attrDCTCPInfo:
		decodeCongestionInfo(s, kind, b)
	}
}

func decodeSkMem(s *Socket, b []byte) {
	if len(b) < sizeofSkMem {
		return
	}

	s.SkMem = SkMem{
		RmemAlloc:  binary.NativeEndian.Uint32(b),
		Rcvbuf:     binary.NativeEndian.Uint32(b[4:]),
		WmemAlloc:  binary.NativeEndian.Uint32(b[8:]),
		Sndbuf:     binary.NativeEndian.Uint32(b[12:]),
		FwdAlloc:   binary.NativeEndian.Uint32(b[16:]),
		WmemQueued: binary.NativeEndian.Uint32(b[20:]),
		Optmem:     binary.NativeEndian.Uint32(b[24:]),
		Backlog:    binary.NativeEndian.Uint32(b[28:]),
	}
	s.Attrs |= HasSkMem

	if len(b) >= sizeofSkMem+4 {
		s.SkMem.Drops = binary.NativeEndian.Uint32(b[32:])
		s.Attrs |= HasDrops
	}
}

func decodeCongestionInfo(s *Socket, kind uint16, b []byte) {
	switch {
	case kind == attrBBRInfo && len(b) >= sizeofBBRInfo:
		s.BBR = BBRInfo{
			Bandwidth: uint64(binary.NativeEndian.Uint32(b)) |
				uint64(binary.NativeEndian.Uint32(b[4:]))<<32,
			MinRTT:     sampled(b[8:], unsetU32),
			PacingGain: binary.NativeEndian.Uint32(b[12:]),
			CwndGain:   binary.NativeEndian.Uint32(b[16:]),
		}
		s.Attrs |= HasBBR
	case kind == attrVegasInfo && len(b) >= sizeofCongInfo:
		s.Vegas = VegasInfo{
			Enabled:  binary.NativeEndian.Uint32(b),
			RTTCount: binary.NativeEndian.Uint32(b[4:]),
			RTT:      sampled(b[8:], unsetVegasRTT),
			MinRTT:   sampled(b[12:], unsetVegasRTT),
		}
		s.Attrs |= HasVegas
	case kind == attrDCTCPInfo && len(b) >= sizeofCongInfo:
		s.DCTCP = DCTCPInfo{
			Enabled: binary.NativeEndian.Uint16(b),
			CEState: binary.NativeEndian.Uint16(b[2:]),
			Alpha:   binary.NativeEndian.Uint32(b[4:]),
			ABECN:   binary.NativeEndian.Uint32(b[8:]),
			ABTotal: binary.NativeEndian.Uint32(b[12:]),
		}
		s.Attrs |= HasDCTCP
	}
}

// sampled reads a time. It returns zero for the value that means no sample.
func sampled(b []byte, unset uint32) uint32 {
	if v := binary.NativeEndian.Uint32(b); v != unset {
		return v
	}

	return 0
}
