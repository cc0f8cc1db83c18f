package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tcphealth_exporter/health/abort"
)

func TestRetries(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  abort.Retries
	}{
		"no procfs": {nil, abort.DefaultRetries()},
		"Linux 6.1": {
			map[string]string{"tcp_retries2": "8", "tcp_orphan_retries": "0", "tcp_syn_retries": "6"},
			abort.Retries{Data: 8, SYN: 6, MaxRTO: 2 * time.Minute},
		},
		"Linux 6.18": {
			map[string]string{
				"tcp_retries2": "15", "tcp_orphan_retries": "2", "tcp_syn_retries": "3", "tcp_syn_linear_timeouts": "4", "tcp_rto_max_ms": "60000",
			},
			abort.Retries{Data: 15, Orphan: 2, SYN: 3, LinearSYN: 4, MaxRTO: time.Minute},
		},
	} {
		root := filepath.Join(t.TempDir(), "proc")

		for file, text := range tc.files {
			dir := filepath.Join(root, "sys", "net", "ipv4")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}

			if err := os.WriteFile(filepath.Join(dir, file), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}

		if got := tcpRetries(root); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}
