package hostinfo

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"tcphealth_exporter/internal/netlab"
)

const sockstat6Text = "TCP6: inuse 7\nUDP6: inuse 1\n"

func TestSocketCountsOfFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		want  SocketCounts
		fails bool
	}{
		"both families": {files: map[string]string{"sockstat": sockstatText, "sockstat6": sockstat6Text}, want: SocketCounts{5, 7, 32}},
		"no IPv6":       {files: map[string]string{"sockstat": sockstatText}, want: SocketCounts{5, 0, 32}},
		"no sockstat":   {files: map[string]string{"sockstat6": sockstat6Text}, fails: true},
		"no TCP":        {files: map[string]string{"sockstat": "UDP: inuse 1 mem 2\n"}, fails: true},
		"no TIME_WAIT":  {files: map[string]string{"sockstat": "TCP: inuse 5 orphan 31 alloc 9 mem 33\n"}, fails: true},
		"no TCP6":       {files: map[string]string{"sockstat": sockstatText, "sockstat6": "UDP6: inuse 1\n"}, fails: true},
		"letters":       {files: map[string]string{"sockstat": sockstatText, "sockstat6": "TCP6: inuse many\n"}, fails: true},
	} {
		reader, err := NewProcessReader(procOf(t, tc.files), 123, 4096)
		if err != nil {
			t.Fatal(err)
		}

		got, err := reader.Sockets()
		if got != tc.want || errors.Is(err, ErrKernelStats) != tc.fails || tc.fails != (err != nil) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestProcessReaderErrors(t *testing.T) {
	for _, proc := range []string{procOf(t, nil), filepath.Join(t.TempDir(), "none")} {
		if _, err := NewProcessReader(proc, 124, 4096); !errors.Is(err, ErrKernelStats) {
			t.Error(err)
		}
	}
}

// TestLiveProcessReader reads the sockets and the counters of another namespace, until its
// process ends.
func TestLiveProcessReader(t *testing.T) {
	netlab.RequireRoot(t)

	n := netlab.New(t)
	process := n.Start(t, "sleep", "300")

	reader, err := NewProcessReader("/proc", process.PID(), os.Getpagesize())
	if err != nil {
		t.Fatal(err)
	}

	n.Pair(t, "tcp", "127.0.0.1:0")
	n.Pair(t, "tcp", "[::1]:0")
	dual := n.Listen(t, "tcp", "[::]:0")
	n.Dial(t, "tcp", fmt.Sprintf("127.0.0.1:%d", dual.Addr().(*net.TCPAddr).Port))

	counts, err := reader.Sockets()
	if want := (SocketCounts{IPv4: 3, IPv6: 4}); err != nil || counts != want { // the accepted one is of IPv6
		t.Errorf("%+v, %v, want %+v", counts, err, want)
	}

	stats, err := reader.Read()
	if err != nil || stats.ActiveOpens != 3 || stats.PassiveOpens != 3 || stats.RetransSegs != 0 {
		t.Errorf("%+v, %v", stats, err)
	}

	process.Stop()

	if _, err := reader.Sockets(); !errors.Is(err, ErrKernelStats) {
		t.Errorf("after the end of the process: %v", err)
	}

	if _, err := reader.Read(); !errors.Is(err, ErrKernelStats) {
		t.Errorf("after the end of the process: %v", err)
	}
}
