package health

import (
	"net/netip"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/sampler"
)

// opening is where a listener accepts connections. They have its address family, and its
// interface if it is bound to one.
type opening struct {
	endpoint sampler.Endpoint
	ifindex  uint32
	family   sampler.Family
}

// openings are those of the last two samples: a process that accepts one connection and
// closes the listener is still a server.
type openings map[opening]uint32 // generation

func (o openings) observe(row *sampler.Socket, generation uint32) {
	o[opening{row.Local, row.Ifindex, row.Family}] = generation
}

// prune removes those of other generations.
func (o openings) prune(generation uint32) {
	for at, seen := range o {
		if seen != generation {
			delete(o, at)
		}
	}
}

// covers reports whether a listener covers the local address and port of a
// connection.
func (o openings) covers(c *connection) bool {
	at := c.local
	if o.has(at, c) {
		return true
	}

	// The IPv6 wildcard covers both address families, as the family of the listener
	// shows.
	if c.family == sampler.FamilyIPv6 {
		at.Addr = netip.IPv6Unspecified().As16()
		if o.has(at, c) {
			return true
		}
	}

	if !netip.AddrFrom16(c.local.Addr).Is4In6() {
		return false
	}

	at.Addr = netip.IPv4Unspecified().As16()

	return o.has(at, c)
}

// has reports whether a listener at an endpoint could have accepted the connection.
func (o openings) has(at sampler.Endpoint, c *connection) bool {
	if _, bound := o[opening{at, c.ifindex, c.family}]; bound {
		return true
	}

	_, unbound := o[opening{at, 0, c.family}]

	return unbound
}

// roleOf returns the role of a connection by the listeners. The sender of a SYN is
// a client, even from a port with a listener.
func (o openings) roleOf(c *connection) group.Role {
	if c.state != sampler.StateSynSent && o.covers(c) {
		return group.RoleServer
	}

	return group.RoleClient
}
