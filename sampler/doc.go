// Package sampler reads every TCP socket of a network namespace from the kernel's
// INET_DIAG interface.
//
// # Terms
//
// A socket is one row of the kernel's answer. A dump is one walk over the kernel's
// socket tables. A sample is the result of one tick: the dump of the connections and the
// dump of the listeners. A recheck reads single sockets, the targets, between two
// samples. Package loop decides when.
//
// # Rechecks
//
// The kernel finds a target in its hash tables. That takes more than twice as long per
// socket as a dump, but only for the few that matter. It answers with the socket, with
// an error if it is gone, or with a listener at the local address. What a recheck
// returns has the cookie and the addresses of the target. A connection in TIME_WAIT has
// them, but no tcp_info.
//
// # Pure and edge
//
// Decoding (decode.go, message.go, tcpinfo.go, field.go), encoding (request.go) and the
// exchange with the kernel (conn.go, recheck.go) are pure functions over bytes. Only
// conn_linux.go makes system calls; record.go and replay.go read and write files, and
// consumer.go reads the clock.
//
// # Presence
//
// The length of an attribute shows which fields the kernel has. A tcp_info field exists
// if it is within the attribute, and if its value is not the kernel's "no sample yet".
// Absent is never zero: see [TCPInfo.Get].
//
// # Byte order
//
// INET_DIAG structures are in host byte order, ports and addresses in network byte
// order. A recording has the byte order of its host, and a host of the other one refuses
// it.
package sampler
