package bytecode

import (
	"net/netip"
	"strconv"
	"strings"
)

// familyTable has the families that ss(8) knows; those of TCP are true.
var familyTable = map[string]bool{"inet": true, "inet6": true, "unix": false, "link": false, "netlink": false, "vsock": false}

// hostTerm = ( "src" | "dst" ) [ comparison ] ( host { "," host } | host ":" ports ).
func (p *parser) hostTerm(d side) (node, error) {
	ph, err := p.equality()
	if err != nil {
		return nil, err
	}

	items, err := p.items(ph.want("an address"))
	if err != nil {
		return nil, err
	}

	n, err := p.hostList(ph, d, items)
	if err != nil {
		return nil, err
	}

	if ph.operator == "!=" {
		return negation(n), nil
	}

	return n, nil
}

// hostList reads hosts, or one host with ports.
func (p *parser) hostList(ph phrase, d side, items []item) (node, error) {
	var (
		prefixes []prefix
		anywhere bool
	)

	for i, it := range items {
		h, err := p.splitHost(ph, it)
		if err != nil {
			return nil, err
		}

		set, err := p.host(ph, h)
		if err != nil {
			return nil, err
		}

		switch {
		case h.hasPort && i > 0:
			return nil, p.wrong(it, ph.want("addresses without a port in a list"))
		case h.hasPort:
			list, err := p.portList(ph, append([]item{h.port}, items[1:]...))

			return endpoint{d, set, list}, err
		}

		prefixes = append(prefixes, set...)
		anywhere = anywhere || set == nil
	}

	if anywhere {
		return endpoint{d, nil, anyPort()}, nil
	}

	return endpoint{d, newHosts(prefixes...), anyPort()}, nil
}

// hostText is a host taken apart.
type hostText struct {
	family                        string
	addr, length, port            item
	bracketed, hasLength, hasPort bool
}

// splitHost takes a host apart: [ family ":" ] address [ "/" length ] [ ":" port ].
func (p *parser) splitHost(ph phrase, it item) (h hostText, err error) {
	if word, rest, found := it.cut(":"); found {
		tcp, known := familyTable[word.text]

		switch {
		case known && !tcp:
			return h, p.wrong(it, ph.want(`an address of the family "inet" or "inet6"`))
		case known:
			h.family, it = word.text, rest
		}
	}

	if strings.HasPrefix(it.text, "[") {
		return h, p.splitBrackets(ph, it, &h)
	}

	// More than one colon is an IPv6 address: its port needs brackets.
	if strings.Count(it.text, ":") == 1 {
		it, h.port, h.hasPort = it.cut(":")
	}

	h.addr, h.length, h.hasLength = it.cut("/")

	return h, nil
}

// splitBrackets takes "[address/length]:port" and "[address]/length:port" apart.
func (p *parser) splitBrackets(ph phrase, it item, h *hostText) error {
	inside, rest, closed := it.from(1).cut("]")
	if !closed {
		return p.wrong(it, ph.want(`an IPv6 address with a "]"`))
	}

	h.bracketed = true
	h.addr, h.length, h.hasLength = inside.cut("/")
	rest, h.port, h.hasPort = rest.cut(":")

	if rest.text == "" {
		return nil
	}

	if h.hasLength || rest.text[0] != '/' {
		return p.wrong(rest, `":" and a port, or nothing, after "]"`)
	}

	h.length, h.hasLength = rest.from(1), true

	return nil
}

// host returns the addresses that a host stands for.
func (p *parser) host(ph phrase, h hostText) (hosts, error) {
	if h.isWildcard() {
		return wildcard(h.family), nil
	}

	addr, err := p.address(ph, h)
	if err != nil {
		return nil, err
	}

	if !h.hasLength {
		return newHosts(prefixFrom(addr, addr.BitLen())), nil
	}

	length, err := strconv.ParseUint(h.length.text, 10, 8)
	if err != nil || int(length) > addr.BitLen() {
		return nil, p.wrong(h.length, ph.want("a prefix length from 0 to "+strconv.Itoa(addr.BitLen())))
	}

	return newHosts(prefixFrom(addr, int(length))), nil
}

// isWildcard reports whether the host is any address: "*" or a word for it in ss(8), or
// nothing in front of a port.
func (h hostText) isWildcard() bool {
	if h.bracketed || h.hasLength {
		return false
	}

	switch h.addr.text {
	case "*", "any", "all":
		return true
	default:
		return h.addr.text == "" && h.hasPort
	}
}

// address reads the address of a host, which has to be of the family that was
// given. Only one of IPv6 has brackets.
func (p *parser) address(ph phrase, h hostText) (netip.Addr, error) {
	addr, err := netip.ParseAddr(h.addr.text)
	wanted, fits := "an IP address", err == nil

	if h.bracketed || h.family == "inet6" {
		wanted, fits = "an IPv6 address", fits && !addr.Is4()
	}

	if h.family == "inet" {
		wanted, fits = "an IPv4 address", fits && addr.Is4()
	}

	switch {
	case !fits:
		return addr, p.wrong(h.addr, ph.want(wanted))
	case addr.Zone() != "":
		return addr, p.wrong(h.addr, ph.want("an address without a zone"))
	}

	return addr, nil
}

// wildcard returns all addresses of a family.
func wildcard(family string) hosts {
	switch family {
	case "inet":
		return hosts{{number{0, mappedLow}, mappedBits, false}}
	case "inet6":
		return hosts{{v6: true}}
	}

	return nil
}
