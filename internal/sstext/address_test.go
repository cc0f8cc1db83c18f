package sstext

import (
	"net/netip"
	"testing"
)

func TestParseAddress(t *testing.T) {
	tests := []struct{ text, addr, device string }{
		{"10.77.7.1:44500", "10.77.7.1:44500", ""},
		{"0.0.0.0:*", "0.0.0.0:0", ""},
		{"127.0.0.1%lo:8006", "127.0.0.1:8006", "lo"},
		{"[::1]:8001", "[::1]:8001", ""},
		{"[::]:*", "[::]:0", ""},
		{"*:8004", "[::]:8004", ""},
		{"*:*", "[::]:0", ""},
		{"*%lo:8007", "[::%lo]:8007", "lo"},
		{"[::]%lo:8005", "[::%lo]:8005", "lo"},
		{"[::ffff:127.0.0.1]:53402", "[::ffff:127.0.0.1]:53402", ""},
		{"[fd77:7::1]:38086", "[fd77:7::1]:38086", ""},
		{"[fe80::8c76:fff:fe72:c9d3]%lab7a:51410", "[fe80::8c76:fff:fe72:c9d3%lab7a]:51410", "lab7a"},
		{"[fe80::6418:4eff:fec6:a8b2]:9010", "[fe80::6418:4eff:fec6:a8b2]:9010", ""},
	}
	for _, tt := range tests {
		addr, device, err := parseAddress(tt.text)
		if want := netip.MustParseAddrPort(tt.addr); err != nil || addr != want || device != tt.device {
			t.Errorf("parseAddress(%q) = %v, %q, %v; want %v, %q", tt.text, addr, device, err, want, tt.device)
		}
	}
}

func TestParseAddressErrors(t *testing.T) {
	for _, text := range []string{
		"", ":", "10.77.1.1", "10.77.1.1:", "10.77.1.1:http", "10.77.1.1:65536", "10.77.1.1:-1", "localhost:80",
		"[10.77.1.1]:80", "::1:80", "[::1:80", "::1]:80", "[::1%lo]:80", "[*]:80",
	} {
		if addr, device, err := parseAddress(text); err == nil {
			t.Errorf("parseAddress(%q) = %v, %q; want an error", text, addr, device)
		}
	}
}
