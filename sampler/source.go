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
	// Start is when the first request was sent, End when the last byte was decoded.
	Start, End time.Time
	Sockets    int
	Datagrams  int
	Bytes      int
}

// Source delivers dumps: [Conn] from the kernel, [Replay] from a recording.
type Source interface {
	// Dump hands all connections and all listeners to sink. After an error the
	// dump is incomplete and the source should be closed. io.EOF means that a
	// recording is over; sink was not called.
	Dump(sink Sink) (Dump, error)
	Close() error
}

// packedAccECN tells by the kernel release (uname -r) whether the last four
// bytes of tcp_info have the layout of Linux 7.0, which the length can't tell.
func packedAccECN(release string) bool {
	major, _, _ := strings.Cut(release, ".")
	n, err := strconv.Atoi(major)

	return err == nil && n >= 7
}
