package bytecode

// Address families as the kernel numbers them (AF_INET, AF_INET6).
const (
	familyAny  = 0
	familyIPv4 = 2
	familyIPv6 = 10
)

// Endpoint is one end of a connection.
type Endpoint struct {
	// Addr is the address; one of IPv4 is held IPv4-mapped (::ffff:a.b.c.d).
	Addr [16]byte
	// Port is in host byte order, 0 for none.
	Port uint16
}

// Subject is a socket as a filter sees it (struct inet_diag_entry in
// linux/inet_diag.h).
type Subject struct {
	Local, Remote Endpoint
	// CgroupID is the cgroup v2 id (INET_DIAG_CGROUP_ID), zero where the kernel
	// sends none: sockets in TIME-WAIT and SYN-RECV.
	CgroupID uint64
	// Ifindex is the interface that the socket is bound to (idiag_if), zero for
	// none.
	Ifindex uint32
	// Mark is the socket's mark (INET_DIAG_MARK). Only the kernel always knows
	// it: the attribute comes with CAP_NET_ADMIN alone.
	Mark uint32
	// Family is AF_INET (2) or AF_INET6 (10). It is the family of the socket: one
	// of AF_INET6 may have IPv4-mapped addresses.
	Family uint8
	// Autobound: the local port was not chosen with bind(2) (no
	// SOCK_BINDPORT_LOCK). Only the kernel has it: no attribute contains it.
	Autobound bool
}

// side is the end of a connection that a term is about.
type side uint8

const (
	local side = iota
	remote
)

// of returns the end of the socket.
func (d side) of(s *Subject) *Endpoint {
	if d == local {
		return &s.Local
	}

	return &s.Remote
}
