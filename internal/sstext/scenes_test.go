package sstext_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/sstext"
)

// The ports that the lab gives a meaning. On the far side of the cable, segments to the last two are dropped.
const (
	portListen = 8001
	portSilent = 9001 // Accepts connections, and goes silent when they are open.
	portBlack  = 9002 // Never answers.
)

// scene is a socket to find in the output of ss.
type scene struct {
	name  string
	is    func(sstext.Row) bool // Selects the socket.
	check func(sstext.Row) bool // Reports whether it was parsed correctly.
}

// listeners opens listening sockets.
func (l lab) listeners(t *testing.T) []scene {
	t.Helper()
	var scenes []scene
	for _, address := range []string{"127.0.0.1:8001", "[::1]:8001", "10.77.7.1:8001"} {
		l.near.Listen(t, "tcp", address)
		local := netip.MustParseAddrPort(address)
		scenes = append(scenes, scene{
			"listener on " + address, localIs(local),
			func(r sstext.Row) bool {
				return r.State == "LISTEN" && r.SendQ > 0 && r.Remote.Port() == 0 && r.Inode != 0 && r.Interface == ""
			},
		})
	}
	l.near.Do(func() {
		config := net.ListenConfig{Control: bindTo("lo")}
		listener, err := config.Listen(context.Background(), "tcp", ":8002")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
	})
	return append(scenes, scene{
		"listener on *%lo:8002", localIs(netip.MustParseAddrPort("[::%lo]:8002")),
		func(r sstext.Row) bool { return r.Interface == "lo" && r.Remote.Addr() == netip.IPv6Unspecified() },
	})
}

// connections opens connections at rest.
func (l lab) connections(t *testing.T) []scene {
	t.Helper()
	isIdle := func(r sstext.Row) bool {
		rtt, err := r.Millis("rtt")
		return r.State == "ESTAB" && r.Timer.Name == "" && r.SocketCookie != 0 && err == nil && rtt > 0 && r.Memory["rb"] > 0
	}
	v4, _ := l.near.Pair(t, "tcp", "127.0.0.1:0")
	v6, _ := l.near.Pair(t, "tcp", "[::1]:0")
	far, _ := netlab.Connect(t, l.near, l.far, "tcp", netip.AddrPortFrom(l.link.B.IPv6, 0).String())
	probing, _ := l.near.Pair(t, "tcp", "[::1]:0")
	keepalive := net.KeepAliveConfig{Enable: true, Idle: 90 * time.Second}
	if err := probing.(*net.TCPConn).SetKeepAliveConfig(keepalive); err != nil {
		t.Fatal(err)
	}
	return []scene{
		{"idle IPv4", localIs(local(v4)), isIdle},
		{"idle IPv6", localIs(local(v6)), isIdle},
		{"idle over the cable", localIs(local(far)), isIdle},
		l.mapped(t),
		l.linkLocal(t),
		{"keepalive", localIs(local(probing)), func(r sstext.Row) bool {
			return r.Timer.Name == "keepalive" && r.Timer.Left > 60*time.Second && r.Timer.Left <= 90*time.Second
		}},
	}
}

// mapped accepts an IPv4 connection on a socket for both families.
func (l lab) mapped(t *testing.T) scene {
	t.Helper()
	client := l.near.Dial(t, "tcp", "127.0.0.1:8002")
	addr := local(client)
	mapped := netip.AddrPortFrom(netip.AddrFrom16(addr.Addr().As16()), addr.Port())
	return scene{
		"IPv4-mapped", func(r sstext.Row) bool { return r.Remote == mapped },
		func(r sstext.Row) bool { return r.State == "ESTAB" && r.Local.Addr().Is4In6() && r.Inode == 0 },
	}
}

// linkLocal opens a connection between addresses that need a zone.
func (l lab) linkLocal(t *testing.T) scene {
	t.Helper()
	peer := netip.AddrPortFrom(l.link.B.LinkLocal, portListen)
	l.far.Listen(t, "tcp", peer.String())
	zone := l.link.A.LinkLocal.Zone()
	l.near.Dial(t, "tcp", netip.AddrPortFrom(peer.Addr().WithZone(zone), peer.Port()).String())
	return scene{
		"link-local", func(r sstext.Row) bool { return r.Remote.Port() == portListen && r.Local.Addr().IsLinkLocalUnicast() },
		func(r sstext.Row) bool {
			return r.Interface == l.link.A.Name && r.Local.Addr() == l.link.A.LinkLocal.WithZone(l.link.A.Name) &&
				r.Remote.Addr() == peer.Addr().WithZone("")
		},
	}
}

// closings closes one end of connections, or both.
func (l lab) closings(t *testing.T) []scene {
	t.Helper()
	first, second := l.near.Pair(t, "tcp", "[::1]:0")
	closed, half := local(first), local(second)
	_, _ = first.Close(), second.Close()
	shut, other := l.near.Pair(t, "tcp", "127.0.0.1:0")
	if err := shut.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return []scene{
		{"time-wait", func(r sstext.Row) bool { return r.Local == closed && r.Remote == half }, func(r sstext.Row) bool {
			return r.State == "TIME-WAIT" && r.Timer.Name == "timewait" && r.Timer.Left > 0 && r.Inode == 0 && r.SocketCookie != 0
		}},
		{"fin-wait-2", localIs(local(shut)), func(r sstext.Row) bool {
			return r.State == "FIN-WAIT-2" && r.HasWord("<--") && r.Has("cwnd")
		}},
		{"close-wait", localIs(local(other)), func(r sstext.Row) bool {
			return r.State == "CLOSE-WAIT" && r.HasWord("-->") && r.RecvQ == 1
		}},
	}
}

// troubles makes connections that get no answers, and one whose peer does not read.
func (l lab) troubles(t *testing.T) []scene {
	t.Helper()
	silent, _ := netlab.Connect(t, l.near, l.far, "tcp", netip.AddrPortFrom(l.link.B.IPv4, portSilent).String())
	l.far.Run(t, "nft", fmt.Sprintf("add rule inet lab in tcp dport { %d, %d } drop", portSilent, portBlack))
	if _, err := silent.Write(make([]byte, 5000)); err != nil {
		t.Fatal(err)
	}
	l.dialUnanswered(t, netip.AddrPortFrom(l.link.B.IPv4, portBlack))
	full, _ := l.near.Pair(t, "tcp", "127.0.0.1:0")
	go func() { _, _ = full.Write(make([]byte, 16<<20)) }() // more than the peer's buffer takes: ends with the connection
	return []scene{
		{"retransmitting", localIs(local(silent)), func(r sstext.Row) bool {
			total, _ := r.Uint("total_retrans")
			return r.State == "ESTAB" && r.SendQ == 5000 && r.Timer.Name == "on" && r.Timer.Retrans >= 2 && total >= 2
		}},
		{"syn-sent", func(r sstext.Row) bool { return r.Remote.Port() == portBlack }, func(r sstext.Row) bool {
			rto, err := r.Millis("rto")
			return r.State == "SYN-SENT" && r.Timer.Name == "on" && err == nil && rto >= time.Second
		}},
		{"zero window", localIs(local(full)), func(r sstext.Row) bool {
			limited, _ := r.Millis("rwnd_limited")
			unsent, _ := r.Uint("notsent")
			return r.Timer.Name == "persist" && r.Timer.Left > 0 && limited > 0 && unsent > 0
		}},
	}
}

// dialUnanswered dials, and gives up when the test is over.
func (l lab) dialUnanswered(t *testing.T, to netip.AddrPort) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.near.Do(func() {
			if conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String()); err == nil {
				_ = conn.Close()
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// bindTo makes a socket's control function that binds it to an interface.
func bindTo(device string) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) })
		if controlErr != nil {
			return controlErr
		}
		return err
	}
}

// localIs selects a socket by its local address.
func localIs(addr netip.AddrPort) func(sstext.Row) bool {
	return func(r sstext.Row) bool { return r.Local == addr }
}

// local returns the local address of a connection.
func local(conn net.Conn) netip.AddrPort {
	return conn.LocalAddr().(*net.TCPAddr).AddrPort()
}
