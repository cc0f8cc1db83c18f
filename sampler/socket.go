package sampler

import (
	"bytes"
	"net/netip"
)

// Family is the address family of a socket (AF_INET or AF_INET6). A connection of a
// dual-stack socket with an IPv4 peer has FamilyIPv6 and IPv4 addresses.
type Family uint8

// The address families by their kernel numbers.
const (
	FamilyIPv4 Family = 2
	FamilyIPv6 Family = 10
)

// Endpoint is an address and a port. It holds no pointers. IPv4 addresses are
// IPv4-mapped, so that equal endpoints are equal values.
type Endpoint struct {
	Addr [16]byte
	Port uint16
}

// AddrPort returns the endpoint with an IPv4-mapped address unmapped and
// without a zone.
func (e Endpoint) AddrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(e.Addr).Unmap(), e.Port)
}

// Attrs is the set of optional parts that the kernel sent with a socket.
type Attrs uint16

// The optional parts of a socket.
const (
	HasInfo Attrs = 1 << iota
	HasSkMem
	HasDrops
	HasCongestion
	HasCgroup
	HasMark
	HasShutdown
	HasBBR
	HasVegas
	HasDCTCP
	// FromProc marks a socket of /proc/net/tcp: it has no optional part, and a listener no limit.
	FromProc
)

// Socket is one row of a dump: struct inet_diag_msg with its attributes
// (uapi/linux/inet_diag.h). It holds no pointers.
type Socket struct {
	// Cookie identifies the socket until reboot, see [Key].
	Cookie uint64
	// Digest is the digest that was passed to a [Skip], zero for none.
	Digest uint64
	// CgroupID is the cgroup v2 id: the inode of its directory.
	CgroupID      uint64
	Local, Remote Endpoint
	// Ifindex is the bound interface, zero for none. A link-local address has
	// its zone here.
	Ifindex uint32
	// Expires is the time until the pending timer expires, in ms.
	Expires uint32
	// RecvQueue holds the unread bytes; on a listener the accept queue.
	RecvQueue uint32
	// SendQueue holds the unacknowledged and the unsent bytes; on a listener the
	// backlog limit.
	SendQueue uint32
	UID       uint32
	// Inode is zero for a socket without a file: orphaned or not yet accepted.
	Inode uint32
	Mark  uint32
	// Space is the network namespace of the socket. The [Conn] sets it, not the kernel.
	Space  Space
	Family Family
	State  State
	Timer  Timer
	// TimerRetrans counts the timeouts (TimerRetransmit) or the unanswered probes.
	TimerRetrans uint8
	// Shutdown has bit 1 for the receiving and bit 2 for the sending side.
	Shutdown uint8
	Attrs    Attrs
	// Congestion is the algorithm's name, padded with zeros (TCP_CA_NAME_MAX).
	Congestion [16]byte
	SkMem      SkMem
	BBR        BBRInfo
	Vegas      VegasInfo
	DCTCP      DCTCPInfo
	Info       TCPInfo
}

// Has reports whether the kernel sent all the given parts.
func (s *Socket) Has(a Attrs) bool { return s.Attrs&a == a }

// CongestionName returns the congestion control algorithm as valid UTF-8, empty
// if the kernel did not provide it.
func (s *Socket) CongestionName() string {
	name, _, _ := bytes.Cut(s.Congestion[:], []byte{0})

	return string(bytes.ToValidUTF8(name, []byte("\uFFFD")))
}

// LinkLocal reports whether an address of the connection is link-local, and so
// incomplete without a zone.
func (s *Socket) LinkLocal() bool {
	return isLinkLocal(&s.Local.Addr) || isLinkLocal(&s.Remote.Addr)
}

func isLinkLocal(a *[16]byte) bool { return a[0] == 0xfe && a[1]&0xc0 == 0x80 }

// SkMem is the memory of a socket in bytes (INET_DIAG_SKMEMINFO).
type SkMem struct {
	RmemAlloc, Rcvbuf, WmemAlloc, Sndbuf, FwdAlloc, WmemQueued, Optmem, Backlog uint32
	// Drops counts packets dropped by the socket (Linux 4.7).
	Drops uint32
}

// BBRInfo is INET_DIAG_BBRINFO.
type BBRInfo struct {
	// Bandwidth is the estimate in bytes per second.
	Bandwidth uint64
	// MinRTT is in µs, zero before the first sample.
	MinRTT uint32
	// PacingGain and CwndGain are factors in units of 1/256.
	PacingGain, CwndGain uint32
}

// VegasInfo is INET_DIAG_VEGASINFO.
type VegasInfo struct {
	Enabled, RTTCount uint32
	// RTT is the minimum RTT of the connection, MinRTT that of the last round trip. Both
	// are in µs, and zero before the first sample.
	RTT, MinRTT uint32
}

// DCTCPInfo is INET_DIAG_DCTCPINFO.
type DCTCPInfo struct {
	Enabled, CEState uint16
	// Alpha is the marking estimate in units of 1/1024.
	Alpha uint32
	// ABECN counts the acknowledged bytes that were marked, ABTotal all of them.
	ABECN, ABTotal uint32
}
