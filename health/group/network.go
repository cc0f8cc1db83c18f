package group

import (
	"maps"
	"net/netip"
	"slices"
)

// Names of the networks that need no definition.
const (
	NetworkLoopback  = "loopback"
	NetworkPrivate   = "private"
	NetworkLinkLocal = "link-local"
	// NetworkGlobal is what no other network has.
	NetworkGlobal = "global"
)

// builtinNetworkTable has the address ranges of the special networks (RFC 1122,
// RFC 1918, RFC 3927, RFC 4193, RFC 4291).
var builtinNetworkTable = map[string]string{
	"127.0.0.0/8":    NetworkLoopback,
	"::1/128":        NetworkLoopback,
	"10.0.0.0/8":     NetworkPrivate,
	"172.16.0.0/12":  NetworkPrivate,
	"192.168.0.0/16": NetworkPrivate,
	"fc00::/7":       NetworkPrivate,
	"169.254.0.0/16": NetworkLinkLocal,
	"fe80::/10":      NetworkLinkLocal,
}

// Networks names the networks that addresses belong to.
type Networks struct {
	names map[netip.Prefix]string
	// lengths are those of the prefixes, longest first.
	lengths []int
}

// NewNetworks returns the built-in networks and the given ones, by their
// prefixes, which have no bits set behind their length. A given prefix replaces a
// built-in one.
func NewNetworks(given map[netip.Prefix]string) *Networks {
	n := &Networks{names: make(map[netip.Prefix]string)}
	for text, name := range builtinNetworkTable {
		n.names[netip.MustParsePrefix(text)] = name
	}

	maps.Copy(n.names, given)

	for p := range n.names {
		if !slices.Contains(n.lengths, p.Bits()) {
			n.lengths = append(n.lengths, p.Bits())
		}
	}

	slices.Sort(n.lengths)
	slices.Reverse(n.lengths)

	return n
}

// Name returns the name of the network with the longest prefix of an address,
// which is not IPv4-mapped.
func (n *Networks) Name(a netip.Addr) string {
	a = a.WithZone("")

	for _, bits := range n.lengths {
		if p, err := a.Prefix(bits); err == nil {
			if name, found := n.names[p]; found {
				return name
			}
		}
	}

	return NetworkGlobal
}

// Equal reports whether both name all addresses alike.
func (n *Networks) Equal(other *Networks) bool {
	if n == nil || other == nil {
		return n == other
	}

	return maps.Equal(n.names, other.names)
}
