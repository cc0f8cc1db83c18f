package app

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// TestConnectionsLive queries connections of each kind within a namespace.
func TestConnectionsLive(t *testing.T) {
	netlab.RequireRoot(t)

	near, far := netlab.New(t), netlab.New(t)
	link := netlab.Join(t, near, far, 1)

	kinds := connectKinds(t, near, far, link)
	p := spawnIn(t, near, "--sampler.interval=100ms", "--sampler.max-cpu=0", "--collector.connections=0", "--tracker.retention=1m")
	p.awaitReady(t)

	for kind, pair := range kinds {
		write(t, pair.client, 1234)

		want := endsOf(pair.client, link.A.Name)
		port := pair.client.LocalAddr().(*net.TCPAddr).Port

		f := p.find(t, "", "filter", fmt.Sprint("sport = ", port))
		if len(f.Connections) != 1 || f.Total != 1 || f.Truncated || f.Connections[0].ends() != want {
			t.Errorf("%s: found %+v, expected %s", kind, f, want)

			continue
		}

		c := &f.Connections[0]
		if c.State != "ESTABLISHED" || c.TCPInfo["bytes_sent"] != "1234" || c.Samples != nil || c.ReadAt.Before(f.SampledAt.Add(-time.Second)) {
			t.Errorf("%s: %+v", kind, c)
		}

		one := p.find(t, "/"+c.Cookie)
		if len(one.Connections) != 1 || one.Connections[0].ends() != want || one.Connections[0].Cookie != c.Cookie || len(one.Connections[0].Samples) == 0 {
			t.Errorf("%s: %s is %+v", kind, c.Cookie, one)
		}
	}

	t.Run("filter", func(t *testing.T) { checkFilters(t, p) })

	f := p.find(t, "", "limit", "1", "filter", "not (sport = 10047 or dport = 10047)") // not those of this test
	if len(f.Connections) != 1 || f.Total != len(kinds) || !f.Truncated {
		t.Errorf("limited: %d of %d, truncated %t", len(f.Connections), f.Total, f.Truncated)
	}

	gone := kinds["IPv4"]
	if err := gone.client.Close(); err != nil {
		t.Fatal(err)
	}

	_ = gone.server.Close()

	await(t, "the end of a connection", func() bool { return p.find(t, "", "filter", "dport = 5001").Total == 0 })

	ended := p.find(t, "", "filter", "dport = 5001", "include", "ended")
	if len(ended.Connections) != 1 || ended.Connections[0].Ended.IsZero() || ended.Connections[0].TCPInfo != nil {
		t.Errorf("ended: %+v", ended)
	}

	if one := p.find(t, "/"+ended.Connections[0].Cookie); len(one.Connections) != 1 || one.Connections[0].Ended.IsZero() {
		t.Errorf("ended: %+v", one)
	}
}

// pair is both ends of a connection; the client is in the near namespace.
type pair struct{ client, server net.Conn }

// connectKinds opens a connection of each kind, to the ports from 5001 on.
func connectKinds(t *testing.T, near, far *netlab.Namespace, link netlab.Link) map[string]pair {
	t.Helper()

	kinds := make(map[string]pair)

	for kind, address := range map[string]netip.AddrPort{
		"IPv4":       netip.AddrPortFrom(link.B.IPv4, 5001),
		"IPv6":       netip.AddrPortFrom(link.B.IPv6, 5002),
		"link-local": netip.AddrPortFrom(link.B.LinkLocal.WithZone(link.A.LinkLocal.Zone()), 5003),
	} {
		client, server := netlab.Connect(t, near, far, "tcp", address.String())
		kinds[kind] = pair{client, server}
	}

	dual := near.Listen(t, "tcp", "[::]:5004") // its connections over IPv4 are mapped
	client := far.Dial(t, "tcp", netip.AddrPortFrom(link.A.IPv4, 5004).String())

	mapped, err := dual.Accept()
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = mapped.Close() })

	kinds["IPv4-mapped"] = pair{mapped, client}

	return kinds
}

func checkFilters(t *testing.T, p *instance) {
	t.Helper()

	for filter, want := range map[string]string{
		"autobound":                "400 only the kernel can test",
		"sport = 1 or fwmark = 1":  "400 only the kernel can test",
		"sport = htpp":             `400 filter:1:9: expected a port after "sport =", found "htpp"`,
		"dst 10.0.0.0/8 and":       "400 filter:1:19: expected ",
		"":                         "200 ",
		"dport = 5002 or dport ne": "400 filter:1:",
	} {
		response, body := p.do(t, http.MethodGet, connectionsPath+"?filter="+url.QueryEscape(filter), nil)

		var reported struct{ Error string }
		if err := json.Unmarshal([]byte(body), &reported); err != nil {
			t.Errorf("%s: %v in %s", filter, err, body)
		}

		if got := fmt.Sprint(response.StatusCode, " ", reported.Error); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, expected %s", filter, got, want)
		}
	}

	for filter, port := range map[string]json.Number{"src inet6:* and dport = 5002": "5002", "dst fe80::/10": "5003"} {
		if f := p.find(t, "", "filter", filter); len(f.Connections) != 1 || f.Connections[0].RemotePort != port {
			t.Errorf("%s: %+v", filter, f)
		}
	}
}

// TestConnectionsWithEqualPorts queries connections that differ in their addresses only.
func TestConnectionsWithEqualPorts(t *testing.T) {
	netlab.RequireRoot(t)

	ns := netlab.New(t)
	server := ns.Listen(t, "tcp", "127.0.0.1:18080")
	sent := map[string]int{"127.0.0.2": 100, "127.0.0.3": 7_777}

	for host, n := range sent {
		local := &net.TCPAddr{IP: net.ParseIP(host), Port: 40_001}

		var client net.Conn

		if err := ns.DoErr(func() (err error) {
			client, err = (&net.Dialer{LocalAddr: local}).Dial("tcp", server.Addr().String())

			return err
		}); err != nil {
			t.Fatal(err)
		}

		defer func() { _ = client.Close() }()

		write(t, client, n)
	}

	p := spawnIn(t, ns, "--sampler.interval=100ms", "--sampler.max-cpu=0")
	p.awaitReady(t)

	for host, n := range sent {
		f := p.find(t, "", "filter", "src "+host+":40001")
		if len(f.Connections) != 1 || f.Connections[0].LocalAddress != host || f.Connections[0].TCPInfo["bytes_sent"] != json.Number(strconv.Itoa(n)) {
			t.Errorf("%s has sent %d B, found %+v", host, n, f)
		}
	}
}

// endsOf returns both ends of a socket as the API names them. The zone is an argument,
// since the names of interfaces differ between namespaces.
func endsOf(c net.Conn, zone string) string {
	local, remote := c.LocalAddr().(*net.TCPAddr), c.RemoteAddr().(*net.TCPAddr)
	if local.IP.IsLinkLocalUnicast() {
		local.Zone, remote.Zone = zone, zone
	}

	return local.String() + " " + remote.String()
}
