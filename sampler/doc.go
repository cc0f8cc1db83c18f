// Package sampler reads every TCP socket of a network namespace from the
// kernel's INET_DIAG interface, once per tick, and those suspicious more often.
//
// # Words
//
// A socket is one row of the kernel's answer. A dump is one walk over the
// kernel's socket tables. A sample is everything one tick brought: the dump of
// the connections and the dump of the listeners. To recheck is to ask for single
// sockets, the targets, by all that names them; a round of rechecking takes place
// between two samples. A question is work that others have for the goroutine that
// samples.
//
// # Rechecking
//
// The kernel looks a target up in its hash tables, which takes more than twice as
// long as a dump does for each socket, but only for the few that matter. It answers
// with the socket, with nothing when it is gone, or with a listener at the local
// address. What is handed on has the cookie and the addresses asked for. A
// connection that has entered TIME_WAIT has them and no tcp_info.
//
// # Pure and edge
//
// Decoding (decode.go, message.go, tcpinfo.go, field.go), encoding (request.go)
// and the conversations with the kernel (conn.go, recheck.go) are pure functions
// over bytes. Only conn_linux.go talks to the kernel; record.go and replay.go
// read and write files; loop.go owns the clock.
//
// # Presence
//
// The length of an attribute shows which fields the kernel has. A tcp_info
// field exists if it fits into the attribute that was sent, and if the kernel's
// value for "no sample yet" does not stand in its place. Absent is never zero:
// see [TCPInfo.Get].
//
// # Byte order
//
// INET_DIAG structures are in host byte order, ports and addresses in network
// byte order. A recording carries the byte order of its host and is refused on
// a host of the other one.
package sampler
