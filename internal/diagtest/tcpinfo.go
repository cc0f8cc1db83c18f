package diagtest

import "encoding/binary"

// TCPInfo is struct tcp_info (uapi/linux/tcp.h). The fields have the kernel's units, and
// the kernel's names without tcpi_. It has no padding, so that its encoding is the
// kernel's.
type TCPInfo struct {
	State, CAState, Retransmits, Probes, Backoff, Options       uint8
	Wscale, Flags                                               uint8 // bit fields
	RTO, ATO, SndMSS, RcvMSS                                    uint32
	Unacked, Sacked, Lost, Retrans, Fackets                     uint32
	LastDataSent, LastAckSent, LastDataRecv, LastAckRecv        uint32
	PMTU, RcvSsthresh, RTT, RTTVar, SndSsthresh, SndCwnd        uint32
	AdvMSS, Reordering, RcvRTT, RcvSpace, TotalRetrans          uint32
	PacingRate, MaxPacingRate, BytesAcked, BytesReceived        uint64
	SegsOut, SegsIn, NotsentBytes, MinRTT                       uint32
	DataSegsIn, DataSegsOut                                     uint32
	DeliveryRate, BusyTime, RwndLimited, SndbufLimited          uint64
	Delivered, DeliveredCE                                      uint32
	BytesSent, BytesRetrans                                     uint64
	DSACKDups, ReordSeen, RcvOOOPack, SndWnd, RcvWnd, Rehash    uint32
	TotalRTO, TotalRTORecoveries                                uint16
	TotalRTOTime, ReceivedCE                                    uint32
	DeliveredE1Bytes, DeliveredE0Bytes, DeliveredCEBytes        uint32
	ReceivedE1Bytes, ReceivedE0Bytes, ReceivedCEBytes, AccECNed uint32 // AccECNed: bit fields
}

// InfoSizes returns the lengths in bytes of tcp_info from Linux 3.14 to 7.0.
func InfoSizes() []int {
	return []int{104, 120, 136, 144, 160, 168, 192, 200, 224, 232, 240, 248, 280}
}

func (i *TCPInfo) encode() []byte {
	b, err := binary.Append(nil, binary.NativeEndian, i)
	if err != nil {
		panic(err)
	}

	return b
}
