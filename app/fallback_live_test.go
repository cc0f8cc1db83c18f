package app

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tcphealth_exporter/internal/netlab"
)

// TestFallbackLive: where socket diagnostics are refused, the exporter finds a dead path by
// procfs, and says so in a metric.
func TestFallbackLive(t *testing.T) {
	netlab.RequireRoot(t)

	near, far := netlab.New(t), netlab.New(t)
	path := netlab.NewPath(t, near, far, 1)
	client, _ := netlab.Connect(t, near, far, "tcp4", netip.AddrPortFrom(path.B.IPv4, 0).String())
	p := spawnBy(t, near, []string{forbidNetlink(t)}, "--collector.connections.min-age=0s", "--health.window=3s")
	p.awaitReady(t)

	local, remote := strings.Split(client.LocalAddr().String(), ":"), strings.Split(client.RemoteAddr().String(), ":")
	status := func(want string) func() bool {
		return func() bool {
			return strings.Contains(p.get(t, "/metrics"), fmt.Sprintf(`tcphealth_connection_status{local_address=%q,local_port="%s",remote_address=%q,remote_port="%s"} %s`,
				local[0], local[1], remote[0], remote[1], want))
		}
	}

	await(t, "HEALTHY", status("0"))
	path.SetBoth(netlab.Conditions{Blackhole: true})

	if _, err := client.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}

	await(t, "STALE", status("4"))

	metrics := p.get(t, "/metrics")
	if !strings.Contains(metrics, "\ntcphealth_sampler_fallback 1\n") || strings.Contains(metrics, "tcphealth_connection_rtt_seconds{") {
		t.Errorf("no fallback, or an RTT:\n%s", metrics)
	}
}
