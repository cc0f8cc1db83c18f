package sampler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// dialIn opens a Conn to a namespace. It is closed at the end of the test.
func dialIn(t testing.TB, n *netlab.Namespace, cfg Config) *Conn {
	t.Helper()
	cfg.NetNS = n.FD()
	c, err := Dial(cfg)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// dumpOf makes a dump and returns copies of its sockets by cookie.
func dumpOf(t testing.TB, c dumper) map[uint64]Socket {
	t.Helper()
	sockets := map[uint64]Socket{}
	_, err := c.Dump(func(_ time.Time, batch []Socket) {
		for _, s := range batch {
			sockets[s.Cookie] = s
		}
	})
	must(t, err)
	return sockets
}

// find returns the socket of a connection in a dump.
func find(t testing.TB, sockets map[uint64]Socket, conn syscall.Conn) Socket {
	t.Helper()
	raw, err := conn.SyscallConn()
	must(t, err)
	var cookie uint64
	controlErr := raw.Control(func(fd uintptr) {
		cookie, err = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
	})
	must(t, errors.Join(controlErr, err))
	s, ok := sockets[cookie]
	if !ok {
		t.Fatalf("no socket has the cookie %x of %v", cookie, conn)
	}
	return s
}

// inodeOf reads the inode of a socket from its link in /proc.
func inodeOf(t testing.TB, conn net.Conn) uint32 {
	t.Helper()
	var inode uint32
	must(t, control(conn, func(fd int) error {
		link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err == nil {
			_, err = fmt.Sscanf(link, "socket:[%d]", &inode)
		}
		return err
	}))
	return inode
}

// TestLiveFigures checks fields whose values the test determines.
func TestLiveFigures(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	client, server := n.Pair(t, "tcp", "127.0.0.1:0")
	transfer(t, client, server, 123_456)
	_, err := server.Write(make([]byte, 789)) // not read
	must(t, err)
	must(t, control(server, func(fd int) error { return unix.Fchown(fd, sceneUID, -1) }))
	must(t, setString(client, unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno"))
	before := time.Now()
	c := dialIn(t, n, Config{})
	sockets := dumpOf(t, c)
	s, peer := find(t, sockets, client.(*net.TCPConn)), find(t, sockets, server.(*net.TCPConn))
	if len(sockets) != 2 {
		t.Errorf("%d sockets: %+v", len(sockets), sockets)
	}
	if s.Info.BytesSent()-s.Info.BytesRetrans() != 123_456 || peer.Info.BytesReceived() != 123_456 {
		t.Errorf("%d bytes sent, %d received", s.Info.BytesSent(), peer.Info.BytesReceived())
	}
	if s.Info.BytesAcked() != 123_457 || peer.Info.BytesSent() != 789 { // the SYN counts
		t.Errorf("%d bytes acknowledged, %d sent back", s.Info.BytesAcked(), peer.Info.BytesSent())
	}
	if s.RecvQueue != 789 || peer.RecvQueue != 0 || s.SendQueue != 0 {
		t.Errorf("queues %d %d, %d", s.RecvQueue, s.SendQueue, peer.RecvQueue)
	}
	if s.UID != 0 || peer.UID != sceneUID {
		t.Errorf("owners %d and %d", s.UID, peer.UID)
	}
	if s.Inode != inodeOf(t, client) || peer.Inode != inodeOf(t, server) || s.Inode == peer.Inode {
		t.Errorf("inodes %d and %d, want %d and %d", s.Inode, peer.Inode, inodeOf(t, client), inodeOf(t, server))
	}
	if s.CongestionName() != "reno" {
		t.Errorf("congestion control %q", s.CongestionName())
	}
	if s.Local.AddrPort() != client.LocalAddr().(*net.TCPAddr).AddrPort() || s.Local != peer.Remote || s.Remote != peer.Local {
		t.Errorf("addresses %v %v, peer %v %v", s.Local.AddrPort(), s.Remote.AddrPort(), peer.Local.AddrPort(), peer.Remote.AddrPort())
	}
	rtt, ok := s.Info.Get(FieldRTT)
	if !ok || rtt == 0 || time.Duration(rtt)*time.Microsecond > time.Since(before)+time.Second {
		t.Errorf("rtt %d, %v", rtt, ok)
	}
	if !s.Has(HasInfo|HasSkMem|HasDrops|HasCongestion|HasShutdown|HasMark) || s.SkMem.Sndbuf == 0 {
		t.Errorf("attributes %b of %+v", s.Attrs, s)
	}
	must(t, closeWrite(client))
	time.Sleep(100 * time.Millisecond) // longer than a delayed ACK
	sockets = dumpOf(t, c)
	if got := find(t, sockets, client.(*net.TCPConn)); got.Shutdown != 2 || got.State != StateFinWait2 {
		t.Errorf("after the FIN: %v, shutdown %d", got.State, got.Shutdown)
	}
	if got := find(t, sockets, server.(*net.TCPConn)); got.State != StateCloseWait || got.Info.BytesReceived() != 123_457 {
		t.Errorf("after the FIN: %v, %d bytes received", got.State, got.Info.BytesReceived())
	}
}

// TestLiveSocketOptions compares tcp_info with that of getsockopt(2).
func TestLiveSocketOptions(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	client, server := n.Pair(t, "tcp", "[::1]:0")
	transfer(t, client, server, 100_000)
	transfer(t, server, client, 1000)
	time.Sleep(100 * time.Millisecond) // longer than a delayed ACK
	c := dialIn(t, n, Config{})
	s := find(t, dumpOf(t, c), client.(*net.TCPConn))
	var info *unix.TCPInfo
	must(t, control(client, func(fd int) (err error) {
		info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err
	}))
	theirs := map[string]uint64{}
	for field, value := range reflect.ValueOf(*info).Fields() {
		if value.CanUint() {
			theirs[strings.ToLower(field.Name)] = value.Uint()
		}
	}
	compared := 0
	for f := range NumFields {
		want, known := theirs[f.String()]
		got, has := s.Info.Get(f)
		switch {
		case int(fieldTable[f].end()) > s.Info.Len(): // the kernel is too old
			if has || want != 0 {
				t.Errorf("%v is %d, %v; getsockopt has %d, tcp_info has %d bytes", f, got, has, want, s.Info.Len())
			}
		case !known || !has && (f == FieldSndSsthresh || f == FieldMaxPacingRate || f == FieldRcvRTT):
		case f == FieldLastDataSent || f == FieldLastDataRecv || f == FieldLastAckRecv:
			if got+1000 < want || got > want {
				t.Errorf("%v is %d, getsockopt has %d", f, got, want)
			}
		case got != want || !has:
			t.Errorf("%v is %d, %v; getsockopt has %d", f, got, has, want)
		default:
			compared++
		}
	}
	if compared < 40 { // the fields of Linux 6.1
		t.Errorf("only %d fields were compared", compared)
	}
}

// TestLiveListener reads the accept queue and the backlog limit.
func TestLiveListener(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	listener := n.Listen(t, "tcp", "[::1]:0")
	for range 3 {
		n.Dial(t, "tcp", listener.Addr().String())
	}
	sockets := dumpOf(t, dialIn(t, n, Config{}))
	s := find(t, sockets, listener.(*net.TCPListener))
	if s.State != StateListen || s.RecvQueue != 3 || s.SendQueue == 0 || s.Info.Unacked() != 3 || s.Info.Sacked() != s.SendQueue {
		t.Errorf("listener %+v", s)
	}
	if s.Info.Has(FieldRTT) || s.Info.Has(FieldPacingRate) || !s.Info.Has(FieldSndCwnd) || s.Remote.Port != 0 {
		t.Errorf("listener %+v", s)
	}
	waiting := 0
	for _, s := range sockets {
		waiting += int(one(s.Inode == 0))
	}
	if waiting != 3 {
		t.Errorf("%d connections in the accept queue", waiting)
	}
}

// TestLiveStatesAndFilter selects by state and by program. Listeners are always included.
func TestLiveStatesAndFilter(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	open, _ := n.Pair(t, "tcp", "127.0.0.1:0")
	shut, _ := n.Pair(t, "tcp", "127.0.0.1:0")
	must(t, closeWrite(shut))
	n.Listen(t, "tcp", "127.0.0.1:0")
	time.Sleep(100 * time.Millisecond) // longer than a delayed ACK
	port := open.LocalAddr().(*net.TCPAddr).AddrPort().Port()
	for name, test := range map[string]struct {
		cfg    Config
		filter Filter
		want   []State
	}{
		"all":        {want: []State{1, 1, 5, 8, 10}},
		"CLOSE_WAIT": {cfg: Config{States: 1 << StateCloseWait}, want: []State{8, 10}},
		// INET_DIAG_BC_S_GE and S_LE: local port equal to that of one connection.
		"program": {filter: Filter{Program: portProgram(port)}, want: []State{1, 10}},
		"keep":    {filter: Filter{Keep: func(s *Socket) bool { return s.Local.Port != port }}, want: []State{1, 5, 8, 10}},
		"both": {
			filter: Filter{Program: portProgram(port), Keep: func(*Socket) bool { return false }}, want: []State{10},
		},
	} {
		var got []State
		c := dialIn(t, n, test.cfg)
		c.SetFilter(test.filter)
		for _, s := range dumpOf(t, c) {
			got = append(got, s.State)
		}
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	noProgram := []byte{0xff, 0xff, 0xff, 0xff}
	refused := dialIn(t, n, Config{})
	for _, test := range []struct {
		program []byte
		taken   bool
	}{{noProgram, false}, {portProgram(port), true}} {
		if taken, err := refused.Offer(test.program); taken != test.taken || err != nil {
			t.Errorf("%x was taken: %t, %v", test.program, taken, err)
		}
	}
	refused.SetFilter(Filter{Program: noProgram})
	if _, err := refused.Dump(func(time.Time, []Socket) {}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("an invalid program: %v", err)
	}
}

// portProgram accepts one source port: two comparisons of 8 bytes each.
func portProgram(port uint16) []byte {
	op := func(code, yes byte, no uint16) []byte {
		return slices.Concat([]byte{code, yes}, binary.NativeEndian.AppendUint16(nil, no))
	}
	const (
		greaterEqual = 2 // INET_DIAG_BC_S_GE
		lessEqual    = 3 // INET_DIAG_BC_S_LE
		nop          = 0 // INET_DIAG_BC_NOP
	)
	value := op(nop, 0, port)
	return slices.Concat(op(greaterEqual, 8, 20), value, op(lessEqual, 8, 12), value)
}

// TestLiveLegacyEqualsV2 dumps the same sockets with both kinds of requests.
func TestLiveLegacyEqualsV2(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "127.0.0.1:0", "[::1]:0"} {
		client, server := n.Pair(t, "tcp", address)
		transfer(t, client, server, 10_000)
	}
	n.Listen(t, "tcp", ":0")
	time.Sleep(100 * time.Millisecond)
	c := dialIn(t, n, Config{})
	if !c.Legacy() {
		t.Error("the legacy request serves both families on this kernel, but was not chosen")
	}
	legacy := dumpOf(t, c)
	c.legacy = false
	v2 := dumpOf(t, c)
	if len(legacy) != 9 || len(v2) != 9 {
		t.Errorf("%d and %d sockets", len(legacy), len(v2))
	}
	for cookie, a := range legacy {
		b := v2[cookie]
		for _, info := range []*TCPInfo{&a.Info, &b.Info} {
			clear(info.raw[offLastDataSent : offLastAckRecv+4]) // clocks
		}
		if a != b {
			t.Errorf("legacy %+v\nv2 %+v", a, b)
		}
	}
}

// TestLiveCgroup compares the cgroup with the inode of its directory.
func TestLiveCgroup(t *testing.T) {
	netlab.RequireRoot(t)
	dir, ok := cgroupDir(t)
	if !ok {
		t.Skip("no cgroup v2 is mounted")
	}
	var stat unix.Stat_t
	must(t, unix.Stat(dir, &stat))
	n := netlab.New(t)
	client, _ := n.Pair(t, "tcp", "127.0.0.1:0")
	s := find(t, dumpOf(t, dialIn(t, n, Config{})), client.(*net.TCPConn))
	if !s.Has(HasCgroup) {
		t.Skip("the kernel provides no cgroup ids")
	}
	if s.CgroupID != stat.Ino {
		t.Errorf("cgroup %d, but %s is %d", s.CgroupID, dir, stat.Ino)
	}
}

// cgroupDir returns the directory of this process in the cgroup v2 hierarchy.
func cgroupDir(t *testing.T) (string, bool) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	groups, err := os.ReadFile("/proc/self/cgroup")
	must(t, err)
	for line := range strings.Lines(string(groups)) {
		path, found := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !found {
			continue
		}
		for mount := range strings.Lines(string(mounts)) {
			if fields := strings.Fields(mount); fields[2] == "cgroup2" {
				dir := filepath.Join(fields[1], path)
				_, err := os.Stat(dir)
				return dir, err == nil
			}
		}
	}
	return "", false
}

// TestLiveRecording replays dumps with the same sockets and times.
func TestLiveRecording(t *testing.T) {
	netlab.RequireRoot(t)
	n := netlab.New(t)
	for range 60 { // more than fit into a datagram
		n.Pair(t, "tcp", "127.0.0.1:0")
	}
	type sample struct {
		dump    Dump
		sockets []Socket
		times   []int64
	}
	take := func(src dumper) (s sample) {
		var err error
		s.dump, err = src.Dump(func(at time.Time, batch []Socket) {
			s.sockets = append(s.sockets, batch...)
			s.times = append(s.times, at.UnixNano())
		})
		must(t, err)
		return s
	}
	var buf bytes.Buffer
	r, err := NewRecorder(&buf, KernelRelease(), time.Second, time.Now())
	must(t, err)
	c := dialIn(t, n, Config{Tap: r, CongestionInfo: true})
	seen := []sample{take(c), take(c), take(c)}
	must(t, r.Err())
	p, err := NewReplay(&buf)
	must(t, err)
	for i, want := range seen {
		got := take(p)
		if !slices.Equal(got.sockets, want.sockets) || len(got.sockets) != 120 {
			t.Errorf("dump %d: the %d replayed sockets differ from the %d sampled ones", i, len(got.sockets), len(want.sockets))
		}
		near := func(a, b int64) bool { return max(a-b, b-a) < int64(time.Millisecond) } // the wall clock may be slewed
		if !slices.EqualFunc(got.times, want.times, near) || len(got.times) < 2 {
			t.Errorf("dump %d: datagrams at %v, want %v", i, got.times, want.times)
		}
		if !near(got.dump.Start.UnixNano(), want.dump.Start.UnixNano()) ||
			got.dump.End.Sub(got.dump.Start) != want.dump.End.Sub(want.dump.Start) {
			t.Errorf("dump %d: %+v, want %+v", i, got.dump, want.dump)
		}
		if got.dump.Sockets != want.dump.Sockets || got.dump.Bytes != want.dump.Bytes || got.dump.Datagrams != want.dump.Datagrams {
			t.Errorf("dump %d: %+v, want %+v", i, got.dump, want.dump)
		}
	}
}

// TestLiveAddresses samples each form of address, and the zone of a link-local one.
func TestLiveAddresses(t *testing.T) {
	netlab.RequireRoot(t)
	near, far := netlab.New(t), netlab.New(t)
	link := netlab.Join(t, near, far, 11)
	zoned := link.B.LinkLocal.WithZone(strconv.Itoa(link.A.Index))
	local, _ := netlab.Connect(t, near, far, "tcp", netip.AddrPortFrom(link.B.IPv6, 0).String())
	listener := far.Listen(t, "tcp", netip.AddrPortFrom(link.B.LinkLocal, 0).String())
	port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
	linkLocal := near.Dial(t, "tcp", netip.AddrPortFrom(zoned, port).String())
	dual := near.Listen(t, "tcp", ":0")
	near.Dial(t, "tcp", fmt.Sprintf("127.0.0.1:%d", dual.Addr().(*net.TCPAddr).Port))
	mapped, err := dual.Accept()
	must(t, err)
	t.Cleanup(func() { _ = mapped.Close() })
	sockets := dumpOf(t, dialIn(t, near, Config{}))

	s := find(t, sockets, local.(*net.TCPConn))
	if s.Family != FamilyIPv6 || s.LinkLocal() || s.Ifindex != 0 || s.Local.AddrPort().Addr() != link.A.IPv6 || s.Remote.AddrPort().Addr() != link.B.IPv6 {
		t.Errorf("IPv6: %v %v", s.Local.AddrPort(), s.Remote.AddrPort())
	}
	s = find(t, sockets, linkLocal.(*net.TCPConn))
	if !s.LinkLocal() || int(s.Ifindex) != link.A.Index || s.Remote.AddrPort() != netip.AddrPortFrom(link.B.LinkLocal.WithZone(""), port) {
		t.Errorf("link-local: %v, interface %d", s.Remote.AddrPort(), s.Ifindex)
	}
	s = find(t, sockets, mapped.(*net.TCPConn))
	if s.Family != FamilyIPv6 || !s.Local.AddrPort().Addr().Is4() || s.Remote.AddrPort().Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("mapped: family %d, %v", s.Family, s.Remote.AddrPort())
	}
	s = find(t, sockets, dual.(*net.TCPListener))
	if s.Family != FamilyIPv6 || s.Local.AddrPort().Addr() != netip.IPv6Unspecified() {
		t.Errorf("listener for both families: %v", s.Local.AddrPort())
	}
}
