// Package diagtest makes rows of the kernel's sock_diag for TCP sockets, for tests that
// need particular rows without a kernel.
//
// A test fills a [Row] with a [TCPInfo] and any [Attribute]; the row is encoded in the
// kernel's layout. [Decode] returns the sockets that the sampler decodes from rows, and a
// [Recording] replays dumps of them. Both use a recording: other packages cannot pass
// bytes to the sampler otherwise.
//
// Reference: uapi/linux/inet_diag.h and uapi/linux/tcp.h of Linux 7.0.
package diagtest
