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
	if needsZone(a) {
		a = a.WithZone(zone)
	}

	return a.String()
}

func needsZone(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }

// numbered names what the kernel knows by number, each at most once a tick: for
// one, interfaces come, go and are renamed.
type numbered[K uint32 | uint64] struct {
	lookUp func(number K) string
	names  map[K]string
}

type (
	// zones are the interfaces of link-local addresses.
	zones = numbered[uint32]
	// cgroups are the cgroups of connections.
	cgroups = numbered[uint64]
)

func (n *numbered[K]) begin() { clear(n.names) }

// name returns the name for a number, the number itself where it has none that
// can be a label, and nothing for zero.
func (n *numbered[K]) name(number K) string {
	if number == 0 {
		return ""
	}

	if name, known := n.names[number]; known {
		return name
	}

	name := ""
	if n.lookUp != nil {
		name = n.lookUp(number)
	}

	if name == "" || !utf8.ValidString(name) {
		name = strconv.FormatUint(uint64(number), 10)
	}

	if n.names == nil {
		n.names = make(map[K]string)
	}

	n.names[number] = name

	return name
}
