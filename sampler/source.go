package sampler

import (
	"strconv"
	"strings"
	"time"
)

// Sink receives the decoded sockets of one datagram and the time at which it
// was read. The slice is reused: what is to be kept must be copied.
type Sink func(at time.Time, sockets []Socket)

// Dump describes one finished round over all sockets.
type Dump struct {
	// Space is the network namespace that was dumped.
	Space Space
	// Start is when the first request was sent, End when the last byte was decoded.
	Start, End time.Time
	// Kernel is how much of this time the kernel took to fill datagrams, or others
	// had the processor.
	Kernel    time.Duration
	Sockets   int
	Datagrams int
	Bytes     int
}

// Round describes one finished round of rechecking.
type Round struct {
	// Start is when the first request was sent, End when the last byte was decoded.
	Start, End time.Time
	// Sockets counts those that were found again.
	Sockets int
}

// Reader reads single sockets: [Conn] from the kernel, [Replay] from what was
// played last.
type Reader interface {
	// Read hands the targets that are still there to sink. One that has entered
	// TIME_WAIT is there, without tcp_info. After an error some may be missing.
	Read(targets []Target, sink Sink) error
}

// Source is what a [Loop] samples. After an error it should be closed.
type Source interface {
	Reader
	// Dump hands all connections and all listeners to sink. After an error the
	// dump is incomplete.
	Dump(sink Sink) (Dump, error)
	// Rechecked is Read as a part of the sampling: it is recorded as dumps are.
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
