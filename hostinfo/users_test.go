package hostinfo

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMapsAllUsers(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n":                                   true,
		"         0          0          1\n":                                   false,
		"      1000          0          1\n":                                   false,
		"         0       1000          1\n         1     100000      65536\n": false,
		"         0          0      65536\n":                                   false,
		"":                                                                     false,
	} {
		proc := t.TempDir()
		if err := os.Mkdir(filepath.Join(proc, "self"), 0o755); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(filepath.Join(proc, "self", "uid_map"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}

		if got := MapsAllUsers(proc); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}

	if !MapsAllUsers(t.TempDir()) {
		t.Error("a kernel without user namespaces lacks user ids")
	}
}
