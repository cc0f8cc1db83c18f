package sstext

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The lines below are real, of Linux 6.18 and iproute2 6.1.
const (
	header = `State      Recv-Q Send-Q                     Local Address:Port                 Peer Address:Port Process    `

	established = `ESTAB      0      0                              10.77.7.1:44500                   10.77.7.2:9001  ino:22663 sk:1003 fwmark:0x4d cgroup:/ <-> skmem:(r0,rb1767710,t0,tb1714176,f0,w0,o0,bl0,d0) ts sack cubic wscale:10,10 rto:204 rtt:0.026/0.014 ato:40 mss:1448 pmtu:1500 rcvmss:1448 advmss:1448 cwnd:274 ssthresh:180 bytes_sent:2000000 bytes_acked:2000001 bytes_received:666661 segs_out:1404 segs_in:503 data_segs_out:1382 data_segs_in:467 send 122077538462bps lastsnd:3440 lastrcv:3440 lastack:3440 pacing_rate 98765424bps/98765424bps delivery_rate 26477714280bps delivered:1383 busy:80ms rcv_rtt:0.036 rcv_space:183654 rcv_ssthresh:1161230 minrtt:0.007 snd_wnd:1543168`

	retransmitting = `ESTAB      0      5000                           10.77.7.1:58510                   10.77.7.2:9004  timer:(on,588ms,3) ino:23563 sk:1008 cgroup:/ <-> skmem:(r0,rb131072,t0,tb69120,f696,w7496,o0,bl0,d0) ts sack bbr wscale:10,10 rto:1632 backoff:3 rtt:0.014/0.007 mss:1448 pmtu:1500 rcvmss:536 advmss:1448 cwnd:1 bytes_sent:10000 bytes_retrans:5000 bytes_acked:1 segs_out:10 segs_in:1 data_segs_out:8 bbr:(bw:0bps,mrtt:0.014,pacing_gain:1,cwnd_gain:1) send 827428571bps lastsnd:1044 lastrcv:2516 lastack:2516 pacing_rate 23646678944bps delivered:1 app_limited busy:2512ms unacked:4 retrans:1/4 lost:4 rcv_space:14480 rcv_ssthresh:64088 minrtt:0.014 snd_wnd:65160`

	zeroWindow = `ESTAB      0      3791494                        127.0.0.1:47680                   127.0.0.1:43147 timer:(persist,3.052ms,0) ino:22525 sk:100a cgroup:/ <-> skmem:(r0,rb131072,t0,tb4194304,f2810,w3859718,o0,bl0,d0) ts sack bbr wscale:10,10 rto:208 backoff:4 rtt:5.151/10.273 mss:47616 pmtu:65535 rcvmss:536 advmss:65483 cwnd:15 bytes_sent:142848 bytes_retrans:14875 bytes_acked:127974 segs_out:11 segs_in:6 data_segs_out:5 bbr:(bw:2426287352bps,mrtt:0.012,pacing_gain:2.88672,cwnd_gain:2.88672) send 1109283634bps lastsnd:3512 lastrcv:3520 lastack:276 pacing_rate 623792771840bps delivery_rate 37563152bps delivered:6 busy:3520ms rwnd_limited:3520ms(100.0%) retrans:0/1 dsack_dups:1 rcv_space:65495 rcv_ssthresh:65495 notsent:3791494 minrtt:0.012         `

	synSent = `SYN-SENT   0      1                              10.77.7.1:37330                   10.77.7.2:9003  timer:(on,532ms,2) ino:22747 sk:100d cgroup:/ <-> skmem:(r0,rb131072,t0,tb16384,f3264,w832,o0,bl0,d0) bbr rto:1000 mss:524 pmtu:1500 rcvmss:88 advmss:1460 cwnd:1 segs_out:3 bbr:(bw:0bps,mrtt:0) lastsnd:1023156 lastrcv:1023156 lastack:1023156 app_limited unacked:1 retrans:1/2 lost:1 rcv_ssthresh:64240`

	multipath = `ESTAB      0      0                              127.0.0.1:8009                    127.0.0.1:41498 timer:(keepalive,11sec,0) ino:22514 sk:1004 cgroup:/ <-> skmem:(r0,rb131072,t0,tb3939840,f3263,w0,o0,bl0,d0) ts sack bbr wscale:10,10 rto:204 rtt:0.042/0.021 ato:40 mss:32768 pmtu:65535 rcvmss:536 advmss:65483 cwnd:10 bytes_received:1 segs_out:1 segs_in:3 data_segs_in:1 bbr:(bw:0bps,mrtt:0.042) send 62415238095bps lastsnd:3528 lastrcv:3528 lastack:3528 pacing_rate 178373475080bps delivered:1 app_limited rcv_space:65483 rcv_ssthresh:65483 minrtt:0.042 snd_wnd:65536 tcp-ulp-mptcp flags:Mec token:0000(id:0)/b8005d5e(id:0) seq:6164ee30ce3714b2 sfseq:1 ssnoff:be5761b2 maplen:1`

	timeWait    = `TIME-WAIT  0      0                                  [::1]:56608                       [::1]:39489 timer:(timewait,57sec,0) ino:0 sk:a   `
	synRecv     = `SYN-RECV 0      0                              10.77.7.2:8004                  10.77.7.1:43742 timer:(on,1.528ms,3) ino:0 sk:101c `
	listening   = `LISTEN     2      4096                                   *:8004                            *:*     ino:22660 sk:8 cgroup:/ v6only:0 <-> skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0) bbr cwnd:10 unacked:2   `
	listenMPTCP = `LISTEN     0      4096                           127.0.0.1:8009                      0.0.0.0:*     ino:22510 sk:4 cgroup:/ <-> skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0) bbr cwnd:10 tcp-ulp-mptcp`
	users       = `LISTEN     0      5                           127.0.0.1%lo:8006                      0.0.0.0:*     users:(("ss",pid=13766,fd=18),("my (odd: name",pid=13694,fd=18)) uid:65534 ino:22516 sk:2 cgroup:/system.slice/x.service <-> skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0) bbr cwnd:10`
)

func TestParseWholeRow(t *testing.T) {
	want := Row{
		State:        "ESTAB",
		Local:        netip.MustParseAddrPort("10.77.7.1:44500"),
		Remote:       netip.MustParseAddrPort("10.77.7.2:9001"),
		Inode:        22663,
		SocketCookie: 0x1003,
		Cgroup:       "/",
		Congestion:   "cubic",
		Memory: map[string]uint64{
			"r": 0, "rb": 1767710, "t": 0, "tb": 1714176, "f": 0, "w": 0, "o": 0, "bl": 0, "d": 0,
		},
		Words: []string{"<->", "ts", "sack", "cubic"},
		Values: map[string]string{
			"ino": "22663", "sk": "1003", "fwmark": "0x4d", "cgroup": "/",
			"skmem":  "(r0,rb1767710,t0,tb1714176,f0,w0,o0,bl0,d0)",
			"wscale": "10,10", "snd_wscale": "10", "rcv_wscale": "10",
			"rto": "204", "rtt": "0.026/0.014", "rttvar": "0.014", "ato": "40",
			"mss": "1448", "pmtu": "1500", "rcvmss": "1448", "advmss": "1448", "cwnd": "274", "ssthresh": "180",
			"bytes_sent": "2000000", "bytes_acked": "2000001", "bytes_received": "666661",
			"segs_out": "1404", "segs_in": "503", "data_segs_out": "1382", "data_segs_in": "467",
			"send": "122077538462bps", "lastsnd": "3440", "lastrcv": "3440", "lastack": "3440",
			"pacing_rate": "98765424bps/98765424bps", "max_pacing_rate": "98765424bps",
			"delivery_rate": "26477714280bps", "delivered": "1383", "busy": "80ms",
			"rcv_rtt": "0.036", "rcv_space": "183654", "rcv_ssthresh": "1161230", "minrtt": "0.007", "snd_wnd": "1543168",
		},
	}
	if diff := cmp.Diff(want, parseOne(t, established), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("the row differs (-want +got):\n%s", diff)
	}
}

func TestParseText(t *testing.T) {
	lines := []string{header, established, "", timeWait, listening}
	rows, err := Parse(strings.Join(lines, "\n") + "\n")
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, row := range rows {
		states = append(states, row.State)
	}
	if diff := cmp.Diff([]string{"ESTAB", "TIME-WAIT", "LISTEN"}, states); diff != "" {
		t.Errorf("the states differ (-want +got):\n%s", diff)
	}
}

func TestParseNothing(t *testing.T) {
	for _, text := range []string{"", "\n\n", header, header + "\n"} {
		if rows, err := Parse(text); len(rows) != 0 || err != nil {
			t.Errorf("Parse(%q) = %v, %v; want nothing", text, rows, err)
		}
	}
}

func TestParseColumns(t *testing.T) {
	tests := []struct {
		line, state  string
		number       uint8
		recvQ, sendQ uint64
	}{
		{established, "ESTAB", 1, 0, 0},
		{zeroWindow, "ESTAB", 1, 0, 3791494},
		{synSent, "SYN-SENT", 2, 0, 1},
		{synRecv, "SYN-RECV", 3, 0, 0},
		{timeWait, "TIME-WAIT", 6, 0, 0},
		{listening, "LISTEN", 10, 2, 4096},
	}
	for _, tt := range tests {
		row := parseOne(t, tt.line)
		if row.State != tt.state || row.StateNumber() != tt.number || row.RecvQ != tt.recvQ || row.SendQ != tt.sendQ {
			t.Errorf("%s\nis %s (%d) with queues of %d and %d, want %s (%d), %d and %d", tt.line,
				row.State, row.StateNumber(), row.RecvQ, row.SendQ, tt.state, tt.number, tt.recvQ, tt.sendQ)
		}
	}
}

func TestParseTimers(t *testing.T) {
	tests := []struct {
		line string
		want Timer
	}{
		{established, Timer{}},
		{retransmitting, Timer{"on", 588 * time.Millisecond, 3}},
		{zeroWindow, Timer{"persist", 3052 * time.Millisecond, 0}},
		{multipath, Timer{"keepalive", 11 * time.Second, 0}},
		{timeWait, Timer{"timewait", 57 * time.Second, 0}},
		{synRecv, Timer{"on", 1528 * time.Millisecond, 3}},
	}
	for _, tt := range tests {
		if got := parseOne(t, tt.line).Timer; got != tt.want {
			t.Errorf("%s\nhas the timer %+v, want %+v", tt.line, got, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const columns = "ESTAB 0 0 10.77.1.1:1 10.77.1.2:2 "
	tests := []struct{ name, line, want string }{
		{"few columns", "ESTAB 0 0 10.77.1.1:1", "fewer than five columns"},
		{"indented", "\t skmem:(r0) bbr cwnd:10", "fewer than five columns"},
		{"state", "OPEN 0 0 10.77.1.1:1 10.77.1.2:2", `unknown state "OPEN"`},
		{"receive queue", "ESTAB x 0 10.77.1.1:1 10.77.1.2:2", "the receive queue"},
		{"send queue", "ESTAB 0 -1 10.77.1.1:1 10.77.1.2:2", "the send queue"},
		{"local address", "ESTAB 0 0 10.77.1.1 10.77.1.2:2", "the local address"},
		{"remote address", "ESTAB 0 0 10.77.1.1:1 10.77.1.2:http", "the remote address"},
		{"parenthesis", columns + "skmem:(r0", "unbalanced"},
		{"quote", columns + `users:(("ss)`, "unbalanced"},
		{"key alone", columns + "cwnd:", "a key without a value"},
		{"rate alone", columns + "12bps", "a value without a key"},
		{"timer", columns + "timer:(on,2ms)", "not of the form"},
		{"timer's time", columns + "timer:(on,soon,1)", `"soon"`},
		{"timer's count", columns + "timer:(on,2ms,x)", "invalid syntax"},
		{"memory", columns + "skmem:12", "not a list of letters"},
		{"memory's name", columns + "skmem:(12)", "not a list of letters"},
		{"memory's number", columns + "skmem:(rb1x)", "invalid syntax"},
		{"owner", columns + "uid:root", "uid"},
		{"inode", columns + "ino:4294967296", "ino"},
		{"cookie", columns + "sk:xyz", "sk"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rows, err := Parse(established + "\n" + tt.line + "\n")
			if err == nil || rows != nil {
				t.Fatalf("Parse returned %v, %v; want an error alone", rows, err)
			}
			for _, want := range []string{"line 2", tt.want} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %q, want %q in it", err, want)
				}
			}
		})
	}
}

// parseOne parses a single line.
func parseOne(t *testing.T, line string) Row {
	t.Helper()
	rows, err := Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 {
		t.Fatalf("%d rows of one line", len(rows))
	}
	return rows[0]
}
