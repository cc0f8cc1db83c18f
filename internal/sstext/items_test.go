package sstext

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	tests := []struct {
		line       string
		want       []string
		congestion string
	}{
		{established, []string{"<->", "ts", "sack", "cubic"}, "cubic"},
		{synSent, []string{"<->", "bbr", "app_limited"}, "bbr"},
		{multipath, []string{"<->", "ts", "sack", "bbr", "app_limited", "tcp-ulp-mptcp"}, "bbr"},
		{listenMPTCP, []string{"<->", "bbr", "tcp-ulp-mptcp"}, "bbr"},
		{timeWait, nil, ""},
		{items("--> ts ecn ecnseen fastopen reno cwnd:10"), []string{"-->", "ts", "ecn", "ecnseen", "fastopen", "reno"}, "reno"},
		{items("<-- app_limited tcp-ulp-tls"), []string{"<--", "app_limited", "tcp-ulp-tls"}, ""},
	}
	for _, tt := range tests {
		row := parseOne(t, tt.line)
		if diff := cmp.Diff(tt.want, row.Words); diff != "" {
			t.Errorf("%s\nhas other words (-want +got):\n%s", tt.line, diff)
		}
		if row.Congestion != tt.congestion {
			t.Errorf("%s\nhas the congestion control %q, want %q", tt.line, row.Congestion, tt.congestion)
		}
	}
}

func TestHasWord(t *testing.T) {
	row := parseOne(t, synSent)
	if !row.HasWord("app_limited") || row.HasWord("sack") || row.HasWord("cwnd") {
		t.Errorf("HasWord does not know the words %q", row.Words)
	}
}

func TestHas(t *testing.T) {
	row := parseOne(t, synSent)
	if !row.Has("cwnd") || row.Has("minrtt") || row.Has("app_limited") {
		t.Errorf("Has does not know the values %q", row.Values)
	}
}

func TestValues(t *testing.T) {
	tls := items("cubic tcp-ulp-tls version: 1.3 cipher: aes-gcm-128 rxconf: sw txconf: sw")
	dctcp := items("dctcp dctcp:(ce_state:0,alpha:1024,ab_ecn:1,ab_tot:2) dctcp:fallback_mode")
	tests := []struct{ name, line, key, want string }{
		{"rate", retransmitting, "send", "827428571bps"},
		{"rate with another", established, "pacing_rate", "98765424bps/98765424bps"},
		{"part of a rate", established, "max_pacing_rate", "98765424bps"},
		{"part of a time", retransmitting, "rttvar", "0.007"},
		{"first part", items("wscale:7,9"), "snd_wscale", "7"},
		{"last part", items("wscale:7,9"), "rcv_wscale", "9"},
		{"part of a count", retransmitting, "total_retrans", "4"},
		{"share", zeroWindow, "rwnd_limited", "3520ms(100.0%)"},
		{"list", zeroWindow, "bbr", "(bw:2426287352bps,mrtt:0.012,pacing_gain:2.88672,cwnd_gain:2.88672)"},
		{"element", zeroWindow, "bbr.cwnd_gain", "2.88672"},
		{"element of another list", dctcp, "dctcp.alpha", "1024"},
		{"value with parentheses", multipath, "token", "0000(id:0)/b8005d5e(id:0)"},
		{"value after a space", tls, "version", "1.3"},
		{"value after another space", tls, "txconf", "sw"},
		{"spaces in parentheses", items("inet-sockopt: ( recverr is_icsk) cwnd:10"), "inet-sockopt", "( recverr is_icsk)"},
		{"spaces in quotes", users, "users", `(("ss",pid=13766,fd=18),("my (odd: name",pid=13694,fd=18))`},
		{"colon in a value", items("cgroup:unreachable:1a"), "cgroup", "unreachable:1a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parseOne(t, tt.line).Values[tt.key]; got != tt.want {
				t.Errorf("%s is %q, want %q", tt.key, got, tt.want)
			}
		})
	}
}

func TestOwnFields(t *testing.T) {
	row := parseOne(t, users)
	if row.UID != 65534 || row.Inode != 22516 || row.SocketCookie != 2 || row.Cgroup != "/system.slice/x.service" {
		t.Errorf("owner %d, inode %d, cookie %x, cgroup %q; want 65534, 22516, 2, /system.slice/x.service",
			row.UID, row.Inode, row.SocketCookie, row.Cgroup)
	}
}

func TestMemory(t *testing.T) {
	want := map[string]uint64{
		"r": 0, "rb": 131072, "t": 0, "tb": 4194304, "f": 2810, "w": 3859718, "o": 0, "bl": 0, "d": 0,
	}
	if diff := cmp.Diff(want, parseOne(t, zeroWindow).Memory); diff != "" {
		t.Errorf("the memory differs (-want +got):\n%s", diff)
	}
	if got := parseOne(t, timeWait).Memory; got != nil {
		t.Errorf("a socket without memory has %v", got)
	}
}

// items is a line with the given items.
func items(text string) string {
	return "ESTAB 0 0 10.77.1.1:1 10.77.1.2:2 " + text
}
