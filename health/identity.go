package health

import (
	"net/netip"
	"strconv"
	"unicode/utf8"
)

// identity renders the labels of a connection.
func (t *tuple) identity() Identity {
	local, remote := t.local.AddrPort(), t.remote.AddrPort()

	return Identity{
		LocalAddress:  zoned(local.Addr(), t.zone),
		LocalPort:     strconv.Itoa(int(local.Port())),
		RemoteAddress: zoned(remote.Addr(), t.zone),
		RemotePort:    strconv.Itoa(int(remote.Port())),
	}
}

func zoned(a netip.Addr, zone string) string {
	if a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(zone)
	}

	return a.String()
}

// zones names the interfaces of link-local addresses, each at most once a tick:
// interfaces come, go and are renamed.
type zones struct {
	lookUp func(index uint32) string
	names  map[uint32]string
}

func (z *zones) begin() { clear(z.names) }

// name returns the name of an interface, its number where it has none that can
// be a label, and nothing for the index zero.
func (z *zones) name(index uint32) string {
	if index == 0 {
		return ""
	}

	if name, known := z.names[index]; known {
		return name
	}

	name := ""
	if z.lookUp != nil {
		name = z.lookUp(index)
	}

	if name == "" || !utf8.ValidString(name) {
		name = strconv.FormatUint(uint64(index), 10)
	}

	if z.names == nil {
		z.names = make(map[uint32]string)
	}

	z.names[index] = name

	return name
}
