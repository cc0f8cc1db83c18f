package health

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"tcphealth_exporter/health/group"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// liveSampler samples a namespace.
type liveSampler struct {
	tb       testing.TB
	source   *sampler.Conn
	tracker  *Tracker
	snapshot *Snapshot
}

func newLiveSampler(t *testing.T, n *netlab.Namespace) *liveSampler {
	t.Helper()

	source, err := sampler.Dial(sampler.Config{NetNS: n.FD()})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = source.Close() })

	l := &liveSampler{tb: t, source: source}
	l.tracker = NewTracker(Config{Groups: group.Config{Max: 20}}, func(s *Snapshot) { l.snapshot = s })

	return l
}

func (l *liveSampler) sample() *Snapshot {
	l.tb.Helper()
	l.tracker.Begin(0)

	d, err := l.source.Dump(l.tracker.Sockets)
	if err != nil {
		l.tb.Fatal(err)
	}

	l.tracker.End(d)
	l.tracker.Publish(d.End)

	return l.snapshot
}

// TestLiveGroups has servers of all kinds and a client in one namespace; the
// clients and servers that belong to them are in another one.
func TestLiveGroups(t *testing.T) {
	t.Parallel()
	netlab.RequireRoot(t)

	near, far := netlab.New(t), netlab.New(t)
	link := netlab.Join(t, near, far, 1)
	zone := link.A.LinkLocal.WithZone(link.B.LinkLocal.Zone())
	l := newLiveSampler(t, near)

	listen := func(address string) string { return portOf(near.Listen(t, "tcp", address).Addr()) }
	dual := listen("[::]:0")
	four := listen("0.0.0.0:0")
	own := listen(netip.AddrPortFrom(link.A.IPv4, 0).String())
	local := listen(netip.AddrPortFrom(link.A.LinkLocal.WithZone(link.A.LinkLocal.Zone()), 0).String())

	far.Dial(t, "tcp", net.JoinHostPort(link.A.IPv4.String(), dual))
	far.Dial(t, "tcp", net.JoinHostPort(link.A.IPv6.String(), dual))
	far.Dial(t, "tcp", net.JoinHostPort(link.A.IPv4.String(), four))
	far.Dial(t, "tcp", net.JoinHostPort(link.A.IPv4.String(), own))
	far.Dial(t, "tcp", net.JoinHostPort(zone.String(), local))

	client, peer := netlab.Connect(t, near, far, "tcp", netip.AddrPortFrom(link.B.IPv6, 0).String())
	remote := portOf(client.RemoteAddr())

	s := l.sample()
	want := []string{
		"client,," + link.B.IPv6.String() + "," + remote,
		"server," + dual + ",,", "server," + four + ",,", "server," + own + ",,", "server," + local + ",,",
	}

	slices.Sort(want)

	if got := s.labels(); !slices.Equal(got, want) {
		t.Fatalf("groups %q, want %q", got, want)
	}

	if _, err := client.Write(make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}

	if _, err := io.ReadFull(peer, make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}

	time.Sleep(50 * time.Millisecond) // the last ACK

	// A new one is counted from its beginning: the SYN is acknowledged as a byte.
	far.Dial(t, "tcp", net.JoinHostPort(link.A.IPv4.String(), four))

	s = l.sample()
	for i := range s.Groups {
		g := &s.Groups[i]
		sent, opened := uint64(0), uint64(0)

		switch g.Labels[0] + g.Labels[1] {
		case "client":
			sent = 10_000
		case "server" + four:
			opened = 1
		}

		if g.Counters[group.SentBytes] != sent || g.Counters[group.AckedBytes] != sent || g.Opened != opened {
			t.Errorf("%q: %+v", g.Labels, g.Totals)
		}
	}

	if s.Totals.Counters[group.SentBytes] != 10_000 || s.Totals.Known != 1<<group.NumCounters-1 {
		t.Errorf("in all %+v", s.Totals)
	}
}

func portOf(a net.Addr) string { return strconv.Itoa(a.(*net.TCPAddr).Port) }
