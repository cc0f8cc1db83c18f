package sstext_test

import (
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/sstext"
)

// options are the socket options that the kernel returns to the process that owns it.
type options struct {
	cookie uint64
	info   *unix.TCPInfo
}

// TestAgainstSocketOptions compares what is parsed with the socket options of the same socket.
func TestAgainstSocketOptions(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "ss")
	n := netlab.New(t)
	client, server := n.Pair(t, "tcp", "127.0.0.1:0")
	exchange(t, client, server)
	rows, err := sstext.Parse(n.Run(t, "ss", "-tinmoeOH"))
	if err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{client, server} {
		want := ask(t, conn.(*net.TCPConn))
		i := slices.IndexFunc(rows, func(r sstext.Row) bool { return r.SocketCookie == want.cookie })
		if i < 0 {
			t.Fatalf("no row has the cookie %x: %+v", want.cookie, rows)
		}
		requireInfo(t, rows[i], want.info)
	}
}

// exchange sends some data each way, so that most figures are not zero, and lets the connection come to rest.
func exchange(t *testing.T, a, b net.Conn) {
	t.Helper()
	buf := make([]byte, 10_000)
	for _, way := range [][2]net.Conn{{a, b}, {b, a}, {a, b}} {
		if _, err := way[0].Write(buf); err != nil {
			t.Fatal(err)
		}
		for read := 0; read < len(buf); {
			n, err := way[1].Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			read += n
		}
	}
	time.Sleep(100 * time.Millisecond) // More than the kernel delays an acknowledgment.
}

// ask asks the kernel about a socket.
func ask(t *testing.T, conn *net.TCPConn) (o options) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var errCookie, errInfo error
	err = raw.Control(func(fd uintptr) {
		o.cookie, errCookie = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
		o.info, errInfo = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || errCookie != nil || errInfo != nil {
		t.Fatal(err, errCookie, errInfo)
	}
	return o
}

// requireInfo compares the figures that stay as they are while a connection rests.
func requireInfo(t *testing.T, row sstext.Row, info *unix.TCPInfo) {
	t.Helper()
	for key, want := range map[string]uint64{
		"cwnd":           uint64(info.Snd_cwnd),
		"mss":            uint64(info.Snd_mss),
		"pmtu":           uint64(info.Pmtu),
		"rcvmss":         uint64(info.Rcv_mss),
		"advmss":         uint64(info.Advmss),
		"bytes_sent":     info.Bytes_sent,
		"bytes_acked":    info.Bytes_acked,
		"bytes_received": info.Bytes_received,
		"segs_out":       uint64(info.Segs_out),
		"segs_in":        uint64(info.Segs_in),
		"data_segs_out":  uint64(info.Data_segs_out),
		"data_segs_in":   uint64(info.Data_segs_in),
		"delivered":      uint64(info.Delivered),
		"rcv_space":      uint64(info.Rcv_space),
		"rcv_ssthresh":   uint64(info.Rcv_ssthresh),
		"snd_wnd":        uint64(info.Snd_wnd),
	} {
		if got, err := row.Uint(key); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", key, got, err, want)
		}
	}
	for key, micros := range map[string]uint32{
		"rto": info.Rto, "rtt": info.Rtt, "rttvar": info.Rttvar, "minrtt": info.Min_rtt,
	} {
		want := time.Duration(micros) * time.Microsecond
		if got, err := row.Millis(key); err != nil || got != want {
			t.Errorf("%s is %v, %v; want %v", key, got, err, want)
		}
	}
	for key, bytes := range map[string]uint64{"pacing_rate": info.Pacing_rate, "delivery_rate": info.Delivery_rate} {
		if got, err := row.Bits(key); err != nil || got != float64(bytes)*8 {
			t.Errorf("%s is %v, %v; want %v", key, got, err, bytes*8)
		}
	}
}
