package netlab

import (
	"strings"
	"testing"
)

func TestRequireRoot(t *testing.T) {
	tests := []struct {
		name        string
		in          surroundings
		skip, fatal string
	}{
		{"root", surroundings{root: true}, "", ""},
		{"root in CI", surroundings{root: true, ci: true}, "", ""},
		{"user", surroundings{}, "run it as root", ""},
		{"user in CI", surroundings{ci: true}, "", "must run as root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := observe(t, tt.in.requireRoot)
			requireMessage(t, "skipped", got.skip, tt.skip)
			requireMessage(t, "failed", got.fatal, tt.fatal)
		})
	}
}

func TestRequireTool(t *testing.T) {
	const missing = "apt-get install no-such-tool"
	tests := []struct {
		name, tool  string
		in          surroundings
		skip, fatal string
	}{
		{"there", "sh", surroundings{root: true, ci: true}, "", ""},
		{"missing for a user", "no-such-tool", surroundings{}, missing, ""},
		{"missing for root", "no-such-tool", surroundings{root: true}, "", missing},
		{"missing in CI", "no-such-tool", surroundings{ci: true}, "", missing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := observe(t, func(t testing.TB) { tt.in.requireTool(t, tt.tool) })
			requireMessage(t, "skipped", got.skip, tt.skip)
			requireMessage(t, "failed", got.fatal, tt.fatal)
		})
	}
}

func TestRequireToolNamesThePackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for tool, debian := range map[string]string{
		"gcc": "gcc", "ip": "iproute2", "iperf3": "iperf3", "nft": "nftables", "promtool": "prometheus", "ss": "iproute2",
	} {
		got := observe(t, func(t testing.TB) { surroundings{}.requireTool(t, tool) })
		requireMessage(t, "skipped", got.skip, "apt-get install "+debian)
	}
}

// requireMessage fails the test unless the message contains want, or is empty if want is.
func requireMessage(t *testing.T, what, got, want string) {
	t.Helper()
	if (got == "") != (want == "") || !strings.Contains(got, want) {
		t.Errorf("%s with %q, want %q", what, got, want)
	}
}
