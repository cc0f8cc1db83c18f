package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/internal/sstext"
)

const (
	iperfRounds = 20
	// iperfMaxRounds is the maximum number of rounds until some have a retransmission
	// and others have none.
	iperfMaxRounds = 200
	iperfPort      = 5201
)

// TestAgainstSs compares the metrics of a transfer under loss with the output of ss(8)
// shortly before and after.
func TestAgainstSs(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "iperf3")
	netlab.RequireTool(t, "nft")
	netlab.RequireTool(t, "ss")
	netlab.RequireTool(t, "tc")

	sender, receiver := netlab.New(t), netlab.New(t)
	link := netlab.Join(t, sender, receiver, 1)

	// The outgoing path is slow enough for a round to take less than an RTT, so that
	// levels change little. The incoming path has loss.
	sender.Run(t, "tc", "qdisc", "add", "dev", link.A.Name, "root", "tbf", "rate", "5mbit", "burst", "16kb", "latency", "500ms")
	receiver.Run(t, "nft", fmt.Sprintf("add table inet lab; add chain inet lab in { type filter hook input priority 0; };"+
		"add rule inet lab in tcp dport %d numgen inc mod 150 < 1 drop", iperfPort))

	for name, address := range map[string]netip.Addr{"IPv4": link.B.IPv4, "IPv6": link.B.IPv6} {
		t.Run(name, func(t *testing.T) {
			server := receiver.Start(t, "iperf3", "-s", "-1", "--forceflush", "-B", address.String())
			await(t, "iperf3", func() bool { return strings.Contains(server.Output(), "Server listening") })
			sender.Start(t, "iperf3", "-c", address.String(), "-t", "60", "-w", "128K")
			compareWithSs(t, sender, address)
		})
	}
}

// compareWithSs compares some rounds, in the sender's namespace.
func compareWithSs(t *testing.T, sender *netlab.Namespace, remote netip.Addr) {
	t.Helper()

	p := spawnIn(t, sender, "--sampler.interval=20ms", "--sampler.max-cpu=0", "--collector.connections.min-age=0s")
	p.awaitReady(t)
	await(t, "the transfer", func() bool { return busyRow(t, sender, remote) != nil })

	rounds, calm, lossy := 0, 0, 0

	for ; (calm < iperfRounds || lossy == 0) && rounds < iperfMaxRounds; rounds++ {
		before := busyRow(t, sender, remote)
		body := p.scrapeAfter(t, time.Now())
		after := busyRow(t, sender, remote)

		if before == nil || after == nil || before.SocketCookie != after.SocketCookie {
			t.Fatal("the transfer has ended")
		}

		labels := labelsOf(before)
		compareCounters(t, body, labels, before, after)

		// Loss can halve the window and restore it between two readings, so levels are
		// compared only in rounds without loss.
		if !recovering(before) && !recovering(after) && uintOf(before, "total_retrans") == uintOf(after, "total_retrans") {
			compareLevels(t, body, labels, before, after)

			calm++
		}

		if uintOf(before, "total_retrans") < uintOf(after, "total_retrans") {
			lossy++
		}

		time.Sleep(20 * time.Millisecond)
	}

	t.Logf("%d rounds compared, %d without loss, %d with retransmissions", rounds, calm, lossy)

	if calm < iperfRounds || lossy == 0 {
		t.Error("too few rounds with, or without, a retransmission")
	}
}

// busyRow returns the data connection of the transfer: the one of two to the server's
// port that has sent more.
func busyRow(t *testing.T, n *netlab.Namespace, remote netip.Addr) *sstext.Row {
	t.Helper()

	rows, err := sstext.Parse(n.Run(t, "ss", "-tinmoeOH"))
	if err != nil {
		t.Fatal(err)
	}

	for i := range rows {
		if sent, err := rows[i].Uint("bytes_sent"); err == nil && sent > 1<<20 && rows[i].State == "ESTAB" &&
			rows[i].Remote == netip.AddrPortFrom(remote, iperfPort) {
			return &rows[i]
		}
	}

	return nil
}

func labelsOf(r *sstext.Row) string {
	return fmt.Sprintf(`{local_address="%s",local_port="%d",remote_address="%s",remote_port="%d"}`,
		r.Local.Addr(), r.Local.Port(), r.Remote.Addr(), r.Remote.Port())
}

// uintOf returns a figure, which ss omits if it is zero.
func uintOf(r *sstext.Row, key string) float64 {
	v, _ := r.Uint(key)

	return float64(v)
}

// recovering reports whether segments are missing.
func recovering(r *sstext.Row) bool { return r.Has("lost") || r.Has("sacked") }

// compareCounters expects the exposed counters between those before and after.
func compareCounters(t *testing.T, body, labels string, before, after *sstext.Row) {
	t.Helper()

	for metric, key := range map[string]string{
		"sent_bytes_total":             "bytes_sent",
		"acked_bytes_total":            "bytes_acked",
		"received_bytes_total":         "bytes_received",
		"retransmitted_bytes_total":    "bytes_retrans",
		"retransmitted_segments_total": "total_retrans",
	} {
		got, ok := valueOf(t, body, "tcphealth_connection_"+metric+labels)
		if low, high := uintOf(before, key), uintOf(after, key); !ok || got < low || got > high {
			t.Errorf("%s is %v, %t; ss has %v before and %v after", metric, got, ok, low, high)
		}
	}
}

// compareLevels expects the exposed levels within a fifth of those before and after.
func compareLevels(t *testing.T, body, labels string, before, after *sstext.Row) {
	t.Helper()

	rtt := func(r *sstext.Row) float64 {
		d, err := r.Millis("rtt")
		if err != nil {
			t.Fatal(err)
		}

		return d.Seconds()
	}

	for metric, said := range map[string][2]float64{
		"rtt_seconds":   {rtt(before), rtt(after)},
		"cwnd_segments": {uintOf(before, "cwnd"), uintOf(after, "cwnd")},
	} {
		got, ok := valueOf(t, body, "tcphealth_connection_"+metric+labels)
		if low, high := 0.8*min(said[0], said[1]), 1.2*max(said[0], said[1]); !ok || got < low || got > high {
			t.Errorf("%s is %v, %t; ss has %v before and after", metric, got, ok, said)
		}
	}
}

// scrapeAfter scrapes until the last sample began after t0.
func (p *instance) scrapeAfter(t *testing.T, t0 time.Time) (body string) {
	t.Helper()

	const longestDump = 10 * time.Millisecond

	threshold := float64(t0.Add(longestDump).UnixMilli()) / 1000

	await(t, "a newer sample", func() bool {
		body = p.get(t, "/metrics")
		at, _ := valueOf(t, body, "tcphealth_sampler_last_sample_timestamp_seconds")

		return at > threshold
	})

	return body
}

// spawnIn starts the built program within a namespace, and requests it from there.
func spawnIn(t *testing.T, n *netlab.Namespace, args ...string) *instance {
	t.Helper()

	return spawnBy(t, n, nil, args...)
}

// spawnBy is spawnIn by a launcher, a command that becomes the program.
func spawnBy(t *testing.T, n *netlab.Namespace, launcher []string, args ...string) *instance {
	t.Helper()

	const address = "127.0.0.1:10047" // free in a new namespace

	command := slices.Concat(launcher, []string{binary(t), "--web.listen-address=" + address}, args)
	n.Start(t, command[0], command[1:]...)

	dial := func(ctx context.Context, network, address string) (c net.Conn, err error) {
		err = n.DoErr(func() error {
			c, err = new(net.Dialer).DialContext(ctx, network, address)

			return err
		})

		return c, err
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dial}}
	t.Cleanup(client.CloseIdleConnections)

	return &instance{client: client, base: "http://" + address}
}
