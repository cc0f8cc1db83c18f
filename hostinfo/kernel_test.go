package hostinfo

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

// procOf makes a procfs with these files in one process's net directory.
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

func TestKernelStatsOfFiles(t *testing.T) {
	proc := procOf(t, map[string]string{"snmp": snmpText, "netstat": netstatText, "sockstat": sockstatText})

	reader, err := NewKernelReader(proc, 4096)
	if err != nil {
		t.Fatal(err)
	}

	got, err := reader.Read()
	if err != nil {
		t.Fatal(err)
	}

	want := KernelStats{
		ActiveOpens: 11, PassiveOpens: 12, InSegs: 16, OutSegs: 17, RetransSegs: 18,
		AttemptFails: 13, EstabResets: 14, OutRsts: 20,
		ListenOverflows: 22, ListenDrops: 23, TimeWait: 32, Orphans: 31, Memory: 33 * 4096,
	}
	if got != want {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

// TestKernelStatsIncomplete: a missing figure is an error, not zero.
func TestKernelStatsIncomplete(t *testing.T) {
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

			reader, err := NewKernelReader(procOf(t, files), 4096)
			if err != nil {
				t.Fatal(err)
			}

			if got, err := reader.Read(); !errors.Is(err, ErrKernelStats) || got != (KernelStats{}) {
				t.Errorf("read %+v, %v", got, err)
			}
		})
	}
}

// TestKernelStatsOfThisHost opens a connection, which the counters must include.
func TestKernelStatsOfThisHost(t *testing.T) {
	reader, err := NewKernelReader("/proc", os.Getpagesize())
	if err != nil {
		t.Fatal(err)
	}

	before, err := reader.Read()
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

	after, err := reader.Read()
	if err != nil {
		t.Fatal(err)
	}

	if after.ActiveOpens <= before.ActiveOpens || after.PassiveOpens <= before.PassiveOpens ||
		after.InSegs < before.InSegs+3 || after.OutSegs < before.OutSegs+3 {
		t.Errorf("a connection on loopback: %+v after %+v", after, before)
	}
}
