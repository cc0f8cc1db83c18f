package netlab

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	netemUnlimited = 1 << 40 // Bytes per second, at which no packet takes a nanosecond.
	netemLimit     = 1 << 20 // Packets, more than any test has under way.
	frameHeader    = 14      // Bytes of Ethernet in front of an IP packet.

	delayHandle = 1 << 16 // The qdisc 1:, at the root.
	queueHandle = 2 << 16 // The qdisc 2:, below it.
)

// HasNetem reports whether the kernel has netem. It asks the kernel, which loads the module if that is all it takes.
func HasNetem(t testing.TB) bool {
	t.Helper()
	n := New(t)
	err := n.configure(func(h *netlink.Handle) error {
		lo, err := h.LinkByName("lo")
		if err != nil {
			return fmt.Errorf("finding lo: %w", err)
		}
		root := netlink.QdiscAttrs{LinkIndex: lo.Attrs().Index, Parent: netlink.HANDLE_ROOT}
		return h.QdiscAdd(netlink.NewNetem(root, netlink.NetemQdiscAttrs{}))
	})
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EOPNOTSUPP):
		return false
	case err != nil:
		t.Fatalf("probing for netem: %v", err)
	}
	return true
}

// RequireNetem skips the test unless the kernel has netem, in continuous integration too: no package brings it.
func RequireNetem(t testing.TB) {
	t.Helper()
	if !HasNetem(t) {
		t.Skip("this kernel has no netem: make test-kernels runs the test on kernels that have")
	}
}

// netem is the middle of a path that goes through a bridge in a namespace of its own. What leaves a port of the bridge
// goes through two netem qdiscs: the first loses and delays packets, the second is the queue and its rate. They are not
// on the ends' own interfaces because TCP hears of what the queue of its own interface drops.
type netem struct {
	t      testing.TB
	n      *Namespace
	egress [2]int // The index of the port that a direction leaves by.
}

// NewNetemPath lays a path between two namespaces as [NewPath] does, with the same names and addresses, but one that the
// kernel forwards; the test requires netem with [RequireNetem]. It differs in this:
//
//   - There are no MTU holes, no policers and no reordering: setting one fails the test. Seed means nothing.
//   - A black hole is a loss of all packets and counted as DroppedLoss. Of what is dropped, the bytes are not counted.
//   - Queue is counted in packets of 1500 bytes, whatever size they have, one at least.
//   - Rate includes 14 bytes of Ethernet for each packet.
//   - A change of conditions is not made at one instant, and counters are read one after the other.
//   - Stalls are not noticed.
//
// IP finds no neighbors over the path: they are set, so that no ARP and no neighbor discovery is lost or counted.
func NewNetemPath(t testing.TB, a, b *Namespace, i int) *Path {
	t.Helper()
	p := newPath(t, i)
	m := newNetem(t)
	m.egress[BToA] = m.attach(t, a, p.A)
	m.egress[AToB] = m.attach(t, b, p.B)
	p.middle = m
	p.raiseEnds(t, a, b)
	introduce(t, a, p.A, b, p.B)
	introduce(t, b, p.B, a, p.A)
	return p
}

// bridgeName is the name of the bridge in its namespace.
const bridgeName = "bridge"

// newNetem makes the namespace and its bridge, which has nothing to say for itself.
func newNetem(t testing.TB) *netem {
	t.Helper()
	m := &netem{t: t, n: New(t)}
	for _, which := range []string{"all", "default"} {
		m.n.Sysctl(t, "net.ipv6.conf."+which+".disable_ipv6", "1")
	}
	err := m.n.configure(func(h *netlink.Handle) error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = bridgeName
		snooping := false
		bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
		return errors.Join(h.LinkAdd(bridge), h.LinkSetUp(bridge))
	})
	if err != nil {
		t.Fatalf("adding a bridge: %v", err)
	}
	return m
}

// attach connects an end of the path with the bridge, through netem. It returns the index of the bridge's port, which
// has the name of the end it leads to.
func (m *netem) attach(t testing.TB, n *Namespace, end End) (index int) {
	t.Helper()
	err := n.configure(func(h *netlink.Handle) error {
		if err := addPair(h, Link{A: end, B: End{Name: end.Name}}, m.n); err != nil {
			return err
		}
		dev, err := h.LinkByName(end.Name)
		if err != nil {
			return err
		}
		return h.LinkSetGSOMaxSegs(dev, 1) // A packet is one that a wire would carry.
	})
	if err != nil {
		t.Fatalf("adding the veth pair %s: %v", end.Name, err)
	}
	err = m.n.configure(func(h *netlink.Handle) error {
		port, err := h.LinkByName(end.Name)
		if err != nil {
			return err
		}
		bridge, err := h.LinkByName(bridgeName)
		if err != nil {
			return err
		}
		index = port.Attrs().Index
		delay, queue := qdiscs(index, Conditions{})
		return errors.Join(
			h.LinkSetMaster(port, bridge), withholdMulticast(index), h.LinkSetUp(port), h.QdiscAdd(delay), h.QdiscAdd(queue))
	})
	if err != nil {
		t.Fatalf("adding %s to a bridge: %v", end.Name, err)
	}
	return index
}

// withholdMulticast keeps multicast from leaving a port of a bridge in the namespace of the calling thread.
func withholdMulticast(port int) error {
	request := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	message := nl.NewIfInfomsg(unix.AF_BRIDGE)
	message.Index = int32(port)
	request.AddData(message)
	attribute := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	attribute.AddRtAttr(nl.IFLA_BRPORT_MCAST_FLOOD, []byte{0})
	request.AddData(attribute)
	if _, err := request.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("switching multicast off: %w", err)
	}
	return nil
}

// qdiscs returns the two qdiscs of a port that make the conditions.
func qdiscs(port int, c Conditions) (delay, queue *netlink.Netem) {
	// Netem spreads the jitter to both sides of the delay, and keeps packets in order only where it has a rate.
	micro := func(d time.Duration) uint32 { return uint32(d.Microseconds()) }
	delay = netlink.NewNetem(
		netlink.QdiscAttrs{LinkIndex: port, Handle: delayHandle, Parent: netlink.HANDLE_ROOT},
		netlink.NetemQdiscAttrs{
			Latency: micro(c.Delay + c.Jitter/2), Jitter: micro(c.Jitter / 2), Limit: netemLimit, Rate64: netemUnlimited,
		})
	delay.Loss = uint32(c.Loss * math.MaxUint32)
	if c.Blackhole {
		delay.Loss = math.MaxUint32
	}

	limit, rate := netemLimit, int64(netemUnlimited)
	if c.Rate > 0 {
		rate = c.Rate / 8
	}
	if c.Queue > 0 {
		limit = max(1, c.Queue/pathMTU)
	}
	queue = netlink.NewNetem(
		netlink.QdiscAttrs{LinkIndex: port, Handle: queueHandle, Parent: delayHandle + 1},
		netlink.NetemQdiscAttrs{Limit: uint32(limit), Rate64: uint64(rate)})
	return delay, queue
}

// introduce sets the MAC address of the far end at the near end.
func introduce(t testing.TB, near *Namespace, nearEnd End, far *Namespace, farEnd End) {
	t.Helper()
	var dev netlink.Link
	err := far.configure(func(h *netlink.Handle) (err error) {
		dev, err = h.LinkByIndex(farEnd.Index)
		return err
	})
	if err == nil {
		err = near.configure(func(h *netlink.Handle) error {
			var errs []error
			for _, addr := range []netip.Addr{farEnd.IPv4, farEnd.IPv6, farEnd.LinkLocal} {
				errs = append(errs, h.NeighSet(&netlink.Neigh{
					LinkIndex: nearEnd.Index, State: unix.NUD_PERMANENT, IP: addr.AsSlice(), HardwareAddr: dev.Attrs().HardwareAddr,
				}))
			}
			return errors.Join(errs...)
		})
	}
	if err != nil {
		t.Fatalf("set the address of %s at %s: %v", farEnd.Name, nearEnd.Name, err)
	}
}

func (m *netem) set(dir Direction, c Conditions) {
	if c.MTUHole > 0 || c.Police > 0 || c.Reorder > 0 {
		m.t.Error("netem has no MTU holes, policers and reordering")
	}
	delay, queue := qdiscs(m.egress[dir], c)
	err := m.n.configure(func(h *netlink.Handle) error {
		return errors.Join(h.QdiscChange(delay), h.QdiscChange(queue))
	})
	if err != nil {
		m.t.Errorf("setting the conditions %v: %v", dir, err)
	}
}

func (m *netem) counters(dir Direction) Counters {
	var delay, queue netlink.QdiscStatistics
	err := m.n.configure(func(h *netlink.Handle) (err error) {
		delay, queue, err = statistics(h, m.egress[dir])
		return err
	})
	if err != nil {
		m.t.Errorf("reading the counters %v: %v", dir, err)
		return Counters{}
	}
	through, full := queue.Basic, int64(queue.Queue.Drops)
	return Counters{
		Forwarded:    Count{int64(through.Packets), int64(through.Bytes) - frameHeader*int64(through.Packets)},
		DroppedLoss:  Count{Packets: max(0, int64(delay.Queue.Drops)-full)}, // What the queue drops is its parent's, too.
		DroppedQueue: Count{Packets: full},
	}
}

// statistics returns those of the two qdiscs of a port.
func statistics(h *netlink.Handle, port int) (delay, queue netlink.QdiscStatistics, err error) {
	dev, err := h.LinkByIndex(port)
	if err != nil {
		return delay, queue, err
	}
	list, err := h.QdiscList(dev)
	if err != nil {
		return delay, queue, err
	}
	found := make(map[uint32]netlink.QdiscStatistics)
	for _, q := range list {
		found[q.Attrs().Handle] = *q.Attrs().Statistics
	}
	return found[delayHandle], found[queueHandle], nil
}

func (m *netem) stalls() int {
	return 0
}
