package app

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/logging"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	snmpText = `Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 11 12 13 14 15 16 17 18 19 20 21
`
	netstatText = `TcpExt: SyncookiesSent ListenOverflows ListenDrops
TcpExt: 1 22 23
`
	sockstatText = `sockets: used 100
TCP: inuse 5 orphan 31 tw 32 alloc 9 mem 33
UDP: inuse 1 mem 2
`
)

// procOf makes a mount of procfs with these files in one process's net directory.
func procOf(t *testing.T, files map[string]string) string {
	t.Helper()

	proc := t.TempDir()
	if err := os.MkdirAll(filepath.Join(proc, "123", "net"), 0o755); err != nil {
		t.Fatal(err)
	}

	if err := os.Symlink("123", filepath.Join(proc, "self")); err != nil {
		t.Fatal(err)
	}

	for name, text := range files {
		if err := os.WriteFile(filepath.Join(proc, "123", "net", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	return proc
}

// TestNetStatsComeAndGo: each change is logged once, and the metrics are absent while
// the files are.
func TestNetStatsComeAndGo(t *testing.T) {
	proc := procOf(t, map[string]string{"snmp": snmpText, "netstat": netstatText, "sockstat": sockstatText})
	snmp := filepath.Join(proc, "123", "net", "snmp")

	var log bytes.Buffer

	logger, _ := logging.New(&log, new(logging.Queue).Dropped, "info", "logfmt")
	n := newNetStats(proc, logger)

	reader, err := hostinfo.NewKernelReader(proc, 4096)
	if err != nil {
		t.Fatal(err)
	}

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(n.metrics)

	families := func() int {
		t.Helper()

		all, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}

		return len(all)
	}

	if got := families(); got != 0 {
		t.Errorf("%d families before anything was read", got)
	}

	n.read(reader)

	shown := families()
	if shown != 13 {
		t.Errorf("%d families", shown)
	}

	if err := os.Remove(snmp); err != nil {
		t.Fatal(err)
	}

	n.read(reader)
	n.read(reader)

	if got := families(); got != 0 {
		t.Errorf("%d families of old figures", got)
	}

	if err := os.WriteFile(snmp, []byte(snmpText), 0o644); err != nil {
		t.Fatal(err)
	}

	n.read(reader)
	n.read(reader)

	if got := families(); got != shown {
		t.Errorf("%d families afterwards", got)
	}

	if lines := strings.Count(log.String(), "\n"); lines != 2 {
		t.Errorf("logged %d lines:\n%s", lines, log.String())
	}
}

// TestNetStatsWithoutProc: the exporter works without /proc.
func TestNetStatsWithoutProc(t *testing.T) {
	var log bytes.Buffer

	logger, _ := logging.New(&log, new(logging.Queue).Dropped, "info", "logfmt")
	n := newNetStats(filepath.Join(t.TempDir(), "proc"), logger)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	n.run(ctx) // returns without a signal

	n.want()
	n.want() // never waits

	if ctx.Err() != nil || !strings.Contains(log.String(), "level=warn") {
		t.Errorf("logged %q", log.String())
	}
}
