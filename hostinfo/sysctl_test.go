package hostinfo

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSysctlInt(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "sys", "net", "ipv4")

	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}

	for name, text := range map[string]string{"tcp_retries2": "15\n", "tcp_mem": "1\t2\t3\n", "broken": "fifteen\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	s, err := NewSysctls(root)
	if err != nil {
		t.Fatal(err)
	}

	for name, want := range map[string]int{
		"net.ipv4.tcp_retries2": 15, "net.ipv4.tcp_mem": -1, "net.ipv4.broken": -1, "net.ipv4.none": -1,
	} {
		got, known := s.Int(name)
		if known != (want >= 0) || known && got != want {
			t.Errorf("%s: %d, known %v, want %d", name, got, known, want)
		}
	}

	if _, err := NewSysctls(filepath.Join(root, "none")); err == nil {
		t.Error("no error without procfs")
	}
}

// TestSysctlOfThisKernel: every kernel limits retransmissions.
func TestSysctlOfThisKernel(t *testing.T) {
	s, err := NewSysctls("/proc")
	if err != nil {
		t.Fatal(err)
	}

	if n, known := s.Int("net.ipv4.tcp_retries2"); !known || n <= 0 {
		t.Errorf("tcp_retries2 is %d, known %v", n, known)
	}
}
