package sampler

import "encoding/binary"

const (
	// MaxInfoSize is the size in bytes of the newest known tcp_info layout
	// (Linux 6.18). Fields that a newer kernel appends are not read.
	MaxInfoSize = 280

	unsetU32        = 0xffffffff
	unsetU64        = 0xffffffffffffffff
	infiniteThresh  = 0x7fffffff
	packedAccECNBit = 1 << 15
)

// TCPInfo is one struct tcp_info as the kernel sent it (uapi/linux/tcp.h). The
// zero value has no field. Typed methods such as [TCPInfo.RTT] return zero for
// an absent field; [TCPInfo.Get] distinguishes absent from zero.
type TCPInfo struct {
	raw  [MaxInfoSize]byte
	size uint16 // bytes that the kernel sent, plus packedAccECNBit
}

// set copies the payload of an INET_DIAG_INFO attribute. packedAccECN means that the
// last four bytes have the layout of Linux 7.0.
func (t *TCPInfo) set(payload []byte, packedAccECN bool) {
	n := copy(t.raw[:], payload)
	clear(t.raw[n:])

	t.size = uint16(n)
	if packedAccECN {
		t.size |= packedAccECNBit
	}
}

// Len returns the number of known bytes that the kernel sent, zero for a socket without
// tcp_info.
func (t *TCPInfo) Len() int { return int(t.size &^ packedAccECNBit) }

// Has reports whether the field is present: the attribute is long enough, the value is
// not one of the kernel's for "unset", and the field is defined in the state.
func (t *TCPInfo) Has(f Field) bool {
	_, ok := t.Get(f)

	return ok
}

// Get returns the field in the kernel's own unit (µs, ms, bytes, segments, see
// uapi/linux/tcp.h) and whether it is present.
func (t *TCPInfo) Get(f Field) (uint64, bool) {
	if f >= NumFields || int(fieldTable[f].end()) > t.Len() || !definedIn(State(t.raw[offState]), f) {
		return 0, false
	}

	v := t.read(f)
	if t.unset(f, v) {
		return 0, false
	}

	return v, true
}

// read extracts a field that is known to fit.
func (t *TCPInfo) read(f Field) uint64 {
	if t.size&packedAccECNBit != 0 {
		switch f {
		case FieldAccECNOptSeen:
			return uint64(t.u32(offAccECN) >> 2 & 3)
		case FieldAccECNFailMode:
			return uint64(t.u32(offAccECN) >> 4 & 15)
		}
	}

	spec := &fieldTable[f]

	var v uint64

	switch spec.width {
	case 1:
		v = uint64(t.raw[spec.offset])
	case 2:
		v = uint64(binary.NativeEndian.Uint16(t.raw[spec.offset:]))
	case 4:
		v = uint64(t.u32(int(spec.offset)))
	default:
		v = t.u64(int(spec.offset))
	}

	if spec.bits != 0 {
		v = v >> spec.shift & (1<<spec.bits - 1)
	}

	return v
}

// unset reports whether v stands for "no value" in field f.
func (t *TCPInfo) unset(f Field, v uint64) bool {
	switch f {
	case FieldMinRTT:
		return v == unsetU32
	case FieldPacingRate, FieldMaxPacingRate:
		return v == unsetU64
	case FieldSndSsthresh:
		return v >= infiniteThresh
	case FieldRTT, FieldRTTVar:
		return t.RTT() == 0 // rttvar holds its initial value until the first sample
	case FieldRcvRTT:
		return v == 0
	case FieldSndWscale, FieldRcvWscale:
		return t.raw[offOptions]&OptionWScale == 0
	default:
		return false
	}
}

// definedIn reports whether field f is defined in the state. A connecting socket has no
// clocks yet; a listener has few fields.
func definedIn(s State, f Field) bool {
	switch s {
	case StateSynSent:
		return f != FieldLastDataSent && f != FieldLastDataRecv && f != FieldLastAckRecv
	case StateListen:
		return f == FieldUnacked || f == FieldSacked || f == FieldReordering || f == FieldSndCwnd ||
			f == FieldPacingRate || f == FieldMaxPacingRate
	default:
		return true
	}
}

func (t *TCPInfo) u32(off int) uint32 { return binary.NativeEndian.Uint32(t.raw[off:]) }
func (t *TCPInfo) u64(off int) uint64 { return binary.NativeEndian.Uint64(t.raw[off:]) }

// CAState returns tcpi_ca_state.
func (t *TCPInfo) CAState() CAState { return CAState(t.raw[offCAState]) }

// Retransmits returns tcpi_retransmits: consecutive timeouts of the head segment.
func (t *TCPInfo) Retransmits() uint8 { return t.raw[offRetransmits] }

// Probes returns tcpi_probes: unanswered zero-window or keepalive probes.
func (t *TCPInfo) Probes() uint8 { return t.raw[offProbes] }

// Backoff returns tcpi_backoff: the exponent of the RTO back-off.
func (t *TCPInfo) Backoff() uint8 { return t.raw[offBackoff] }

// RTO returns tcpi_rto in µs, in steps of a jiffy, with the back-off applied.
func (t *TCPInfo) RTO() uint32 { return t.u32(offRTO) }

// SndMSS returns tcpi_snd_mss in bytes.
func (t *TCPInfo) SndMSS() uint32 { return t.u32(offSndMSS) }

// Unacked returns tcpi_unacked in segments; on a listener its accept queue.
func (t *TCPInfo) Unacked() uint32 { return t.u32(offUnacked) }

// Sacked returns tcpi_sacked in segments; on a listener its backlog limit.
func (t *TCPInfo) Sacked() uint32 { return t.u32(offSacked) }

// Lost returns tcpi_lost in segments.
func (t *TCPInfo) Lost() uint32 { return t.u32(offLost) }

// LastDataSent returns tcpi_last_data_sent in ms; meaningless in SYN_SENT.
func (t *TCPInfo) LastDataSent() uint32 { return t.u32(offLastDataSent) }

// LastDataRecv returns tcpi_last_data_recv in ms; meaningless in SYN_SENT.
func (t *TCPInfo) LastDataRecv() uint32 { return t.u32(offLastDataRecv) }

// LastAckRecv returns tcpi_last_ack_recv in ms; meaningless in SYN_SENT.
func (t *TCPInfo) LastAckRecv() uint32 { return t.u32(offLastAckRecv) }

// RTT returns tcpi_rtt in µs, the smoothed RTT; zero before the first sample.
func (t *TCPInfo) RTT() uint32 { return t.u32(offRTT) }

// RTTVar returns tcpi_rttvar in µs, the mean deviation of the RTT.
func (t *TCPInfo) RTTVar() uint32 { return t.u32(offRTTVar) }

// SndCwnd returns tcpi_snd_cwnd in segments.
func (t *TCPInfo) SndCwnd() uint32 { return t.u32(offSndCwnd) }

// TotalRetrans returns tcpi_total_retrans in segments.
func (t *TCPInfo) TotalRetrans() uint32 { return t.u32(offTotalRetrans) }

// BytesAcked returns tcpi_bytes_acked; SYN and FIN count one each.
func (t *TCPInfo) BytesAcked() uint64 { return t.u64(offBytesAcked) }

// BytesReceived returns tcpi_bytes_received; the peer's FIN counts one.
func (t *TCPInfo) BytesReceived() uint64 { return t.u64(offBytesReceived) }

// NotsentBytes returns tcpi_notsent_bytes.
func (t *TCPInfo) NotsentBytes() uint32 { return t.u32(offNotsentBytes) }

// SegsOut returns tcpi_segs_out.
func (t *TCPInfo) SegsOut() uint32 { return t.u32(offSegsOut) }

// SegsIn returns tcpi_segs_in.
func (t *TCPInfo) SegsIn() uint32 { return t.u32(offSegsIn) }

// DataSegsIn returns tcpi_data_segs_in.
func (t *TCPInfo) DataSegsIn() uint32 { return t.u32(offDataSegsIn) }

// DataSegsOut returns tcpi_data_segs_out.
func (t *TCPInfo) DataSegsOut() uint32 { return t.u32(offDataSegsOut) }

// DeliveryRate returns tcpi_delivery_rate in bytes per second.
func (t *TCPInfo) DeliveryRate() uint64 { return t.u64(offDeliveryRate) }

// BusyTime returns tcpi_busy_time in µs.
func (t *TCPInfo) BusyTime() uint64 { return t.u64(offBusyTime) }

// RwndLimited returns tcpi_rwnd_limited in µs, a part of the busy time.
func (t *TCPInfo) RwndLimited() uint64 { return t.u64(offRwndLimited) }

// SndbufLimited returns tcpi_sndbuf_limited in µs, a part of the busy time.
func (t *TCPInfo) SndbufLimited() uint64 { return t.u64(offSndbufLimited) }

// Delivered returns tcpi_delivered in segments; the SYN counts.
func (t *TCPInfo) Delivered() uint32 { return t.u32(offDelivered) }

// DeliveredCE returns tcpi_delivered_ce in segments.
func (t *TCPInfo) DeliveredCE() uint32 { return t.u32(offDeliveredCE) }

// BytesSent returns tcpi_bytes_sent: payload including retransmissions.
func (t *TCPInfo) BytesSent() uint64 { return t.u64(offBytesSent) }

// BytesRetrans returns tcpi_bytes_retrans.
func (t *TCPInfo) BytesRetrans() uint64 { return t.u64(offBytesRetrans) }

// DSACKDups returns tcpi_dsack_dups in segments.
func (t *TCPInfo) DSACKDups() uint32 { return t.u32(offDSACKDups) }

// RcvOOOPack returns tcpi_rcv_ooopack in segments.
func (t *TCPInfo) RcvOOOPack() uint32 { return t.u32(offRcvOOOPack) }

// SndWnd returns tcpi_snd_wnd in bytes: the peer's window after scaling.
func (t *TCPInfo) SndWnd() uint32 { return t.u32(offSndWnd) }
