package health

import (
	"net/netip"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// row is one row of a dump in the kernel's terms.
type row = diagtest.Row

// established returns the row of an idle, healthy connection over a path of
// 20 ms, another one for each cookie.
func established(cookie uint64) row {
	return row{
		State:  sampler.StateEstablished,
		Local:  netip.MustParseAddrPort("192.0.2.1:443"),
		Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(cookie >> 24), byte(cookie >> 16), 1}), uint16(cookie)),
		Cookie: cookie,
		Info: diagtest.TCPInfo{
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
		State: sampler.StateListen, Local: netip.MustParseAddrPort(local), Cookie: cookie, RecvQueue: queue, SendQueue: limit,
	}
	r.Remote = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)

	if r.Local.Addr().Is6() {
		r.Remote = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}

	return r
}
