package app

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

func TestMappedUserID(t *testing.T) {
	for s, want := range map[sampler.Socket]bool{
		{UID: 0}:                   true,
		{UID: 1234}:                true,
		{UID: 65534}:               false,
		{UID: 65534, Space: 1}:     true, // requested by another process
		{UID: 1<<32 - 1, Space: 1}: true,
	} {
		if uid, known := mappedUserID(&s); uid != s.UID || known != want {
			t.Errorf("%d in the namespace %d: %d, known %v", s.UID, s.Space, uid, known)
		}
	}
}

// TestUserNamespaceLive: a user id that the user namespace of the exporter lacks is left out.
func TestUserNamespaceLive(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "iperf3")

	for _, tc := range []struct {
		launcher     []string
		label, field string
	}{
		{[]string{"unshare", "--user", "--map-root-user"}, "", ""},
		{[]string{"env"}, "1234", `"uid":1234`},
	} {
		ns := netlab.New(t)
		server := ns.Start(t, "setpriv", "--reuid=1234", "--clear-groups", "iperf3", "-s", "--forceflush")
		await(t, "the server", func() bool { return strings.Contains(server.Output(), "listening on") })

		p := spawnBy(t, ns, tc.launcher, "--sampler.interval=50ms", "--sampler.max-cpu=0", "--health.window=1s", "--collector.connections.min-age=0s")
		p.awaitReady(t)
		ns.Dial(t, "tcp4", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 5201).String())

		for port, uid := range map[string]string{`local_port="5201"`: tc.label, `remote_port="5201"`: "0"} {
			series := regexp.MustCompile(`(?m)^tcphealth_connection_info{[^}]*` + port + `[^}]*uid="` + uid + `"} 1$`)
			await(t, series.String(), func() bool { return series.MatchString(p.get(t, "/metrics")) })
		}

		body := p.get(t, connectionsPath+"?filter=sport+%3D+5201")
		if has := strings.Contains(body, `"uid":`); has != (tc.field != "") || !strings.Contains(body, tc.field) {
			t.Errorf("%s, want %q", body, tc.field)
		}
	}
}
