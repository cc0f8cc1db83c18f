package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tcphealth_exporter/collector"
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

func TestNetStatsOfFiles(t *testing.T) {
	proc := procOf(t, map[string]string{"snmp": snmpText, "netstat": netstatText, "sockstat": sockstatText})

	reader, err := newNetStatsReader(proc, 4096)
	if err != nil {
		t.Fatal(err)
	}

	got, err := reader.read()
	if err != nil {
		t.Fatal(err)
	}

	want := collector.KernelStats{
		ActiveOpens: 11, PassiveOpens: 12, InSegs: 16, OutSegs: 17, RetransSegs: 18,
		AttemptFails: 13, EstabResets: 14, OutRsts: 20,
		ListenOverflows: 22, ListenDrops: 23, TimeWait: 32, Orphans: 31, Memory: 33 * 4096,
	}
	if got != want {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

// TestNetStatsIncomplete: what is not told is an error, not zero.
func TestNetStatsIncomplete(t *testing.T) {
	for name, change := range map[string]func(map[string]string){
		"no snmp":             func(f map[string]string) { delete(f, "snmp") },
		"no netstat":          func(f map[string]string) { delete(f, "netstat") },
		"no sockstat":         func(f map[string]string) { delete(f, "sockstat") },
		"no RetransSegs":      func(f map[string]string) { f["snmp"] = strings.ReplaceAll(f["snmp"], "RetransSegs", "Else") },
		"no ListenDrops":      func(f map[string]string) { f["netstat"] = strings.ReplaceAll(f["netstat"], "ListenDrops", "Else") },
		"no TCP in sockstat":  func(f map[string]string) { f["sockstat"] = "UDP: inuse 1 mem 2\n" },
		"no TIME_WAIT":        func(f map[string]string) { f["sockstat"] = "TCP: inuse 5 orphan 31 alloc 9 mem 33\n" },
		"sockstat of letters": func(f map[string]string) { f["sockstat"] = "TCP: inuse many\n" },
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"snmp": snmpText, "netstat": netstatText, "sockstat": sockstatText}
			change(files)

			reader, err := newNetStatsReader(procOf(t, files), 4096)
			if err != nil {
				t.Fatal(err)
			}

			if got, err := reader.read(); !errors.Is(err, errNetStats) || got != (collector.KernelStats{}) {
				t.Errorf("read %+v, %v", got, err)
			}
		})
	}
}

// TestNetStatsOfThisHost compares with what the test does.
func TestNetStatsOfThisHost(t *testing.T) {
	reader, err := newNetStatsReader(procPath, os.Getpagesize())
	if err != nil {
		t.Fatal(err)
	}

	before, err := reader.read()
	if err != nil {
		t.Fatal(err)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	after, err := reader.read()
	if err != nil {
		t.Fatal(err)
	}

	if after.ActiveOpens <= before.ActiveOpens || after.PassiveOpens <= before.PassiveOpens ||
		after.InSegs < before.InSegs+3 || after.OutSegs < before.OutSegs+3 {
		t.Errorf("a connection on loopback made %+v of %+v", after, before)
	}
}

// TestNetStatsComeAndGo logs each change once, and shows nothing while there is
// nothing.
func TestNetStatsComeAndGo(t *testing.T) {
	proc := procOf(t, map[string]string{"snmp": snmpText, "netstat": netstatText, "sockstat": sockstatText})
	snmp := filepath.Join(proc, "123", "net", "snmp")

	var log bytes.Buffer

	logger, _ := newLogger(&log, "info", "logfmt")
	n := newNetStats(proc, logger)

	reader, err := newNetStatsReader(proc, 4096)
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

// TestNetStatsWithoutProc: the exporter goes on.
func TestNetStatsWithoutProc(t *testing.T) {
	var log bytes.Buffer

	logger, _ := newLogger(&log, "info", "logfmt")
	n := newNetStats(filepath.Join(t.TempDir(), "proc"), logger)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	n.run(ctx) // returns by itself

	n.want()
	n.want() // never waits

	if ctx.Err() != nil || !strings.Contains(log.String(), "level=warn") {
		t.Errorf("logged %q", log.String())
	}
}
