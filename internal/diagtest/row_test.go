package diagtest

import (
	"errors"
	"io"
	"net/netip"
	"testing"

	"tcphealth_exporter/sampler"
)

// TestRowsRoundTrip decodes rows and compares the sockets with them.
func TestRowsRoundTrip(t *testing.T) {
	r := Row{
		State: sampler.StateEstablished, Timer: sampler.TimerProbe, Cookie: 0x1234_5678_9abc,
		Local: netip.MustParseAddrPort("192.0.2.1:443"), Remote: netip.MustParseAddrPort("10.86.120.1:39612"),
		Expires: 17, RecvQueue: 18, SendQueue: 19, Ifindex: 20,
		Info: TCPInfo{SndWnd: 21, DSACKDups: 22, BytesRetrans: 23, RTT: 24},
	}
	s := &Decode(t, r)[0]

	if s.Cookie != r.Cookie || s.State != r.State || s.Timer != r.Timer || s.Expires != 17 ||
		s.RecvQueue != 18 || s.SendQueue != 19 || s.Ifindex != 20 {
		t.Errorf("the base of the row became %+v", s)
	}

	if s.Local.AddrPort() != r.Local || s.Remote.AddrPort() != r.Remote {
		t.Errorf("the addresses became %v and %v", s.Local.AddrPort(), s.Remote.AddrPort())
	}

	info := &s.Info
	if info.Len() != 280 || info.SndWnd() != 21 || info.DSACKDups() != 22 || info.BytesRetrans() != 23 || info.RTT() != 24 {
		t.Errorf("tcp_info of %d bytes became %+v", info.Len(), info)
	}

	for _, size := range InfoSizes() {
		r.InfoSize = size
		if got := Decode(t, r)[0].Info; got.Len() != size || got.Has(sampler.FieldSndWnd) != (size >= 232) {
			t.Errorf("tcp_info of %d bytes became one of %d", size, got.Len())
		}
	}

	r.InfoSize = NoInfo
	if s := &Decode(t, r)[0]; s.Has(sampler.HasInfo) || s.Info.Len() != 0 {
		t.Error("a row without tcp_info got one")
	}

	d := NewRecording(t)
	if _, err := d.replay.Dump(nil); !errors.Is(err, io.EOF) {
		t.Errorf("an empty recording ended with %v", err)
	}
}
