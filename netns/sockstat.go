package netns

import (
	"bytes"
	"strconv"
)

// parseInuse returns the number of TCP sockets in the text of /proc/net/sockstat or
// sockstat6: listeners and connections, without those in TIME_WAIT and handshakes of
// listeners. It reports whether the text has it.
func parseInuse(text []byte) (n int, ok bool) {
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

		return int(n), err == nil
	}

	return 0, false
}
