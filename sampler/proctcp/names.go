package proctcp

import (
	"maps"

	"tcphealth_exporter/sampler"
)

// names gives sockets cookies, which the files do not have. A connection is the same as
// long as its addresses and ports are, unless its inode is another one: it has none
// before it is accepted and after it is closed. A listener is its inode, since several
// may share an address and port.
type names struct {
	known map[pair]name
	// last is the number of the last new connection.
	last uint64
	dump uint32
}

type pair struct{ local, remote sampler.Endpoint }

type name struct {
	cookie uint64
	inode  uint32
	dump   uint32 // the last one with the socket
}

const (
	// connectionBit distinguishes the cookies of connections from inodes.
	connectionBit = 1 << 63
	// spaceShift is the first bit of the namespace in the cookies of connections.
	spaceShift = 40
)

func newNames(space sampler.Space) names {
	return names{known: make(map[pair]name), last: uint64(space) << spaceShift}
}

// begin starts a dump.
func (n *names) begin() { n.dump++ }

// end forgets the connections that were neither in the complete dump nor in the one
// before: a dump may miss a socket.
func (n *names) end() {
	maps.DeleteFunc(n.known, func(_ pair, known name) bool { return n.dump-known.dump > 1 })
}

// cookie returns the cookie of a socket.
func (n *names) cookie(s *sampler.Socket) uint64 {
	if s.State == sampler.StateListen && s.Inode != 0 {
		return uint64(s.Inode)
	}

	p := pair{s.Local, s.Remote}
	known, found := n.known[p]
	another := known.inode != 0 && s.Inode != 0 && known.inode != s.Inode

	switch {
	case !found, another && known.dump != n.dump:
		n.last++
		known = name{cookie: connectionBit | n.last, inode: s.Inode}
	case s.Inode != 0 && !another:
		known.inode = s.Inode
	}

	known.dump = n.dump
	n.known[p] = known

	return known.cookie
}
