// Package diagtest makes up what the kernel's sock_diag says about TCP sockets,
// for tests that need rows of their own choice without a kernel.
//
// A [Row] with its [TCPInfo] and each [Attribute] is written as a test thinks of
// it and encoded as the kernel lays it out. [Decode] returns what the sampler
// makes of rows, and a [Recording] plays one dump of them after another. Both go
// by way of a recording, the only one from bytes to sockets that is open to
// other packages.
//
// Reference: uapi/linux/inet_diag.h and uapi/linux/tcp.h of Linux 7.0.
package diagtest
