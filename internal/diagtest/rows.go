package diagtest

import (
	"net/netip"

	"tcphealth_exporter/sampler"
)

// Established returns the row of an idle, healthy connection over a path of 20 ms. Each
// cookie has another remote address.
func Established(cookie uint64) Row {
	return Row{
		State:  sampler.StateEstablished,
		Local:  netip.MustParseAddrPort("192.0.2.1:443"),
		Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(cookie >> 24), byte(cookie >> 16), 1}), uint16(cookie)),
		Cookie: cookie,
		Info: TCPInfo{
			RTO: 220_000, SndMSS: 1448, RcvMSS: 1448, RTT: 20_000, RTTVar: 2_000, MinRTT: 20_000,
			LastDataSent: 3_600_000, LastDataRecv: 3_600_000, LastAckRecv: 3_600_000,
			SndCwnd: 10, SndSsthresh: 0x7fffffff, SndWnd: 64_000, RcvWnd: 64_000,
			BytesAcked: 1, BytesReceived: 0, Delivered: 1,
		},
	}
}

// Listener returns the row of a listening socket.
func Listener(cookie uint64, local string, queue, limit uint32) Row {
	r := Row{
		State: sampler.StateListen, Local: netip.MustParseAddrPort(local), Cookie: cookie, RecvQueue: queue, SendQueue: limit,
	}
	r.Remote = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)

	if r.Local.Addr().Is6() {
		r.Remote = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}

	return r
}

// Outstanding returns the row of a connection with a segment in flight. Data was last
// sent, and data and an ACK last received, the given number of ms ago.
func Outstanding(sent, heard uint32) Row {
	r := Established(1)
	r.Info.Unacked, r.SendQueue, r.Timer, r.Expires = 1, 300, sampler.TimerRetransmit, 100
	r.Info.LastDataSent, r.Info.LastAckRecv, r.Info.LastDataRecv = sent, heard, heard

	return r
}
