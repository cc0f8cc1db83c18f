package netlab

import (
	"net/netip"
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	RequireRoot(t)
	a, b := New(t), New(t)
	link := Join(t, a, b, 7)
	want := Link{
		A: End{
			Name: "lab7a", Index: link.A.Index, LinkLocal: link.A.LinkLocal,
			IPv4: netip.MustParseAddr("10.77.7.1"), IPv6: netip.MustParseAddr("fd77:7::1"),
		},
		B: End{
			Name: "lab7b", Index: link.B.Index, LinkLocal: link.B.LinkLocal,
			IPv4: netip.MustParseAddr("10.77.7.2"), IPv6: netip.MustParseAddr("fd77:7::2"),
		},
	}
	if link != want {
		t.Errorf("Join returned %+v, want %+v", link, want)
	}
	for _, addr := range []netip.Addr{link.B.IPv4, link.B.IPv6} {
		t.Run(addr.String(), func(t *testing.T) {
			client, server := Connect(t, a, b, "tcp", at(addr, 0))
			requireEcho(t, client, server)
		})
	}
}

func TestJoinLinkLocal(t *testing.T) {
	RequireRoot(t)
	a, b := New(t), New(t)
	Join(t, a, New(t), 1) // Makes the indexes of the next cable's ends differ.
	link := Join(t, a, b, 2)
	listener := b.Listen(t, "tcp", at(link.B.LinkLocal, 0))
	client := a.Dial(t, "tcp", at(link.B.LinkLocal.WithZone(link.A.LinkLocal.Zone()), port(listener)))
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	requireEcho(t, client, server)
}

func TestJoinSeveralCables(t *testing.T) {
	RequireRoot(t)
	a, b := New(t), New(t)
	first, last := Join(t, a, b, 1), Join(t, a, b, 255)
	for _, end := range []End{first.A, last.A, first.B, last.B} {
		from, to := a, b
		if strings.HasSuffix(end.Name, "a") {
			from, to = b, a
		}
		client, server := Connect(t, from, to, "tcp", at(end.IPv6, 0))
		requireEcho(t, client, server)
	}
}

func TestJoinRefuses(t *testing.T) {
	RequireRoot(t)
	a, b := New(t), New(t)
	Join(t, a, b, 1)
	tests := []struct {
		name string
		i    int
		want string
	}{
		{"number too small", 0, "only 1 to 255"},
		{"number too large", 256, "only 1 to 255"},
		{"number in use", 1, "file exists"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := observe(t, func(t testing.TB) { Join(t, a, b, tt.i) })
			requireMessage(t, "failed", got.fatal, tt.want)
		})
	}
}
