package bytecode

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// everything is a kernel with all features.
var everything = Features{PortEqual: true, Device: true, Mark: true, Cgroup: true}

// testEnv knows a few names.
var testEnv = Env{
	Service: func(name string) (uint16, bool) {
		port, ok := map[string]uint16{"http": 80, "https": 443, "ssh": 22, "http-alt": 8080, "3com": 1}[name]

		return port, ok
	},
	Interface: func(name string) (uint32, bool) {
		index, ok := map[string]uint32{"lo": 1, "eth0": 2, "and": 3}[name]

		return index, ok
	},
	Cgroup: func(path string) (uint64, bool) {
		id, ok := map[string]uint64{"/": 1, "/system.slice": 42, `/a\x2db (c)`: 43}[path]

		return id, ok
	},
}

func mustParse(t testing.TB, src string) *Filter {
	t.Helper()

	f, err := Parse(src, testEnv)
	if err != nil {
		t.Fatalf("%v\n%.300s", err, src)
	}

	return f
}

// generator writes random filters.
type generator struct {
	*rand.Rand

	known *pools // values to use besides, or nil
}

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }

// filter returns a filter of terms in a nesting up to the depth.
func (g generator) filter(depth int) string {
	if depth == 0 || g.IntN(4) == 0 {
		return g.term()
	}

	switch g.IntN(5) {
	case 0:
		return g.pick("not ", "! ", "!") + "(" + g.filter(depth-1) + ")"
	case 1:
		return g.pick("not ", "! ") + g.term()
	}

	parts := make([]string, 2+g.IntN(4))
	for i := range parts {
		parts[i] = g.filter(depth - 1)
		if g.IntN(2) == 0 {
			parts[i] = "(" + parts[i] + ")"
		}
	}

	return strings.Join(parts, g.pick(" and ", " or ", " || ", " | ", " & ", " "))
}

func (g generator) term() string {
	switch g.IntN(12) {
	case 0:
		return "autobound"
	case 1:
		return "dev " + g.equality() + g.pick("0", "lo", "eth0", "7")
	case 2:
		return "fwmark " + g.equality() + g.pick("0", "0x10", "16/0x10", "0/0", "0x12/0xff", "0x01/0x0f")
	case 3:
		return "cgroup " + g.equality() + g.pick("0", "/", "/system.slice", "77")
	case 4, 5, 6, 7:
		return g.hostTerm()
	}

	if g.IntN(3) == 0 {
		return g.pick("sport", "dport") + " " + g.pick("<", ">", "<=", ">=", "lt", "gt", "le", "ge", "leq", "geq") + " " + g.port()
	}

	return g.pick("sport", "dport") + " " + g.equality() + g.portList()
}

func (g generator) equality() string { return g.pick("", "= ", "== ", "eq ", "!= ", "ne ", "neq ") }

func (g generator) port() string {
	if g.known != nil && g.IntN(2) == 0 {
		return itoa(int(g.known.ports[g.IntN(len(g.known.ports))]))
	}

	return g.pick("0", "1", "22", "79", "80", "81", "82", "443", "http", "8080", "65535", itoa(g.IntN(100)))
}

func (g generator) portList() string {
	items := make([]string, 1+g.IntN(8))
	for i := range items {
		low := g.IntN(100)
		items[i] = g.pick(g.port(), fmt.Sprintf("%d-%d", low, low+g.IntN(5)))
	}

	return strings.Join(items, g.pick(",", ", "))
}

func (g generator) hostTerm() string {
	hosts := make([]string, 1+g.IntN(7))
	for i := range hosts {
		hosts[i] = g.host()
	}

	if len(hosts) > 1 && g.IntN(2) == 0 {
		return g.pick("src", "dst") + " " + g.equality() + strings.Join(hosts, ",")
	}

	host := hosts[0]
	if strings.Count(host, ":") > 1 {
		host = "[" + host + "]"
	}

	return g.pick("src", "dst") + " " + g.equality() + host + ":" + g.portList()
}

func (g generator) host() string {
	if g.known != nil && g.IntN(3) > 0 {
		addr := netip.AddrFrom16(g.known.addrs[g.IntN(len(g.known.addrs))])
		if g.IntN(2) == 0 {
			addr = addr.Unmap()
		}

		return fmt.Sprintf("%s/%d", addr, addr.BitLen()-g.IntN(12))
	}

	v4 := fmt.Sprintf("10.0.%d.%d", g.IntN(4), g.IntN(8))
	v6 := g.pick(fmt.Sprintf("fd00::%x", g.IntN(16)), "::1", "::", "::ffff:"+v4)

	return g.pick(v4, v4, v6, fmt.Sprintf("%s/%d", v4, 8+g.IntN(25)), fmt.Sprintf("%s/%d", v6, 96+g.IntN(33)), "0.0.0.0/0", "::/0")
}

// pools are the values that subjects of a test have.
type pools struct {
	ports   []uint16
	addrs   [][16]byte
	numbers []uint64
}

// poolsFor collects the values at which a filter may change its mind.
func poolsFor(f *Filter) *pools {
	p := &pools{
		ports:   []uint16{0, maxPort},
		numbers: []uint64{0, 1, 1 << 40},
	}

	for _, a := range []string{"0.0.0.0", "10.0.0.1", "::", "::1"} {
		p.addrs = append(p.addrs, netip.MustParseAddr(a).As16())
	}

	p.collect(f.node())

	return p
}

func (p *pools) collect(n node) {
	switch n := n.(type) {
	case endpoint:
		for _, r := range n.ports {
			p.ports = append(p.ports, r.lo-1, r.lo, r.hi, r.hi+1)
		}

		for _, h := range n.hosts {
			p.collectAddrs(h)
		}
	case device:
		p.numbers = append(p.numbers, uint64(n))
	case mark:
		p.numbers = append(p.numbers, uint64(n.value), uint64(n.value|^n.mask), uint64(n.value^1))
	case cgroup:
		p.numbers = append(p.numbers, uint64(n))
	}

	for _, c := range children(n) {
		p.collect(c)
	}
}

// collectAddrs adds the first and last addresses of a prefix and their neighbors.
func (p *pools) collectAddrs(h prefix) {
	last := number{^uint64(0), ^uint64(0)}
	mask := last.mask(int(h.bits))
	last = number{h.start.hi | ^mask.hi, h.start.lo | ^mask.lo}

	for _, n := range []number{h.start, {h.start.hi, h.start.lo - 1}, last, {last.hi, last.lo + 1}} {
		e := prefix{start: n, bits: 128, v6: true}
		_, _, raw := e.bytes()
		p.addrs = append(p.addrs, [16]byte(raw))
	}
}

// subject returns a random socket of these values. Both its addresses fit its
// family.
func (p *pools) subject(r *rand.Rand) *Subject {
	s := &Subject{
		Local:     Endpoint{p.addrs[r.IntN(len(p.addrs))], p.ports[r.IntN(len(p.ports))]},
		Remote:    Endpoint{p.addrs[r.IntN(len(p.addrs))], p.ports[r.IntN(len(p.ports))]},
		CgroupID:  p.numbers[r.IntN(len(p.numbers))],
		Ifindex:   uint32(p.numbers[r.IntN(len(p.numbers))]),
		Mark:      uint32(p.numbers[r.IntN(len(p.numbers))]),
		Family:    familyIPv6,
		Autobound: r.IntN(2) == 0,
	}

	if numberOf(&s.Local.Addr).isMapped() && numberOf(&s.Remote.Addr).isMapped() && r.IntN(2) == 0 {
		s.Family = familyIPv4
	}

	return s
}

// newRand returns a source of random numbers, and logs how to get it again.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()

	seed := rand.Uint64()
	t.Logf("seed %d", seed)

	return rand.New(rand.NewPCG(seed, 0))
}
