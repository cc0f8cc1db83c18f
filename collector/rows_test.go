package collector_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// tcpInfo is struct tcp_info of Linux 7.0 (uapi/linux/tcp.h) without any hole,
// so that it can be written out as the kernel would lay it out.
type tcpInfo struct {
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
	ReceivedE1Bytes, ReceivedE0Bytes, ReceivedCEBytes, AccECNed uint32
}

// attribute is one INET_DIAG attribute; the payload is anything of fixed size.
type attribute struct {
	kind    uint16
	payload any
}

// The attributes (uapi/linux/inet_diag.h).
func infoAttr(info tcpInfo) attribute      { return attribute{2, info} }
func vegasAttr(v [4]uint32) attribute      { return attribute{3, v} }
func congestionAttr(name string) attribute { return attribute{4, append([]byte(name), 0)} }
func memoryAttr(words ...uint32) attribute { return attribute{7, words} }
func shutdownAttr(sides uint8) attribute   { return attribute{8, sides} }
func dctcpAttr(words [4]uint32) attribute  { return attribute{9, words} }
func bbrAttr(words [5]uint32) attribute    { return attribute{16, words} }
func cutInfoAttr(i tcpInfo, n int) attribute {
	return attribute{2, encode(i)[:n]}
}

// wireRow is struct inet_diag_msg and what follows it.
type wireRow struct {
	state, timer, retrans uint8
	local, remote         string // address and port
	ifindex               uint32
	cookie                uint64
	expires, rqueue       uint32
	wqueue, uid, inode    uint32
	attributes            []attribute
}

func encode(v any) []byte {
	b, err := binary.Append(nil, binary.NativeEndian, v)
	if err != nil {
		panic(err)
	}

	return b
}

// message encodes the row as one netlink message.
func (r wireRow) message() []byte {
	local, remote := netip.MustParseAddrPort(r.local), netip.MustParseAddrPort(r.remote)

	family := byte(2)
	if local.Addr().Is6() {
		family = 10
	}

	b := []byte{family, r.state, r.timer, r.retrans}
	b = binary.BigEndian.AppendUint16(b, local.Port())
	b = binary.BigEndian.AppendUint16(b, remote.Port())
	b = append(b, padded(local.Addr().AsSlice(), 16)...)
	b = append(b, padded(remote.Addr().AsSlice(), 16)...)
	b = append(b, encode([]uint32{
		r.ifindex, uint32(r.cookie), uint32(r.cookie >> 32), r.expires, r.rqueue, r.wqueue, r.uid, r.inode,
	})...)

	for _, a := range r.attributes {
		payload := encode(a.payload)
		b = append(b, encode([]uint16{uint16(4 + len(payload)), a.kind})...)
		b = append(b, padded(payload, (len(payload)+3)&^3)...)
	}

	const sockDiagByFamily = 20

	header := encode(struct {
		Length      uint32
		Type, Flags uint16
		Seq, PortID uint32
	}{uint32(16 + len(b)), sockDiagByFamily, 0, 1, 1})

	return append(header, b...)
}

func padded(b []byte, size int) []byte {
	return append(bytes.Clone(b), make([]byte, size-len(b))...)
}

// rows decodes the rows by the way of a recording, the only one from bytes to
// rows that is open to other packages.
func rows(tb testing.TB, wire ...wireRow) []sampler.Socket {
	tb.Helper()

	replay, err := sampler.NewReplay(bytes.NewReader(recording(tb, wire)))
	if err != nil {
		tb.Fatal(err)
	}

	var all []sampler.Socket
	if _, err := replay.Dump(func(_ time.Time, s []sampler.Socket) { all = append(all, s...) }); err != nil {
		tb.Fatal(err)
	}

	if _, err := replay.Dump(nil); !errors.Is(err, io.EOF) {
		tb.Fatalf("behind the recording's only dump: %v, expected EOF", err)
	}

	if len(all) != len(wire) {
		tb.Fatalf("decoded %d rows, expected %d", len(all), len(wire))
	}

	return all
}

// row decodes one row.
func row(tb testing.TB, wire wireRow) sampler.Socket {
	tb.Helper()

	return rows(tb, wire)[0]
}

// recording holds one dump, each row in a datagram of its own.
func recording(tb testing.TB, wire []wireRow) []byte {
	tb.Helper()

	order := "big"
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		order = "little"
	}

	meta, err := json.Marshal(sampler.Meta{Kernel: "7.0.0", ByteOrder: order, Interval: time.Second})
	if err != nil {
		tb.Fatal(err)
	}

	const (
		kindMeta = iota + 1
		kindDatagram
		kindDumped
	)

	b := frame([]byte("tcphealth_exporter recording 1\n"), kindMeta, meta)
	for _, r := range wire {
		b = frame(b, kindDatagram, r.message())
	}

	return frame(b, kindDumped, make([]byte, 8))
}

func frame(b []byte, kind uint32, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint64(b, uint64(sampledAt.UnixNano()))

	return append(b, payload...)
}
