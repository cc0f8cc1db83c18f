package lab

import (
	"bytes"
	"net/netip"
	"testing"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

func TestRedact(t *testing.T) {
	row := func(local, remote string) diagtest.Row {
		return diagtest.Row{
			State: sampler.StateEstablished, Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote),
			Cookie: 7, UID: 1000, Inode: 4711,
		}
	}
	for _, tc := range []struct{ local, remote, wantLocal, wantRemote string }{
		{"10.78.1.1:443", "10.78.1.2:999", "192.0.2.1:443", "192.0.2.2:999"},
		{"[fd78:1::1]:443", "[fe80::42]:999", "[2001:db8::1]:443", "[2001:db8::42]:999"},
		{"127.0.0.1:443", "0.0.0.0:0", "127.0.0.1:443", "0.0.0.0:0"},
	} {
		r := row(tc.local, tc.remote)
		b := r.Message()
		redact(b)
		want := row(tc.wantLocal, tc.wantRemote)
		want.UID, want.Inode = 0, 0
		if !bytes.Equal(b, want.Message()) {
			t.Errorf("%s to %s is not %s to %s", tc.local, tc.remote, tc.wantLocal, tc.wantRemote)
		}
	}
	redact([]byte{1, 2, 3}) // What is cut off is left alone.
}

func TestCutInfo(t *testing.T) {
	whole := diagtest.Row{State: sampler.StateEstablished, Local: netip.MustParseAddrPort("192.0.2.1:1"), Remote: netip.MustParseAddrPort("192.0.2.2:2")}
	short := whole
	short.InfoSize = 104
	if got := cutDatagram(append(whole.Message(), whole.Message()...), 104); !bytes.Equal(got, append(short.Message(), short.Message()...)) {
		t.Error("the cut is not what an older kernel sends")
	}
	if _, err := cutInfo([]byte("no recording"), 104); err == nil {
		t.Error("a file that is no recording was cut")
	}
}
