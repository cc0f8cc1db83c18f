package health

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// tcpInfo is struct tcp_info (uapi/linux/tcp.h, Linux 6.18). It has no holes,
// so that its fields in a row are what the kernel sends.
type tcpInfo struct {
	State, CAState, Retransmits, Probes, Backoff, Options, Wscale, Bits uint8
	RTO, ATO, SndMSS, RcvMSS                                            uint32
	Unacked, Sacked, Lost, Retrans, Fackets                             uint32
	LastDataSent, LastAckSent, LastDataRecv, LastAckRecv                uint32
	PMTU, RcvSsthresh, RTT, RTTVar, SndSsthresh, SndCwnd, AdvMSS        uint32
	Reordering, RcvRTT, RcvSpace, TotalRetrans                          uint32
	PacingRate, MaxPacingRate, BytesAcked, BytesReceived                uint64
	SegsOut, SegsIn, NotsentBytes, MinRTT, DataSegsIn, DataSegsOut      uint32
	DeliveryRate, BusyTime, RwndLimited, SndbufLimited                  uint64
	Delivered, DeliveredCE                                              uint32
	BytesSent, BytesRetrans                                             uint64
	DSACKDups, ReordSeen, RcvOOOPack, SndWnd, RcvWnd, Rehash            uint32
	TotalRTO, TotalRTORecoveries                                        uint16
	TotalRTOTime                                                        uint32
	AccECN                                                              [8]uint32
}

// infoSizes are the lengths of tcp_info from Linux 3.14 to 6.18.
var infoSizes = []int{104, 120, 136, 144, 160, 168, 192, 200, 224, 232, 240, 248, 280}

// noInfo as size says that a row comes without tcp_info.
const noInfo = -1

// row is one row of a dump in the kernel's terms.
type row struct {
	family        sampler.Family // zero: as the addresses are
	state         sampler.State
	timer         sampler.Timer
	local, remote netip.AddrPort
	ifindex       uint32
	cookie        uint64
	expires       uint32
	recv, send    uint32
	info          tcpInfo
	size          int // of tcp_info, zero for all of it
}

// established returns the row of an idle, healthy connection over a path of
// 20 ms, another one for each cookie.
func established(cookie uint64) row {
	return row{
		state:  sampler.StateEstablished,
		local:  netip.MustParseAddrPort("192.0.2.1:443"),
		remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(cookie >> 24), byte(cookie >> 16), 1}), uint16(cookie)),
		cookie: cookie,
		info: tcpInfo{
			RTO: 220_000, SndMSS: 1448, RcvMSS: 1448, RTT: 20_000, RTTVar: 2_000, MinRTT: 20_000,
			LastDataSent: 3_600_000, LastDataRecv: 3_600_000, LastAckRecv: 3_600_000,
			SndCwnd: 10, SndSsthresh: 0x7fffffff, SndWnd: 64_000, RcvWnd: 64_000,
			BytesAcked: 1, BytesReceived: 0, Delivered: 1,
		},
	}
}

// listener returns the row of a listening socket.
func listener(cookie uint64, local string, queue, limit uint32) row {
	r := row{
		state: sampler.StateListen, local: netip.MustParseAddrPort(local), cookie: cookie, recv: queue, send: limit,
	}
	r.remote = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)

	if r.local.Addr().Is6() {
		r.remote = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}

	return r
}

// message encodes the row as the kernel does: a netlink message with struct
// inet_diag_msg and an attribute INET_DIAG_INFO.
func (r *row) message() []byte {
	const (
		header, diagMsg, infoKind = 16, 72, 2
		typeSockDiag              = 20
	)

	b := make([]byte, header+diagMsg, header+diagMsg+4+sampler.MaxInfoSize)
	order := binary.NativeEndian
	d := b[header:]
	d[0], d[1], d[2] = byte(r.kernelFamily()), byte(r.state), byte(r.timer)
	binary.BigEndian.PutUint16(d[4:], r.local.Port())
	binary.BigEndian.PutUint16(d[6:], r.remote.Port())
	r.putAddress(d[8:24], r.local.Addr())
	r.putAddress(d[24:40], r.remote.Addr())
	order.PutUint32(d[40:], r.ifindex)
	order.PutUint32(d[44:], uint32(r.cookie))
	order.PutUint32(d[48:], uint32(r.cookie>>32))
	order.PutUint32(d[52:], r.expires)
	order.PutUint32(d[56:], r.recv)
	order.PutUint32(d[60:], r.send)

	if r.size != noInfo {
		size := r.size
		if size == 0 {
			size = sampler.MaxInfoSize
		}

		r.info.State = byte(r.state)
		b = order.AppendUint16(b, uint16(4+size))
		b = order.AppendUint16(b, infoKind)
		b = r.appendInfo(b)[:len(b)+size]
	}

	order.PutUint32(b, uint32(len(b)))
	order.PutUint16(b[4:], typeSockDiag)

	return b
}

func (r *row) appendInfo(b []byte) []byte {
	b, err := binary.Append(b, binary.NativeEndian, &r.info)
	if err != nil {
		panic(err)
	}

	return b
}

func (r *row) kernelFamily() sampler.Family {
	switch {
	case r.family != 0:
		return r.family
	case r.local.Addr().Is4():
		return sampler.FamilyIPv4
	default:
		return sampler.FamilyIPv6
	}
}

func (r *row) putAddress(b []byte, a netip.Addr) {
	if r.kernelFamily() == sampler.FamilyIPv4 {
		copy(b, a.AsSlice())
	} else {
		sixteen := a.As16()
		copy(b, sixteen[:])
	}
}

// decoder turns rows into what the sampler makes of them, on the way that a
// recording takes.
type decoder struct {
	file     bytes.Buffer
	recorder *sampler.Recorder
	replay   *sampler.Replay
}

func newDecoder(tb testing.TB) *decoder {
	tb.Helper()

	d := new(decoder)

	var err error
	if d.recorder, err = sampler.NewRecorder(&d.file, "6.18", time.Second, start); err != nil {
		tb.Fatal(err)
	}

	if d.replay, err = sampler.NewReplay(&d.file); err != nil {
		tb.Fatal(err)
	}

	return d
}

// dump hands the rows, sampled at one time, to sink.
func (d *decoder) dump(tb testing.TB, at time.Time, rows []row, sink sampler.Sink) sampler.Dump {
	tb.Helper()

	const rowsPerDatagram = 500

	var datagram []byte

	for i := range rows {
		datagram = append(datagram, rows[i].message()...)
		if (i+1)%rowsPerDatagram == 0 || i == len(rows)-1 {
			d.recorder.Datagram(at, datagram)
			datagram = datagram[:0]
		}
	}

	d.recorder.Dumped(sampler.Dump{Start: at, End: at})

	done, err := d.replay.Dump(sink)
	if err := errors.Join(d.recorder.Err(), err); err != nil {
		tb.Fatal(err)
	}

	if done.Sockets != len(rows) {
		tb.Fatalf("%d rows became %d sockets", len(rows), done.Sockets)
	}

	return done
}

// decode returns the sockets of the rows.
func decode(tb testing.TB, rows ...row) []sampler.Socket {
	tb.Helper()

	var all []sampler.Socket

	newDecoder(tb).dump(tb, start, rows, func(_ time.Time, s []sampler.Socket) { all = append(all, s...) })

	return all
}

// TestRowsSurviveTheWire makes sure that the rows of these tests say what they
// are meant to say.
func TestRowsSurviveTheWire(t *testing.T) {
	r := established(0x1234_5678_9abc)
	r.timer, r.expires, r.recv, r.send, r.ifindex = sampler.TimerProbe, 17, 18, 19, 20
	r.info.SndWnd, r.info.DSACKDups, r.info.BytesRetrans, r.info.RTT = 21, 22, 23, 24
	s := &decode(t, r)[0]

	if s.Cookie != r.cookie || s.State != r.state || s.Timer != r.timer || s.Expires != 17 ||
		s.RecvQueue != 18 || s.SendQueue != 19 || s.Ifindex != 20 {
		t.Errorf("the base of the row became %+v", s)
	}

	if s.Local.AddrPort() != r.local || s.Remote.AddrPort() != r.remote {
		t.Errorf("the addresses became %v and %v", s.Local.AddrPort(), s.Remote.AddrPort())
	}

	info := &s.Info
	if info.Len() != 280 || info.SndWnd() != 21 || info.DSACKDups() != 22 || info.BytesRetrans() != 23 || info.RTT() != 24 {
		t.Errorf("tcp_info of %d bytes became %+v", info.Len(), info)
	}

	for _, size := range infoSizes {
		r.size = size
		if got := decode(t, r)[0].Info; got.Len() != size || got.Has(sampler.FieldSndWnd) != (size >= 232) {
			t.Errorf("tcp_info of %d bytes became one of %d", size, got.Len())
		}
	}

	r.size = noInfo
	if s := &decode(t, r)[0]; s.Has(sampler.HasInfo) || s.Info.Len() != 0 {
		t.Error("a row without tcp_info got one")
	}

	d := newDecoder(t)
	if _, err := d.replay.Dump(nil); !errors.Is(err, io.EOF) {
		t.Errorf("an empty recording ended with %v", err)
	}
}
