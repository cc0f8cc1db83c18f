package deploy

import "testing"

// TestUnitIsHardened holds the exposure that systemd finds, of 10 at worst, to 1.5;
// make test-packages has systemd run the unit, and each drop-in.
func TestUnitIsHardened(t *testing.T) {
	run(t, "systemd", "systemd-analyze", "security", "--no-pager", "--offline=yes", "--threshold=15", "tcphealth_exporter.service")
}
