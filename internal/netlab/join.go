package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addressPatience bounds the wait for the kernel to put an interface's addresses in use, which takes milliseconds.
const addressPatience = 5 * time.Second

// Link is a cable between two namespaces.
type Link struct {
	A End // In the namespace that was named first.
	B End // In the namespace that was named second.
}

// End is one end of a [Link] or a [Path]: an interface that is up, and its addresses.
type End struct {
	Name  string     // The name of the interface, as ss(8) and nft(8) show it.
	Index int        // The index of the interface in its namespace.
	IPv4  netip.Addr // 10.77.i.1 or .2, on a path 10.78.i.1 or .2.
	IPv6  netip.Addr // fd77:i::1 or ::2, on a path fd78:i::1 or ::2, i in decimal digits.

	// LinkLocal is the address in fe80::/64. Its zone is the interface's index: the net package remembers the index of
	// an interface's name for a minute, and for all namespaces alike. To reach the other end, combine that end's address
	// with this end's zone.
	LinkLocal netip.Addr
}

// Join lays a cable, a veth pair, between two namespaces. The number i, from 1 to 255, distinguishes the cables of a test:
// the addresses are 10.77.i.1/24 and fd77:i::1/64 on the first end, .2 and ::2 on the second, and the interfaces are
// called lab<i>a and lab<i>b. When Join returns, all addresses can be used.
func Join(t testing.TB, a, b *Namespace, i int) Link {
	t.Helper()
	if i < 1 || i > 255 {
		t.Fatalf("joining namespaces by cable %d: only 1 to 255 have addresses", i)
	}
	link := Link{A: newEnd(i, 1), B: newEnd(i, 2)}
	err := a.configure(func(h *netlink.Handle) error { return addPair(h, link, b) })
	if err != nil {
		t.Fatalf("adding the veth pair %s and %s: %v", link.A.Name, link.B.Name, err)
	}
	raise(t, a, &link.A)
	raise(t, b, &link.B)
	awaitAddresses(t, a, &link.A)
	awaitAddresses(t, b, &link.B)
	return link
}

// newEnd names an end of cable i: the first or the second.
func newEnd(i, which int) End {
	return End{
		Name: fmt.Sprintf("lab%d%c", i, 'a'+which-1),
		IPv4: netip.MustParseAddr(fmt.Sprintf("10.77.%d.%d", i, which)),
		IPv6: netip.MustParseAddr(fmt.Sprintf("fd77:%d::%d", i, which)),
	}
}

// configure calls f with a netlink handle on the namespace.
func (n *Namespace) configure(f func(*netlink.Handle) error) error {
	return n.DoErr(func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("opening a netlink handle: %w", err)
		}
		defer h.Close()
		return f(h)
	})
}

// addPair adds the two interfaces of a link, the second of them in the namespace b.
func addPair(h *netlink.Handle, link Link, b *Namespace) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = link.A.Name
	return h.LinkAdd(&netlink.Veth{
		LinkAttrs:     attrs,
		PeerName:      link.B.Name,
		PeerNamespace: netlink.NsFd(b.FD()),
	})
}

// raise gives an end its chosen addresses, sets it up, and notes its index.
func raise(t testing.TB, n *Namespace, end *End) {
	t.Helper()
	err := n.configure(func(h *netlink.Handle) error {
		dev, err := h.LinkByName(end.Name)
		if err != nil {
			return fmt.Errorf("finding the interface: %w", err)
		}
		end.Index = dev.Attrs().Index
		for _, prefix := range []netip.Prefix{netip.PrefixFrom(end.IPv4, 24), netip.PrefixFrom(end.IPv6, 64)} {
			if err := h.AddrAdd(dev, &netlink.Addr{IPNet: ipNet(prefix)}); err != nil {
				return fmt.Errorf("adding %v: %w", prefix, err)
			}
		}
		return h.LinkSetUp(dev)
	})
	if err != nil {
		t.Fatalf("raising %s: %v", end.Name, err)
	}
}

// ipNet is the prefix in the type that the netlink package takes.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// errNotYet says that an address is missing or not in use yet.
var errNotYet = errors.New("no link-local address yet, or a tentative one")

// awaitAddresses waits until the kernel has made the link-local address of an end and uses all its addresses.
func awaitAddresses(t testing.TB, n *Namespace, end *End) {
	t.Helper()
	deadline := time.Now().Add(addressPatience)
	for {
		err := n.configure(end.noteLinkLocal)
		if err == nil {
			return
		}
		if !errors.Is(err, errNotYet) || time.Now().After(deadline) {
			t.Fatalf("waiting for the addresses of %s: %v", end.Name, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// noteLinkLocal notes the link-local address if it is there and no address of the interface is tentative.
func (e *End) noteLinkLocal(h *netlink.Handle) error {
	dev, err := h.LinkByIndex(e.Index)
	if err != nil {
		return fmt.Errorf("finding the interface: %w", err)
	}
	addrs, err := h.AddrList(dev, unix.AF_INET6)
	if errors.Is(err, netlink.ErrDumpInterrupted) { // The kernel added one meanwhile.
		return errNotYet
	}
	if err != nil {
		return fmt.Errorf("listing its addresses: %w", err)
	}
	var found netip.Addr
	for _, a := range addrs {
		if a.Flags&unix.IFA_F_TENTATIVE != 0 {
			return errNotYet
		}
		if addr, ok := netip.AddrFromSlice(a.IP); ok && addr.IsLinkLocalUnicast() {
			found = addr.WithZone(strconv.Itoa(e.Index))
		}
	}
	if !found.IsValid() {
		return errNotYet
	}
	e.LinkLocal = found
	return nil
}
