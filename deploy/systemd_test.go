package deploy

import "testing"

// TestUnitIsHardened holds the exposure that systemd finds, of 10 at worst, to 1.5;
// make test-packages has systemd run the units, and each drop-in.
func TestUnitIsHardened(t *testing.T) {
	for _, unit := range []string{"tcphealth_exporter.service", "tcphealth_netns_broker.service"} {
		run(t, "systemd", "systemd-analyze", "security", "--no-pager", "--offline=yes", "--threshold=15", unit)
	}
}
