package group

import (
	"net/netip"
	"testing"
)

func TestNetworks(t *testing.T) {
	n := NewNetworks(map[netip.Prefix]string{
		netip.MustParsePrefix("10.1.0.0/16"):   "site",
		netip.MustParsePrefix("10.1.2.0/24"):   "rack",
		netip.MustParsePrefix("10.1.2.3/32"):   "host",
		netip.MustParsePrefix("127.0.0.0/8"):   "self",
		netip.MustParsePrefix("2001:db8::/32"): "docs",
		netip.MustParsePrefix("0.0.0.0/0"):     "internet",
	})

	for address, want := range map[string]string{
		"10.1.2.3": "host", "10.1.2.4": "rack", "10.1.3.3": "site", "10.2.0.0": NetworkPrivate,
		"127.0.0.1": "self", "::1": NetworkLoopback, "8.8.8.8": "internet", "172.31.255.255": NetworkPrivate,
		"172.32.0.0": "internet", "192.168.0.1": NetworkPrivate, "169.254.1.1": NetworkLinkLocal,
		"fe80::1": NetworkLinkLocal, "fe80::1%eth0": NetworkLinkLocal, "fd00::1": NetworkPrivate,
		"2001:db8::1": "docs", "2001:db9::1": NetworkGlobal, "::": NetworkGlobal,
	} {
		if got := n.Name(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is in %q, want %q", address, got, want)
		}
	}

	if got := NewNetworks(nil).Name(netip.MustParseAddr("8.8.8.8")); got != NetworkGlobal {
		t.Errorf("%q", got)
	}
}

func TestDimensionNames(t *testing.T) {
	for d := range NumDimensions {
		if got, ok := ParseDimension(d.String()); !ok || got != d {
			t.Errorf("%v is parsed as %v, %v", d, got, ok)
		}
	}

	for _, name := range []string{"", "state", "unknown"} {
		if got, ok := ParseDimension(name); ok {
			t.Errorf("%q is parsed as %v", name, got)
		}
	}
}

// TestGroupingEqual decides whether a reload begins the groups again.
func TestGroupingEqual(t *testing.T) {
	given := map[netip.Prefix]string{netip.MustParsePrefix("10.0.0.0/8"): "site"}
	all := map[string]*Grouping{
		"default":        DefaultGrouping(),
		"its dimensions": NewGrouping([]Dimension{ByRole, ByLocalPort, ByRemoteAddress, ByRemotePort}, nil),
		"role":           NewGrouping([]Dimension{ByRole}, NewNetworks(given)),
		"network":        NewGrouping([]Dimension{ByNetwork}, NewNetworks(nil)),
		"other networks": NewGrouping([]Dimension{ByNetwork}, NewNetworks(given)),
	}

	for a, x := range all {
		for b, y := range all {
			if x.Equal(y) != (a == b) {
				t.Errorf("%s and %s are equal: %v", a, b, x.Equal(y))
			}
		}
	}

	for name, same := range map[string][2]*Grouping{
		"default":          {DefaultGrouping(), DefaultGrouping()},
		"order":            {NewGrouping([]Dimension{ByRole, ByCgroup}, nil), NewGrouping([]Dimension{ByCgroup, ByRole}, nil)},
		"unused networks":  {NewGrouping([]Dimension{ByRole}, NewNetworks(given)), NewGrouping([]Dimension{ByRole}, NewNetworks(nil))},
		"networks by name": {NewGrouping([]Dimension{ByNetwork}, NewNetworks(given)), NewGrouping([]Dimension{ByNetwork}, NewNetworks(given))},
	} {
		if !same[0].Equal(same[1]) {
			t.Errorf("%s: not equal", name)
		}
	}
}
