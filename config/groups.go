package config

import (
	"net/netip"
	"slices"

	"tcphealth_exporter/health/group"
)

// networkList reads the names of networks.
func (p *parser) networkList(v value) error {
	entries, err := v.entries("a mapping of networks")
	if err != nil {
		return err
	}

	p.networks = make(map[netip.Prefix]string)

	for _, e := range entries {
		switch {
		case !isName(e.key):
			return e.at.failf("expected a name of up to %d letters, digits, _ and -", maxName)
		case e.key == group.NetworkGlobal || e.key == group.Other:
			return e.at.failf("expected another name, %q is what has no name of its own", e.key)
		}

		if err := p.network(e); err != nil {
			return err
		}
	}

	return nil
}

// network reads the ranges of a network.
func (p *parser) network(e entry) error {
	const what = "a list of address ranges such as [10.0.0.0/8]"

	items, err := e.items(what)
	if err == nil && len(items) == 0 {
		err = e.failf("expected %s, found none", what)
	}

	if err != nil {
		return err
	}

	for _, item := range items {
		prefix, err := item.prefix()
		if err != nil {
			return err
		}

		if name, given := p.networks[prefix]; given {
			return item.failf("given twice, before for %q", name)
		}

		p.networks[prefix] = e.key
	}

	return nil
}

// prefix reads an address range.
func (v value) prefix() (netip.Prefix, error) {
	const what = "an address range such as 10.0.0.0/8 or 2001:db8::/32"

	text, err := v.text(what)
	if err != nil {
		return netip.Prefix{}, err
	}

	prefix, err := netip.ParsePrefix(text)

	switch {
	case err != nil:
		return prefix, v.expected(what)
	case prefix.Addr().Is4In6():
		return prefix, v.failf("expected %s, found one of IPv4 in the notation of IPv6", what)
	case prefix != prefix.Masked():
		return prefix, v.failf("expected no bits behind the length, did you mean %s?", prefix.Masked())
	}

	return prefix, nil
}

// groups reads by what connections are grouped. The networks have been read.
func (p *parser) groups(v value) error {
	return v.fields("key", "a mapping such as {by: [role, network]}", []field{{name: "by", read: p.groupsBy}})
}

func (p *parser) groupsBy(v value) error {
	const what = "a list of dimensions such as [role, network]"

	items, err := v.items(what)
	if err == nil && len(items) == 0 {
		err = v.failf("expected %s, found none", what)
	}

	if err != nil {
		return err
	}

	var by []group.Dimension

	for _, item := range items {
		name, err := item.text("the name of a dimension")
		if err != nil {
			return err
		}

		d, known := group.ParseDimension(name)

		switch {
		case !known:
			return item.fail(unknown("dimension", name, dimensionNames()))
		case slices.Contains(by, d):
			return item.failf("%s is given twice", d)
		}

		by = append(by, d)
	}

	p.grouping = group.NewGrouping(by, group.NewNetworks(p.networks))

	return nil
}

func dimensionNames() []string {
	names := make([]string, group.NumDimensions)
	for d := range group.NumDimensions {
		names[d] = d.String()
	}

	return names
}
