// Package sstext parses what ss(8) of iproute2 prints about TCP sockets, so that tests can hold it against our own
// reading of the kernel: two programs that decode the same rows independently should agree.
//
// It reads the one-line form with numeric addresses, with or without the header, as printed by
//
//	ss -tinmoeO    # connected sockets
//	ss -tinmoeOHa  # all sockets, no header
//
// A line is one [Row]: five columns, and then a list of items, of which ss leaves out what does not apply or is zero.
// The items come in four shapes, and all of them are found:
//
//   - "key:value", such as "cwnd:10" or "rtt:0.03/0.015", and "key: value", such as "version: 1.3",
//   - "key rate", for "send", "pacing_rate" and "delivery_rate",
//   - "key:(list)", such as "skmem:(r0,rb131072)" or "bbr:(bw:0bps,mrtt:0.03)",
//   - single words, such as "ts", "sack", "cubic" or "app_limited".
//
// Reference: iproute2 6.1, misc/ss.c, as seen in its output on Linux 6.18.
package sstext
