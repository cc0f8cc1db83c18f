package proctcp

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// Rows of Linux 6.18 on x86-64.
const (
	listenRow = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 4711 1 00000000d1a9e2c7 100 0 0 10 0"
	busyRow   = "  12: 0200A8C0:01BB 0900A8C0:C96B 01 0001E240:00000315 01:0000002A 00000004     0        0 90210 2 0000000000000000 640 4 31 1 7"
	probeRow  = "   3: 0100007F:0050 0100007F:C350 08 00000400:00000001 04:000001F4 00000000    33        6 815 2 0000000000000000 20 4 30 10 -1"
	keepRow   = "   3: 0100007F:0050 0100007F:C350 01 00000000:00000000 02:00000064 00000000    33        2 815 2 0000000000000000 20 4 30 10 -1"
	ipv6Row   = "   1: 00000000000000000000000001000000:0016 0000000000000000FFFF00000100007F:D431 05 00000001:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 0 10 -1"
	timeRow   = "   4: 0100007F:0050 0100007F:C351 06 00000000:00000000 03:0000176F 00000000     0        0 0 3 0000000000000000"
	closedRow = "   4: 0100007F:0050 0100007F:C351 05 00000000:00000000 03:0000176F 00000000     0        0 0 3 0000000000000000"
	synRow    = "   5: 0100007F:0050 0100007F:C352 03 00000000:00000000 01:00000063 00000001     0        0 0 0 0000000000000000"
)

func endpoint(text string) sampler.Endpoint {
	ap := netip.MustParseAddrPort(text)

	return sampler.Endpoint{Addr: ap.Addr().As16(), Port: ap.Port()}
}

func TestParse(t *testing.T) {
	netlab.RequireByteOrder(t)

	for name, tc := range map[string]struct {
		row  string
		want sampler.Socket
	}{
		"a listener": {listenRow, sampler.Socket{
			Family: sampler.FamilyIPv4, State: sampler.StateListen, Local: endpoint("127.0.0.1:8080"), Remote: endpoint("0.0.0.0:0"),
			RecvQueue: 3, UID: 1000, Inode: 4711,
		}},
		"timeouts": {busyRow, sampler.Socket{
			Family: sampler.FamilyIPv4, State: sampler.StateEstablished, Local: endpoint("192.168.0.2:443"), Remote: endpoint("192.168.0.9:51563"),
			SendQueue: 123456, RecvQueue: 789, Timer: sampler.TimerRetransmit, Expires: 420, TimerRetrans: 4, Inode: 90210,
		}},
		"window probes": {probeRow, sampler.Socket{
			Family: sampler.FamilyIPv4, State: sampler.StateCloseWait, Local: endpoint("127.0.0.1:80"), Remote: endpoint("127.0.0.1:50000"),
			SendQueue: 1024, RecvQueue: 1, Timer: sampler.TimerProbe, Expires: 5000, TimerRetrans: 6, UID: 33, Inode: 815,
		}},
		"keepalives": {keepRow, sampler.Socket{
			Family: sampler.FamilyIPv4, State: sampler.StateEstablished, Local: endpoint("127.0.0.1:80"), Remote: endpoint("127.0.0.1:50000"),
			Timer: sampler.TimerKeepalive, Expires: 1000, TimerRetrans: 2, UID: 33, Inode: 815,
		}},
		"IPv6": {ipv6Row, sampler.Socket{
			Family: sampler.FamilyIPv6, State: sampler.StateFinWait2, Local: endpoint("[::1]:22"), Remote: endpoint("127.0.0.1:54321"), SendQueue: 1,
		}},
	} {
		got := sampler.Socket{Cookie: 1, Mark: 2, Attrs: sampler.HasInfo}

		full, err := parse(&got, []byte(tc.row+strings.Repeat(" ", 20)))
		tc.want.Attrs = sampler.FromProc

		if err != nil || !full || got != tc.want {
			t.Errorf("%s: %+v, %v, %v, want %+v", name, got, full, err, tc.want)
		}
	}
}

// TestParseSmall recognizes the sockets without a full structure.
func TestParseSmall(t *testing.T) {
	for row, want := range map[string]sampler.State{
		timeRow: sampler.StateTimeWait, closedRow: sampler.StateFinWait2, synRow: sampler.StateSynRecv,
	} {
		var s sampler.Socket

		if full, err := parse(&s, []byte(row)); full || err != nil || s.State != want {
			t.Errorf("%v: %v, %v, %v", want, s.State, full, err)
		}
	}
}

func TestParseRejects(t *testing.T) {
	for name, row := range map[string]string{
		"nothing":              "",
		"the heading":          heading,
		"no slot":              busyRow[4:],
		"a slot without colon": strings.Replace(busyRow, "12:", "12", 1),
		"mixed families":       strings.Replace(busyRow, "0900A8C0", "0900A8C00900A8C00900A8C00900A8C0", 1),
		"a short address":      strings.Replace(busyRow, "0900A8C0", "900A8C0", 1),
		"no port":              strings.Replace(busyRow, ":C96B", "", 1),
		"a large port":         strings.Replace(busyRow, "C96B", "1C96B", 1),
		"no digit":             strings.Replace(busyRow, "0001E240", "0001G240", 1),
		"one queue":            strings.Replace(busyRow, "0001E240:", "", 1),
		"an empty queue":       strings.Replace(busyRow, "0001E240:", ":", 1),
		"a large queue":        strings.Replace(busyRow, "0001E240", "100000000", 1),
		"a large state":        strings.Replace(busyRow, " 01 ", " 101 ", 1),
		"overflow":             strings.Replace(busyRow, "0000002A", "10000000000000000", 1),
		"a negative inode":     strings.Replace(busyRow, "90210", "-1", 1),
		"a large user":         strings.Replace(busyRow, "    0        0 ", " 4294967296 0 ", 1),
		"cut short":            strings.TrimSuffix(busyRow, " 7"),
		"no inode":             busyRow[:strings.Index(busyRow, " 90210")],
	} {
		var s sampler.Socket

		if full, err := parse(&s, []byte(row)); full || !errors.Is(err, sampler.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, full, err)
		}
	}
}

// TestParseClamps: a timer far in the future does not wrap around.
func TestParseClamps(t *testing.T) {
	row := strings.Replace(busyRow, "0000002A 00000004", "FFFFFFFFFFFFFFFF 00000104", 1)

	var s sampler.Socket
	if _, err := parse(&s, []byte(row)); err != nil || s.Expires != 4294967290 || s.TimerRetrans != 255 {
		t.Errorf("expires in %d ms, %d timeouts, %v", s.Expires, s.TimerRetrans, err)
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	row := []byte(ipv6Row)

	var s sampler.Socket
	if n := testing.AllocsPerRun(100, func() { _, _ = parse(&s, row) }); n != 0 {
		t.Errorf("%v allocations per row", n)
	}
}

// FuzzParse: a row is parsed, or rejected with an error that contains it; blanks between
// and after words change nothing.
func FuzzParse(f *testing.F) {
	for _, row := range []string{listenRow, busyRow, probeRow, keepRow, ipv6Row, timeRow, closedRow, synRow} {
		f.Add([]byte(row))
	}

	f.Fuzz(func(t *testing.T, row []byte) {
		var s, spaced sampler.Socket

		full, err := parse(&s, row)
		if err != nil {
			if full || !errors.Is(err, sampler.ErrMalformed) {
				t.Fatalf("%v, %v", full, err)
			}

			return
		}

		if s.Family != sampler.FamilyIPv4 && s.Family != sampler.FamilyIPv6 || s.Attrs != sampler.FromProc || s.Cookie != 0 {
			t.Fatalf("%+v", s)
		}

		again, err := parse(&spaced, append(bytes.ReplaceAll(row, []byte(" "), []byte("  ")), ' '))
		if err != nil || again != full || spaced != s {
			t.Fatalf("with more blanks: %v, %v, %+v, want %+v", again, err, spaced, s)
		}
	})
}
