package sstext

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var (
	errPort     = errors.New("no port")
	errBrackets = errors.New("brackets do not fit the family")
)

// parseAddress reads an address in one of the forms "10.77.1.1:80", "[fd77:1::1]:80" and "*:80", in which the port may
// be "*", and the interface that is appended to the host: "127.0.0.1%lo:80", "[fe80::1]%lab1a:80".
func parseAddress(text string) (netip.AddrPort, string, error) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return netip.AddrPort{}, "", fmt.Errorf("%q: %w", text, errPort)
	}
	host, device, _ := strings.Cut(text[:i], "%")
	addr, err := parseHost(host)
	if err != nil {
		return netip.AddrPort{}, "", fmt.Errorf("%q: %w", text, err)
	}
	port, err := parsePort(text[i+1:])
	if err != nil {
		return netip.AddrPort{}, "", fmt.Errorf("%q: %w", text, err)
	}
	// An IPv4 address has no zone: WithZone leaves it as it is.
	return netip.AddrPortFrom(addr.WithZone(device), port), device, nil
}

// parseHost reads an address without its port and interface.
func parseHost(text string) (netip.Addr, error) {
	if text == "*" {
		return netip.IPv6Unspecified(), nil
	}
	bare, opened := strings.CutPrefix(text, "[")
	bare, closed := strings.CutSuffix(bare, "]")
	addr, err := netip.ParseAddr(bare)
	if err != nil {
		return netip.Addr{}, err
	}
	if addr.Is6() != opened || addr.Is6() != closed {
		return netip.Addr{}, errBrackets
	}
	return addr, nil
}

// parsePort reads a port.
func parsePort(text string) (uint16, error) {
	if text == "*" {
		return 0, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return uint16(port), err
}
