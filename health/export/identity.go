package export

import (
	"net/netip"
	"strconv"

	"tcphealth_exporter/sampler"
)

// Identity is a connection in labels. A link-local address includes its zone.
type Identity struct {
	LocalAddress, LocalPort, RemoteAddress, RemotePort string
}

// Tuple identifies a connection as its labels do.
type Tuple struct {
	Local, Remote sampler.Endpoint
	// Zone is the name of the interface of link-local addresses.
	Zone string
}

// TupleOf returns the tuple of a socket. zone names an interface, see [Zones.Name].
func TupleOf(s *sampler.Socket, zone func(space sampler.Space, ifindex uint32) string) Tuple {
	t := Tuple{Local: s.Local, Remote: s.Remote}
	if s.LinkLocal() {
		t.Zone = zone(s.Space, s.Ifindex)
	}

	return t
}

// Identity renders the labels.
func (t *Tuple) Identity() Identity {
	local, remote := t.Local.AddrPort(), t.Remote.AddrPort()

	return Identity{
		LocalAddress:  zoned(local.Addr(), t.Zone),
		LocalPort:     strconv.Itoa(int(local.Port())),
		RemoteAddress: zoned(remote.Addr(), t.Zone),
		RemotePort:    strconv.Itoa(int(remote.Port())),
	}
}

func zoned(a netip.Addr, zone string) string {
	if NeedsZone(a) {
		a = a.WithZone(zone)
	}

	return a.String()
}

// NeedsZone reports whether an address is ambiguous without its interface.
func NeedsZone(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }
