package sstext

import (
	"net/netip"
	"slices"
	"time"
)

// Row is a socket, as a line of ss shows it. What a line does not show is zero.
type Row struct {
	State string // The state in the words of ss: "ESTAB", "FIN-WAIT-1", "LISTEN".
	RecvQ uint64 // Bytes; for a listener, connections that wait to be accepted.
	SendQ uint64 // Bytes; for a listener, how many connections may wait.

	// Local and Remote are the addresses as the kernel has them: an IPv4-mapped address stays mapped, and "*", the
	// wildcard of a socket for both families, is "::". An IPv6 address to which ss appends an interface, which it never
	// does to a remote one, has that as its zone. The port "*" is 0.
	Local, Remote netip.AddrPort
	Interface     string // The interface that the socket is bound to, whichever family it is of.

	Timer        Timer  // The timer that runs.
	UID          uint32 // The owner. It is 0 for root, too, which ss does not print.
	Inode        uint32 // 0 for a socket without a file, such as one in TIME-WAIT.
	SocketCookie uint64 // The kernel's identity of the socket, unique on the host.
	Cgroup       string // The path of the cgroup below its root, "/" for the root, empty if unknown.

	Congestion string            // The congestion control: "cubic".
	Memory     map[string]uint64 // The items of skmem: bytes in "r", "rb", "t", "tb", "f", "w", "o", "bl", drops in "d".
	Words      []string          // The single words, in their order: "<->", "ts", "sack", "cubic", "app_limited".

	// Values has every item with a value, unchanged: "rtt" is "0.03/0.015". In addition, the parts of a compound value
	// have keys of their own: "rttvar" from rtt; "snd_wscale" and "rcv_wscale" from wscale; "total_retrans" from retrans;
	// "max_pacing_rate" from pacing_rate; and "bbr.bw" and the like from values that are lists of pairs.
	Values map[string]string
}

// Timer is the timer of a socket. It is zero if none runs.
type Timer struct {
	Name    string        // "on" for retransmission, "keepalive", "timewait", "persist" or "unknown".
	Left    time.Duration // The time until it fires, in whole milliseconds, or whole seconds from ten seconds up.
	Retrans uint64        // Retransmissions, or probes, without an answer.
}

// stateTable gives the kernel's number, in net/tcp_states.h, of each state that ss prints.
var stateTable = map[string]uint8{
	"ESTAB":      1,
	"SYN-SENT":   2,
	"SYN-RECV":   3,
	"FIN-WAIT-1": 4,
	"FIN-WAIT-2": 5,
	"TIME-WAIT":  6,
	"UNCONN":     7,
	"CLOSE-WAIT": 8,
	"LAST-ACK":   9,
	"LISTEN":     10,
	"CLOSING":    11,
}

// StateNumber returns the state as the kernel numbers it: 1 for "ESTAB", 10 for "LISTEN". It returns 0 for a Row that
// was not parsed.
func (r Row) StateNumber() uint8 {
	return stateTable[r.State]
}

// HasWord reports whether the line has the single word, such as "app_limited".
func (r Row) HasWord(word string) bool {
	return slices.Contains(r.Words, word)
}

// Has reports whether the line has a value for the key.
func (r Row) Has(key string) bool {
	_, ok := r.Values[key]
	return ok
}
