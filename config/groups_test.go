package config

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// groupsOf returns the labels of the groups with connections that a tracker makes
// of rows under a configuration.
func groupsOf(tb testing.TB, c *Config, rows ...diagtest.Row) (names, groups []string) {
	tb.Helper()

	var snapshot *health.Snapshot

	tracker := health.NewTracker(
		health.Config{Policy: c.Policy(nil), Groups: group.Config{Max: 10}},
		func(s *health.Snapshot) { snapshot = s },
	)
	tracker.Begin(0)
	d := diagtest.NewRecording(tb).Dump(tb, time.Unix(0, 0), rows, tracker.Sockets)
	tracker.End(d)
	tracker.Publish(d.End)

	for i := range snapshot.Groups {
		if g := &snapshot.Groups[i]; g.Statuses != [judge.NumStatuses]int{} {
			groups = append(groups, fmt.Sprint(g.Labels))
		}
	}

	slices.Sort(groups)

	return snapshot.GroupLabels, groups
}

func TestGroups(t *testing.T) {
	var rows []diagtest.Row

	for i, remote := range []string{"10.1.2.3:80", "10.1.3.3:80", "10.2.0.1:80", "127.0.0.1:80", "8.8.8.8:80"} {
		rows = append(rows, diagtest.Row{
			State: sampler.StateEstablished, Cookie: uint64(i + 1),
			Local: netip.MustParseAddrPort("192.0.2.1:5000"), Remote: netip.MustParseAddrPort(remote),
		})
	}

	for text, want := range map[string][2][]string{
		"groups: {by: [network, role]}": {
			{"role", "network"}, {"[client global]", "[client loopback]", "[client private]"},
		},
		"groups: {by: [network]}\nnetworks: {rack: [10.1.2.0/24], site: [10.1.0.0/16, 8.8.0.0/16], private: [127.0.0.0/8]}": {
			{"network"}, {"[private]", "[rack]", "[site]"},
		},
		"networks: {rack: [10.1.2.0/24]}\ngroups: {by: [remote_port]}": {
			{"remote_port"}, {"[80]"},
		},
		"networks: {rack: [10.1.2.0/24]}": {
			{"role", "local_port", "remote_address", "remote_port", "namespace", "workload", "unit"},
			{"[client  10.1.2.3 80   ]", "[client  10.1.3.3 80   ]", "[client  10.2.0.1 80   ]", "[client  127.0.0.1 80   ]", "[client  8.8.8.8 80   ]"},
		},
	} {
		names, groups := groupsOf(t, parse(t, text), rows...)
		if !slices.Equal(names, want[0]) || !slices.Equal(groups, want[1]) {
			t.Errorf("%s: %v of %v", text, groups, names)
		}
	}
}
