package netlab

import "time"

// Direction is one of the two directions of a [Path].
type Direction int

// The directions are named after the namespaces in the order in which [NewPath] was given them.
const (
	AToB Direction = iota
	BToA
)

// String returns the name of the direction.
func (d Direction) String() string {
	if d == AToB {
		return "a to b"
	}
	return "b to a"
}

// Conditions are the properties of one direction of a [Path]. The zero value forwards everything at once.
//
// Sizes of packets include the IP header and nothing below it. A packet meets, in this order, the black hole, the MTU
// hole, loss, the policer, the queue, and the delay. The first five judge it when it enters the path; what has entered arrives, even
// if the path becomes a black hole meanwhile.
type Conditions struct {
	Delay  time.Duration // What each packet takes at least.
	Jitter time.Duration // The most that is added to Delay, evenly distributed. With it, packets never overtake each other.

	// Reorder is the share of packets, from 0 to 1, that take ReorderBy longer, so that later ones overtake them.
	Reorder   float64
	ReorderBy time.Duration

	// Loss is the share of packets lost, from 0 to 1. Which of them is decided by Seed and by how many packets came
	// that far before: the same seed loses the same ones. Setting another seed starts its sequence again.
	Loss float64
	Seed uint64

	Rate  int64 // Bits per second; 0 is unlimited.
	Queue int   // The most bytes that wait for Rate, the packet being sent included; 0 is unlimited.

	Police int64 // Bits per second above which packets are dropped instead of queued; 0 is no policer.
	Burst  int   // The bytes that may exceed Police.

	MTUHole   int  // Packets of more bytes vanish, without an ICMP message; 0 is no hole.
	Blackhole bool // All packets vanish.
}

// Count is a number of packets and their bytes, IP header included.
type Count struct {
	Packets, Bytes int64
}

// add counts a packet.
func (c *Count) add(size int) {
	c.Packets++
	c.Bytes += int64(size)
}

// Counters is what became of the packets of one direction of a [Path]. Those on their way are not counted yet.
type Counters struct {
	Forwarded        Count // Delivered to the other end.
	DroppedBlackhole Count // By [Conditions].Blackhole.
	DroppedMTU       Count // By MTUHole.
	DroppedLoss      Count // By Loss.
	DroppedPolicer   Count // By Police.
	DroppedQueue     Count // Because Queue was full.
	DroppedDevice    Count // By the interface at the other end, which was down.
}
