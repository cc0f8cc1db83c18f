// Package sampler reads every TCP socket of a network namespace from the
// kernel's INET_DIAG interface, once per tick.
//
// # Words
//
// A socket is one row of the kernel's answer. A dump is one walk over the
// kernel's socket tables. A sample is everything one tick brought: the dump of
// the connections and the dump of the listeners.
//
// # Pure and edge
//
// Decoding (decode.go, message.go, tcpinfo.go, field.go) and encoding
// (request.go) are pure functions over bytes. Only conn_linux.go talks to the
// kernel; record.go and replay.go read and write files; loop.go owns the clock.
//
// # Presence
//
// The kernel tells what it knows by the length of an attribute. A tcp_info
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
