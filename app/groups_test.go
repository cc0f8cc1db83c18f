package app

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestGroupsOfAReplay groups the scene's connections by the dimensions in a file.
func TestGroupsOfAReplay(t *testing.T) {
	path := writeConfig(t, "networks: {lab: ['10.77.0.0/16', 'fd77::/16']}\ngroups: {by: [network, role]}\n")
	body := replay(t, "--config.file="+path, "--collector.groups=2")

	for _, want := range []string{
		`tcphealth_group_connections{network="lab",role="client",status="HEALTHY"} [1-9]`,
		`tcphealth_group_connections{network="lab",role="server",status="HEALTHY"} 4\n`,
		`tcphealth_group_connections{network="",role="other",status="HEALTHY"} 1\n`, // link-local
		`\ntcphealth_collector_groups_folded 1\n`,
	} {
		if !regexp.MustCompile(want).MatchString(body) {
			t.Errorf("the scene has no %s", want)
		}
	}

	if strings.Contains(body, `tcphealth_group_connections{local_port`) {
		t.Error("the scene has groups by the default dimensions")
	}
}

// TestGroupsAfterAReload changes the groups while connections are counted: the host's
// counters do not fall.
func TestGroupsAfterAReload(t *testing.T) {
	path := writeConfig(t, "groups: {by: [role]}\n")
	p := start(t, "--sampler.interval=50ms", "--sampler.max-cpu=0", "--health.window=1s", "--web.enable-lifecycle", "--config.file="+path)
	p.awaitReady(t)

	sent := func(body string) float64 {
		m := regexp.MustCompile(`(?m)^tcphealth_acked_bytes_total (\S+)$`).FindStringSubmatch(body)
		if m == nil {
			return 0
		}

		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}

		return v
	}

	var before string

	await(t, "the group of servers", func() bool {
		before = p.get(t, "/metrics")

		return strings.Contains(before, `tcphealth_group_connections{role="server",status="HEALTHY"}`)
	})

	writeFile(t, path, "groups: {by: [network]}\n")

	if response, body := p.do(t, http.MethodPost, "/-/reload", nil); response.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s, %s", response.Status, body)
	}

	var after string

	await(t, "the new groups", func() bool {
		after = p.get(t, "/metrics")

		return strings.Contains(after, `tcphealth_group_connections{network="loopback",status="HEALTHY"}`)
	})

	if strings.Contains(after, "role=") || sent(after) < sent(before) {
		t.Errorf("%v bytes, then %v:\n%s", sent(before), sent(after), after)
	}
}
