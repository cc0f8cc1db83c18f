package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// kindTable are the kinds of paths, which have to behave alike.
var kindTable = []struct {
	name    string
	require func(t testing.TB)
	lay     func(t testing.TB, a, b *Namespace, i int) *Path
}{
	{"tun", RequireRoot, NewPath},
	{"netem", RequireNetem, NewNetemPath},
}

// onBoth runs f on a path of each kind.
func onBoth(t *testing.T, f func(t *testing.T, r road)) {
	t.Helper()
	RequireRoot(t)
	for _, kind := range kindTable {
		t.Run(kind.name, func(t *testing.T) {
			kind.require(t)
			r := road{a: New(t), b: New(t)}
			r.Path = kind.lay(t, r.a, r.b, 9)
			f(t, r)
		})
	}
}

// echoes returns how long n bytes and their echoes took on a connection, in ascending order.
func echoes(t *testing.T, r road, to netip.Addr, n int) (took []time.Duration) {
	t.Helper()
	client, server := r.connect(t, to)
	for range n {
		from := time.Now()
		requireEcho(t, client, server)
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	return took
}

// mean returns the mean of durations.
func mean(all []time.Duration) (sum time.Duration) {
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}

func TestNetemDelay(t *testing.T) {
	onBoth(t, func(t *testing.T, r road) {
		for _, to := range []netip.Addr{r.B.IPv4, r.B.IPv6, r.B.LinkLocal.WithZone(r.A.LinkLocal.Zone())} {
			r.SetBoth(Conditions{Delay: 20 * time.Millisecond})
			retry(t, func() error {
				took := echoes(t, r, to, 10)
				if took[0] < 40*time.Millisecond {
					t.Errorf("the delay is missing: %v", took)
				}
				if took[0] > 50*time.Millisecond {
					return fmt.Errorf("bytes and their echoes took %v, want about 40 ms", took)
				}
				return nil
			})
		}
	})
}

func TestNetemJitter(t *testing.T) {
	onBoth(t, func(t *testing.T, r road) {
		r.SetBoth(Conditions{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond})
		retry(t, func() error {
			took := echoes(t, r, r.B.IPv4, 40)
			if took[0] < 20*time.Millisecond {
				t.Errorf("the delay is missing: %v", took)
			}
			// Even distributions of 20 ms have a deviation of 8 ms when added, and 1.3 ms in the mean of 40.
			if got := mean(took); got < 36*time.Millisecond || got > 50*time.Millisecond {
				return fmt.Errorf("bytes and their echoes took %v, want about 40 ms in the mean", took)
			}
			return nil
		})
	})
}

// datagrams is a stream of datagrams from a to b.
type datagrams struct {
	from *net.UDPConn
	to   *net.UDPConn
}

// newDatagrams opens the sockets.
func newDatagrams(t *testing.T, r road) datagrams {
	t.Helper()
	var d datagrams
	err := r.b.DoErr(func() (err error) {
		d.to, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.B.IPv4, 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.to.Close() })
	d.from = r.a.Dial(t, "udp", d.to.LocalAddr().String()).(*net.UDPConn)
	return d
}

// send sends n datagrams of size bytes, IP header included, with a pause after each.
func (d datagrams) send(t *testing.T, n, size int, pause time.Duration) {
	t.Helper()
	const headers = 28
	for range n {
		write(t, d.from, size-headers)
		time.Sleep(pause)
	}
}

// receive returns when datagrams arrived, until none did for a second.
func (d datagrams) receive(t *testing.T) (at []time.Time) {
	t.Helper()
	buf := make([]byte, pathMTU)
	for {
		if err := d.to.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.to.Read(buf); errors.Is(err, os.ErrDeadlineExceeded) {
			return at
		} else if err != nil {
			t.Fatal(err)
		}
		at = append(at, time.Now())
	}
}

// requireCounters compares what became of datagrams of the size.
func requireCounters(t *testing.T, got Counters, forwarded, loss, queue, size int) {
	t.Helper()
	count := func(n int) Count { return Count{int64(n), int64(n * size)} }
	want := Counters{Forwarded: count(forwarded), DroppedLoss: count(loss), DroppedQueue: count(queue)}
	got.DroppedLoss.Bytes = want.DroppedLoss.Bytes // What netem loses it does not measure.
	got.DroppedQueue.Bytes = want.DroppedQueue.Bytes
	if got != want {
		t.Errorf("the counters are %+v, want %+v", got, want)
	}
}

func TestNetemLoss(t *testing.T) {
	onBoth(t, func(t *testing.T, r road) {
		const n, size = 2000, 200
		r.Set(AToB, Conditions{Loss: 0.1})
		d := newDatagrams(t, r)
		go d.send(t, n, size, 100*time.Microsecond)
		arrived := len(d.receive(t))
		if lost := float64(n-arrived) / n; lost < 0.07 || lost > 0.13 { // 4.5 standard deviations.
			t.Errorf("%.3f of the datagrams were lost, want about 0.1", lost)
		}
		requireCounters(t, r.Counters(AToB), arrived, n-arrived, 0, size)
	})
}

func TestNetemQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, r road) {
		const n, size, depth = 80, 1500, 40
		const rate = 4e6
		r.Set(AToB, Conditions{Rate: rate, Queue: depth * size, Delay: 20 * time.Millisecond})
		d := newDatagrams(t, r)
		sent, arrived := 0, 0
		retry(t, func() error {
			go d.send(t, n, size, 0)
			at := d.receive(t)
			sent, arrived = sent+n, arrived+len(at)
			if len(at) < depth || len(at) > depth+depth/2 {
				return fmt.Errorf("%d datagrams arrived, want the %d that fit the queue and those that left it meanwhile", len(at), depth)
			}
			took := at[len(at)-1].Sub(at[0]).Seconds()
			if got := 8 * size * float64(len(at)-1) / took; got < 0.9*rate || got > 1.05*rate {
				return fmt.Errorf("datagrams arrived at %.2f Mbit/s, want about %.2f", got/1e6, rate/1e6)
			}
			return nil
		})
		requireCounters(t, r.Counters(AToB), arrived, 0, sent-arrived, size)
	})
}

func TestNetemBlackhole(t *testing.T) {
	onBoth(t, func(t *testing.T, r road) {
		client, server := r.connect(t, r.B.IPv6)
		requireEcho(t, client, server)
		r.SetBoth(Conditions{Blackhole: true})
		write(t, client, 100)
		if arrives(t, server, 100, 500*time.Millisecond) {
			t.Error("data came through the black hole")
		}
		r.SetBoth(Conditions{})
		if !arrives(t, server, 100, 10*time.Second) {
			t.Error("the data did not arrive after the path was repaired")
		}
	})
}

func TestNetemThroughput(t *testing.T) {
	onBoth(t, func(t *testing.T, r road) {
		const rate = 8e6
		r.SetBoth(Conditions{Delay: 10 * time.Millisecond})
		r.Set(AToB, Conditions{Delay: 10 * time.Millisecond, Rate: rate, Queue: 30000})
		retry(t, func() error { return r.goodput(t, rate) })
		if got := r.Counters(AToB); got.DroppedQueue.Packets == 0 || got.Forwarded.Packets < got.Forwarded.Bytes/pathMTU {
			t.Errorf("the counters are %+v, want drops by the queue and packets that fit the wire", got)
		}
	})
}

func TestNewNetemPath(t *testing.T) {
	RequireRoot(t)
	RequireNetem(t)
	a, b := New(t), New(t)
	p := NewNetemPath(t, a, b, 9)
	if p.A.Name != "path9a" || p.B.Name != "path9b" || p.A.IPv4.String() != "10.78.9.1" || p.B.IPv6.String() != "fd78:9::2" {
		t.Errorf("the ends are %+v and %+v", p.A, p.B)
	}
	time.Sleep(time.Second) // Time for the interfaces to say something of themselves.
	for _, dir := range []Direction{AToB, BToA} {
		if got := p.Counters(dir); got != (Counters{}) {
			t.Errorf("before any traffic the counters are %+v from %v", got, dir)
		}
	}
	for _, i := range []int{0, 256} {
		got := observe(t, func(t testing.TB) { NewNetemPath(t, a, b, i) })
		requireMessage(t, "failed", got.fatal, "only 1 to 255")
	}
}

// TestRequireNetem compares with what tc says.
func TestRequireNetem(t *testing.T) {
	RequireRoot(t)
	RequireTool(t, "tc")
	want := ""
	tc := New(t).Start(t, "tc", "qdisc", "add", "dev", "lo", "root", "netem")
	if tc.Wait() != nil && strings.Contains(tc.Output(), "qdisc kind is unknown") {
		want = "no netem"
	}
	got := observe(t, RequireNetem)
	requireMessage(t, "skipped", got.skip, want)
	requireMessage(t, "failed", got.fatal, "")
}
