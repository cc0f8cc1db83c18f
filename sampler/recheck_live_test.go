package sampler

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// recheckOf returns copies of the rechecked sockets by cookie. No socket may come twice.
func recheckOf(t testing.TB, c *Conn, targets ...Target) map[uint64]Socket {
	t.Helper()
	sockets := map[uint64]Socket{}
	r, err := c.Recheck(targets, func(_ time.Time, batch []Socket) {
		for _, s := range batch {
			sockets[s.Cookie] = s
		}
	})
	must(t, err)
	if r.Sockets != len(sockets) || r.Start.After(r.End) {
		t.Errorf("%d sockets of %+v", len(sockets), r)
	}
	return sockets
}

func targetsIn(sockets map[uint64]Socket) []Target {
	var targets []Target
	for _, s := range sockets {
		if s.State != StateListen {
			targets = append(targets, s.Target())
		}
	}
	return targets
}

// withoutClocks clears the fields that change with time alone.
func withoutClocks(s Socket) Socket {
	clear(s.Info.raw[offLastDataSent : offLastAckRecv+4])
	s.Expires = 0
	return s
}

// requireUnchanged requires the same sockets, except for their clocks.
func requireUnchanged(t *testing.T, dumped, again map[uint64]Socket) {
	t.Helper()
	for cookie, s := range dumped {
		if got, ok := again[cookie]; s.State != StateListen && (!ok || withoutClocks(got) != withoutClocks(s)) {
			t.Errorf("%v %v: found %v\ndumped %+v\nagain  %+v", s.Local.AddrPort(), s.Remote.AddrPort(), ok, s, got)
		}
	}
}

// TestLiveRecheck rechecks connections with all forms of addresses, and gets the same
// fields as a dump.
func TestLiveRecheck(t *testing.T) {
	netlab.RequireRoot(t)
	near, far := netlab.New(t), netlab.New(t)
	link := netlab.Join(t, near, far, 12)
	netlab.Connect(t, near, far, "tcp", netip.AddrPortFrom(link.B.IPv4, 0).String())
	netlab.Connect(t, near, far, "tcp", netip.AddrPortFrom(link.B.IPv6, 0).String())
	listener := far.Listen(t, "tcp", netip.AddrPortFrom(link.B.LinkLocal, 0).String())
	zoned := netip.AddrPortFrom(link.B.LinkLocal.WithZone(strconv.Itoa(link.A.Index)), listener.Addr().(*net.TCPAddr).AddrPort().Port())
	near.Dial(t, "tcp", zoned.String())
	dual := near.Listen(t, "tcp", ":0")
	dialed := near.Dial(t, "tcp", fmt.Sprintf("127.0.0.1:%d", dual.Addr().(*net.TCPAddr).Port))
	mapped, err := dual.Accept()
	must(t, err)
	t.Cleanup(func() { _ = mapped.Close() })
	bound, _ := near.Pair(t, "tcp", "127.0.0.1:0")
	must(t, control(bound, func(fd int) error { return unix.BindToDevice(fd, "lo") }))
	transfer(t, dialed, mapped, 10_000)
	time.Sleep(100 * time.Millisecond) // longer than a delayed ACK
	for name, cfg := range map[string]Config{"all details": {CongestionInfo: true}, "plain": {}} {
		t.Run(name, func(t *testing.T) {
			c := dialIn(t, near, cfg)
			dumped := dumpOf(t, c)
			again := recheckOf(t, c, targetsIn(dumped)...)
			kinds := map[string]int{}
			for _, s := range again {
				kinds[fmt.Sprintf("family %d, IPv4 %t, zone %t, bound %t",
					s.Family, s.Local.AddrPort().Addr().Is4(), s.LinkLocal(), s.Ifindex != 0)]++
			}
			want := map[string]int{
				"family 2, IPv4 true, zone false, bound false":   3, // out, dialed, the peer of bound
				"family 2, IPv4 true, zone false, bound true":    1,
				"family 10, IPv4 false, zone false, bound false": 1,
				"family 10, IPv4 false, zone true, bound true":   1,
				"family 10, IPv4 true, zone false, bound false":  1,
			}
			if !maps.Equal(kinds, want) {
				t.Errorf("found %v, want %v", kinds, want)
			}
			requireUnchanged(t, dumped, again)
			requireUnchanged(t, dumped, dumpOf(t, c))
		})
	}
}

// TestLiveRecheckFigures gets the fields as of now, not of the dump.
func TestLiveRecheckFigures(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	client, server := n.Pair(t, "tcp", "127.0.0.1:0")
	c := dialIn(t, n, Config{})
	s := find(t, dumpOf(t, c), client.(*net.TCPConn))
	for sent := uint64(0); sent < 3000; sent += 1000 {
		again := find(t, recheckOf(t, c, s.Target()), client.(*net.TCPConn))
		if again.Info.BytesSent() != sent || !again.Has(HasInfo|HasSkMem|HasCongestion|HasMark) {
			t.Errorf("%d bytes sent, want %d; attributes %b", again.Info.BytesSent(), sent, again.Attrs)
		}
		transfer(t, client, server, 1000)
	}
}

// TestLiveRecheckMany rechecks more targets than fit into one batch, some of them gone.
func TestLiveRecheckMany(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	holdPairs(t, n, 500)
	c := dialIn(t, n, Config{CongestionInfo: true})
	dumped := dumpOf(t, c)
	targets := targetsIn(dumped)
	var gone []Target
	for i, target := range targets {
		if i%3 == 0 {
			target.Cookie += 1 << 40
			gone = append(gone, target)
		}
	}
	mixed := slices.Concat(gone, targets, gone)
	for range 3 {
		again := recheckOf(t, c, mixed...)
		if len(again) != 1000 || len(gone) != 334 {
			t.Errorf("%d of %d sockets, %d gone", len(again), len(targets), len(gone))
		}
		requireUnchanged(t, dumped, again)
	}
	requireUnchanged(t, dumped, dumpOf(t, c))
}

// TestLiveRecheckGone ignores targets that no longer exist, even if another socket has
// their addresses.
func TestLiveRecheckGone(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	listener := n.Listen(t, "tcp", "127.0.0.1:0")
	client := n.Dial(t, "tcp", listener.Addr().String())
	server, err := listener.Accept()
	must(t, err)
	stays, _ := n.Pair(t, "tcp", "127.0.0.1:0")
	c := dialIn(t, n, Config{})
	sockets := dumpOf(t, c)
	s, peer := find(t, sockets, client.(*net.TCPConn)), find(t, sockets, server.(*net.TCPConn))
	other := find(t, sockets, stays.(*net.TCPConn))
	resume := other.Target()
	resume.Cookie = s.Cookie // a cookie and addresses that do not belong together
	wildcard := peer.Target()
	wildcard.Cookie = ^uint64(0) // INET_DIAG_NOCOOKIE: the kernel takes any
	targets := []Target{s.Target(), resume, peer.Target(), wildcard, other.Target()}
	if again := recheckOf(t, c, targets...); len(again) != 3 {
		t.Errorf("%d sockets exist", len(again))
	}
	for _, conn := range []net.Conn{client, server} { // by RST: no TIME_WAIT
		must(t, conn.(*net.TCPConn).SetLinger(0))
		must(t, conn.Close())
	}
	again := recheckOf(t, c, targets...)
	if _, there := again[other.Cookie]; !there || len(again) != 1 {
		t.Errorf("a connection and one that is gone gave %d sockets: %+v", len(again), again)
	}
	// For the closed connection, the kernel answers with the listener that accepted it.
	if listening := find(t, dumpOf(t, c), listener.(*net.TCPListener)); listening.Local != peer.Local {
		t.Errorf("the listener is at %v, the connection was at %v", listening.Local.AddrPort(), peer.Local.AddrPort())
	}
}

// TestLiveRecheckTimeWait passes on a socket in TIME_WAIT, which has no tcp_info.
func TestLiveRecheckTimeWait(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	client, server := n.Pair(t, "tcp", "[::1]:0")
	c := dialIn(t, n, Config{})
	s := find(t, dumpOf(t, c), client.(*net.TCPConn))
	must(t, closeWrite(client))
	must(t, server.Close())
	must(t, client.Close())
	got := recheckOf(t, c, s.Target())[s.Cookie]
	if got.State != StateTimeWait || got.Has(HasInfo) || got.Timer != TimerTimeWait || got.Info.Len() != 0 {
		t.Errorf("%v, attributes %b, timer %v", got.State, got.Attrs, got.Timer)
	}
	if _, there := dumpOf(t, c)[s.Cookie]; there {
		t.Error("a dump contains it, too")
	}
}

// TestLiveRecheckAbandoned abandons answers: they are not taken for later ones.
func TestLiveRecheckAbandoned(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	holdPairs(t, n, 20)
	c := dialIn(t, n, Config{})
	dumped := dumpOf(t, c)
	targets := targetsIn(dumped)
	malformed := targets[0]
	malformed.Family = 99
	if _, err := c.Recheck(slices.Concat([]Target{malformed}, targets[:20]), func(time.Time, []Socket) {}); err == nil {
		t.Error("the kernel accepts the address family 99")
	}
	requireUnchanged(t, dumped, recheckOf(t, c, targets...))
	requireUnchanged(t, dumped, dumpOf(t, c))
}

// TestLiveRecheckAllocations checks that many targets need no more allocations than few.
func TestLiveRecheckAllocations(t *testing.T) {
	netlab.RequireRoot(t)
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	n := netlab.New(t)
	holdPairs(t, n, 250)
	c := dialIn(t, n, Config{CongestionInfo: true})
	targets := targetsIn(dumpOf(t, c))
	sockets := 0
	sink := func(_ time.Time, batch []Socket) { sockets += len(batch) }
	if allocs := testing.AllocsPerRun(20, func() {
		if _, err := c.Recheck(targets, sink); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 || sockets != 21*500 {
		t.Errorf("%v allocations for %d targets, %d sockets", allocs, len(targets), sockets)
	}
}

// TestLiveRecordedRounds replays dumps and rounds as they were sampled.
func TestLiveRecordedRounds(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	holdPairs(t, n, 40)
	var buf bytes.Buffer
	r, err := NewRecorder(&buf, KernelRelease(), time.Second, time.Now())
	must(t, err)
	c := dialIn(t, n, Config{Tap: r, CongestionInfo: true})
	live := &copier{}
	must(t, tick(0, c.Dump, live, onlooker{newDiary()}))
	targets := targetsIn(dumpOf(t, c)) // recorded, too
	for range 2 {
		must(t, c.Read(targets, func(time.Time, []Socket) {})) // not recorded
		read := func(sink Sink) (Round, error) { return c.Recheck(targets, sink) }
		must(t, Recheck(read, live, onlooker{newDiary()}))
	}
	must(t, errors.Join(tick(0, c.Dump, live, onlooker{newDiary()}), r.Err()))
	p, err := NewReplay(&buf)
	must(t, err)
	played, d := &copier{}, newDiary()
	must(t, p.Next(played, onlooker{d}))
	must(t, p.Next(&copier{}, onlooker{d})) // the dump of targetsIn
	must(t, playOut(p, played, onlooker{d}))
	if !slices.Equal(played.calls, live.calls) || !slices.Equal(played.sockets, live.sockets) || len(live.sockets) != 4*80 {
		t.Errorf("%d sockets sampled, %d replayed; calls\n%q\n%q", len(live.sockets), len(played.sockets), live.calls, played.calls)
	}
	near := func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Millisecond } // the wall clock may be slewed
	if !slices.EqualFunc(played.times, live.times, near) {
		t.Errorf("times\n%v\n%v", played.times, live.times)
	}
}

// copier is a Consumer that keeps copies of all sockets.
type copier struct {
	calls   []string
	sockets []Socket
	times   []time.Time
}

func (c *copier) keep(what string, at time.Time, sockets []Socket) {
	c.calls = append(c.calls, fmt.Sprintf("%s %d", what, len(sockets)))
	c.sockets, c.times = append(c.sockets, sockets...), append(c.times, at)
}

func (c *copier) Begin(Space)                              { c.calls = append(c.calls, "begin") }
func (c *copier) Sockets(at time.Time, sockets []Socket)   { c.keep("sockets", at, sockets) }
func (c *copier) End(d Dump)                               { c.keep("end", d.End, nil) }
func (c *copier) Abort()                                   { c.calls = append(c.calls, "abort") }
func (c *copier) Suspicious() []Target                     { return nil }
func (c *copier) Rechecked(at time.Time, sockets []Socket) { c.keep("recheck", at, sockets) }
func (c *copier) Settle(at time.Time)                      { c.keep("settle", at, nil) }
func (c *copier) Known() []Target                          { return nil }
func (c *copier) Gone(Space, time.Time)                    {}
func (c *copier) Publish(time.Time)                        {}
