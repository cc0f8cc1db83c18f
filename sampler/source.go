package sampler

import (
	"strconv"
	"strings"
	"time"
)

// Sink receives the decoded sockets of one datagram and the time at which it
// was read. The slice is reused: copy what must be kept.
type Sink func(at time.Time, sockets []Socket)

// Dump describes one finished dump of all sockets.
type Dump struct {
	// Space is the network namespace that was dumped.
	Space Space
	// Start is when the first request was sent, End when the last byte was decoded.
	Start, End time.Time
	// Kernel is the part of this time spent in receiving datagrams, which the kernel
	// fills meanwhile. It includes waiting for the processor.
	Kernel    time.Duration
	Sockets   int
	Datagrams int
	Bytes     int
	// Partial: it contains known connections only, see [Conn.Revisit].
	Partial bool
}

// Round describes one finished round of rechecking.
type Round struct {
	// Start is when the first request was sent, End when the last byte was decoded.
	Start, End time.Time
	// Sockets counts the targets that were found.
	Sockets int
}

// Reader reads single sockets: [Conn] from the kernel, [Replay] from what
// it replayed last.
type Reader interface {
	// Read passes the targets that still exist to sink. One in TIME_WAIT exists, but
	// has no tcp_info. After an error some may be missing.
	Read(targets []Target, sink Sink) error
}

// Source provides the sockets of a network namespace. After an error it should be
// closed.
type Source interface {
	Reader
	// Dump passes all connections and all listeners to sink. After an error the dump is
	// incomplete.
	Dump(sink Sink) (Dump, error)
	// Recheck is like Read, but is recorded like a dump.
	Recheck(targets []Target, sink Sink) (Round, error)
	Close() error
}

// packedAccECN reports, by the kernel release (uname -r), whether the last four bytes of
// tcp_info have the layout of Linux 7.0, which the length does not show.
func packedAccECN(release string) bool {
	major, _, _ := strings.Cut(release, ".")
	n, err := strconv.Atoi(major)

	return err == nil && n >= 7
}
