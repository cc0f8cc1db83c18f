package proctcp

import "bytes"

// noneInUse reports whether sockstat or sockstat6 counts no TCP socket but those in
// TIME_WAIT: "TCP: inuse 0 orphan ...", or "TCP6: inuse 0" (net/ipv4/proc.c:
// sockstat_seq_show, net/ipv6/proc.c: sockstat6_seq_show).
func noneInUse(text []byte) bool {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("TCP")); ok {
			c := scanner{rest: bytes.TrimPrefix(rest, []byte("6"))}
			label := string(c.word()) + string(c.word())
			c.rest = bytes.TrimRight(c.rest, "\n")

			return label == ":inuse" && c.decimal(0) == 0 && !c.bad
		}
	}

	return false
}
