package proctcp

import (
	"testing"

	"tcphealth_exporter/sampler"
)

// TestNames follows one tuple through the life of its sockets.
func TestNames(t *testing.T) {
	n := newNames(0)

	socket := func(inode uint32) uint64 {
		return n.cookie(&sampler.Socket{
			State: sampler.StateEstablished, Local: endpoint("10.0.0.1:80"), Remote: endpoint("10.0.0.2:4000"), Inode: inode,
		})
	}
	sample := func(inode uint32) uint64 {
		n.begin()
		defer n.end()

		return socket(inode)
	}

	first := sample(0)
	for _, inode := range []uint32{0, 7, 7, 0} { // not accepted, accepted, closed
		if got := sample(inode); got != first {
			t.Errorf("inode %d: cookie %x, want %x", inode, got, first)
		}
	}

	second := sample(8)
	if second == first || second == 0 {
		t.Errorf("another socket has the cookie %x", second)
	}

	for range 2 { // two sockets of one tuple, in different VRFs
		n.begin()

		for _, inode := range []uint32{8, 9} {
			if got := socket(inode); got != second {
				t.Errorf("inode %d: cookie %x, want %x", inode, got, second)
			}
		}

		n.end()
	}

	n.begin()
	n.end() // missed once

	if got := sample(8); got != second {
		t.Errorf("after a dump without it: cookie %x, want %x", got, second)
	}

	for range 2 {
		n.begin()
		n.end()
	}

	if len(n.known) != 0 {
		t.Errorf("%d connections are remembered", len(n.known))
	}

	if got := sample(8); got == second {
		t.Error("a cookie is used again")
	}
}

// TestNamesOfListeners distinguishes listeners of one address and port (SO_REUSEPORT).
func TestNamesOfListeners(t *testing.T) {
	n := newNames(0)

	n.begin()

	seen := map[uint64]bool{}
	for _, inode := range []uint32{5, 6, 0} {
		seen[n.cookie(&sampler.Socket{State: sampler.StateListen, Local: endpoint("0.0.0.0:80"), Inode: inode})] = true
	}

	if len(seen) != 3 || seen[0] {
		t.Errorf("cookies %v", seen)
	}
}
