package netlab

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/sstext"
)

// road is a path and the namespaces at its ends.
type road struct {
	*Path

	a, b *Namespace
}

// newRoad lays a path.
func newRoad(t *testing.T) road {
	t.Helper()
	RequireRoot(t)
	RequireTool(t, "ss")
	r := road{a: New(t), b: New(t)}
	r.Path = NewPath(t, r.a, r.b, 9)
	return r
}

// connect opens a connection from a to b.
func (r road) connect(t *testing.T, to netip.Addr) (client, server net.Conn) {
	t.Helper()
	return Connect(t, r.a, r.b, "tcp", at(to, 0))
}

// show returns what ss says of a connection of a.
func (r road) show(t *testing.T, client net.Conn) sstext.Row {
	t.Helper()
	_, port, err := net.SplitHostPort(client.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := sstext.Parse(r.a.Run(t, "ss", "-tinoOH", "sport = :"+port))
	if err != nil || len(rows) != 1 {
		t.Fatalf("ss shows %+v, %v; want one connection", rows, err)
	}
	return rows[0]
}

// number returns an item of ss that starts with a number, or 0 if it is not there.
func number(t *testing.T, row sstext.Row, key string) float64 {
	t.Helper()
	text, _, _ := strings.Cut(row.Values[key], "/")
	if text == "" {
		return 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// retry has f try a few times to measure what a busy machine can spoil.
func retry(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for range 5 {
		if err = f(); err == nil {
			return
		}
		t.Logf("measuring again: %v", err)
	}
	t.Error(err)
}

// arrives reports whether n bytes come out of a connection in time.
func arrives(t *testing.T, conn net.Conn, n int, limit time.Duration) bool {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	_, err := io.ReadFull(conn, make([]byte, n))
	return err == nil
}

// write writes n bytes to a connection.
func write(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	if _, err := conn.Write(make([]byte, n)); err != nil {
		t.Fatal(err)
	}
}

func TestPathRTT(t *testing.T) {
	r := newRoad(t)
	const want = 40.0 // Milliseconds.
	r.SetBoth(Conditions{Delay: want / 2 * time.Millisecond})
	for _, to := range []netip.Addr{r.B.IPv4, r.B.IPv6} {
		t.Run(to.String(), func(t *testing.T) {
			retry(t, func() error {
				client, server := r.connect(t, to)
				for range 8 {
					requireEcho(t, client, server)
				}
				if got := number(t, r.show(t, client), "rtt"); got < 0.9*want || got > 2*want+10 {
					return fmt.Errorf("ss shows an RTT of %v ms, want about %v", got, want)
				}
				return nil
			})
		})
	}
}

func TestPathConditionsChange(t *testing.T) {
	r := newRoad(t)
	client, server := r.connect(t, r.B.IPv4)
	took := func() time.Duration {
		from := time.Now()
		requireEcho(t, client, server)
		return time.Since(from)
	}
	retry(t, func() error {
		r.SetBoth(Conditions{})
		if got := took(); got > 80*time.Millisecond {
			return fmt.Errorf("without delay a byte and its echo took %v", got)
		}
		r.Set(AToB, Conditions{Delay: 100 * time.Millisecond})
		if got := took(); got < 100*time.Millisecond {
			t.Errorf("with 100 ms of delay a byte and its echo took %v", got)
		}
		return nil
	})
}

func TestPathLoss(t *testing.T) {
	r := newRoad(t)
	client, server := r.connect(t, r.B.IPv4)
	c := Conditions{Loss: 0.1, Seed: 3}
	before := r.Counters(AToB).Forwarded.Packets
	r.Set(AToB, c)
	const size = 300000
	go func() { _, _ = client.Write(make([]byte, size)) }() // Buffers may be smaller than that.
	if !arrives(t, server, size, 10*time.Second) {
		t.Fatal("the data did not arrive")
	}
	if row := r.show(t, client); number(t, row, "bytes_retrans") == 0 {
		t.Errorf("ss shows no retransmitted bytes: %+v", row)
	}
	await(t, func() (string, bool) { // Until the last ones have arrived.
		got := r.Counters(AToB)
		n := got.Forwarded.Packets - before + got.DroppedLoss.Packets
		want := lossesIn(n, c)
		return fmt.Sprintf("%d of %d lost, want %d", got.DroppedLoss.Packets, n, want), want > 0 && got.DroppedLoss.Packets == want
	})
}

func TestPathBlackhole(t *testing.T) {
	r := newRoad(t)
	client, server := r.connect(t, r.B.IPv6)
	requireEcho(t, client, server)
	r.SetBoth(Conditions{Blackhole: true})
	write(t, client, 100)
	await(t, func() (sstext.Row, bool) {
		row := r.show(t, client)
		return row, number(t, row, "backoff") >= 2 && row.Timer.Name == "on"
	})
	if got := r.Counters(AToB).DroppedBlackhole; got.Packets < 3 || got.Bytes < 3*100 {
		t.Errorf("the black hole has %+v, want three packets or more", got)
	}
	r.SetBoth(Conditions{})
	if !arrives(t, server, 100, 10*time.Second) {
		t.Error("the data did not arrive after the path was repaired")
	}
}

func TestPathMTUHole(t *testing.T) {
	r := newRoad(t)
	r.SetBoth(Conditions{MTUHole: 1000})
	client, server := r.connect(t, r.B.IPv4)
	for range 3 {
		write(t, client, 500)
		if !arrives(t, server, 500, 5*time.Second) {
			t.Fatal("a small packet did not arrive")
		}
	}
	write(t, client, 1400)
	if arrives(t, server, 1400, 500*time.Millisecond) {
		t.Error("a large packet arrived")
	}
	if got := r.Counters(AToB).DroppedMTU; got.Packets == 0 || got.Bytes <= 1400*got.Packets {
		t.Errorf("the hole has %+v, want the large packets", got)
	}
	r.SetBoth(Conditions{})
	if !arrives(t, server, 1400, 10*time.Second) {
		t.Error("the large packet did not arrive after the path was repaired")
	}
}

func TestPathRate(t *testing.T) {
	r := newRoad(t)
	const rate = 16e6 // Bits per second.
	r.SetBoth(Conditions{Delay: 5 * time.Millisecond})
	r.Set(AToB, Conditions{Delay: 5 * time.Millisecond, Rate: rate, Queue: 20000})
	retry(t, func() error { return r.goodput(t, rate) })
	if got := r.Counters(AToB).DroppedQueue; got.Packets == 0 {
		t.Error("the queue never overflowed")
	}
}

// goodput returns an error unless data flow from a to b at about the rate, in bits per second.
func (r road) goodput(t *testing.T, rate float64) error {
	t.Helper()
	client, server := r.connect(t, r.B.IPv4)
	go func() { _, _ = client.Write(make([]byte, int(4*rate/8))) }() // Ends when the connection is closed.
	defer client.Close()
	if !arrives(t, server, 200000, 5*time.Second) { // The start is not of interest.
		return io.ErrNoProgress
	}
	from := time.Now()
	size := int(0.6 * rate / 8)
	if !arrives(t, server, size, 10*time.Second) {
		return io.ErrNoProgress
	}
	if got := float64(8*size) / time.Since(from).Seconds(); got < 0.5*rate || got > 1.2*rate {
		return fmt.Errorf("%.2f Mbit/s came through, want about %.2f", got/1e6, rate/1e6)
	}
	return nil
}

func TestNewPath(t *testing.T) {
	r := newRoad(t)
	if r.A.Name != "path9a" || r.B.Name != "path9b" || r.A.IPv4.String() != "10.78.9.1" || r.B.IPv6.String() != "fd78:9::2" {
		t.Errorf("the ends are %+v and %+v", r.A, r.B)
	}
	if !strings.Contains(r.a.Run(t, "ip", "link", "show", r.A.Name), "mtu 1500") {
		t.Error("the MTU is not 1500")
	}
	for _, dir := range []Direction{AToB, BToA} {
		if got := r.Counters(dir); got != (Counters{}) {
			t.Errorf("before any traffic the counters are %+v from %v", got, dir)
		}
	}
	for _, i := range []int{0, 256} {
		got := observe(t, func(t testing.TB) { NewPath(t, r.a, r.b, i) })
		requireMessage(t, "failed", got.fatal, "only 1 to 255")
	}
	got := observe(t, func(t testing.TB) { NewPath(t, r.a, r.b, 9) })
	requireMessage(t, "failed", got.fatal, "busy")
}

// TestPathIsRemoved leaves paths that carry traffic to the cleanup of inner tests, and then counts.
func TestPathIsRemoved(t *testing.T) {
	use := func() {
		t.Run("inner", func(t *testing.T) {
			r := newRoad(t)
			client, server := r.connect(t, r.B.IPv6)
			requireEcho(t, client, server)
			r.SetBoth(Conditions{Delay: time.Hour, Rate: 1000})
			write(t, client, 10000) // Fits into the send buffer.
		})
	}
	use()
	before := count(t)
	for range 3 {
		use()
	}
	await(t, func() (census, bool) {
		now := count(t)
		return now, now.fds <= before.fds && now.goroutines <= before.goroutines && now.strays == 0
	})
}
