package proctcp

import (
	"bytes"
	"strconv"
)

// InUse returns the number of TCP sockets in the text of /proc/net/sockstat or sockstat6:
// listeners and connections, without those in TIME_WAIT and handshakes of listeners
// (net/ipv4/proc.c: sockstat_seq_show, net/ipv6/proc.c: sockstat6_seq_show). It reports
// whether the text has it, and returns 0 if not.
func InUse(text []byte) (n int, ok bool) {
	for line := range bytes.Lines(text) {
		rest, isTCP := bytes.CutPrefix(line, []byte("TCP: inuse "))
		if !isTCP {
			rest, isTCP = bytes.CutPrefix(line, []byte("TCP6: inuse "))
		}

		if !isTCP {
			continue
		}

		digits, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))

		n, err := strconv.ParseUint(string(digits), 10, 31)
		if err != nil {
			return 0, false
		}

		return int(n), true
	}

	return 0, false
}
