package owner

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// event is an inotify_event (uapi/linux/inotify.h).
type event struct {
	watch int32
	mask  uint32
	name  string
}

// parseEvents returns the events in what was read from an inotify instance. It ignores an
// incomplete one at the end; the kernel returns none.
func parseEvents(b []byte) (events []event) {
	for len(b) >= unix.SizeofInotifyEvent {
		header, rest := b[:unix.SizeofInotifyEvent], b[unix.SizeofInotifyEvent:]

		size := binary.NativeEndian.Uint32(header[12:])
		if uint64(size) > uint64(len(rest)) {
			break
		}

		name, _, _ := bytes.Cut(rest[:size], []byte{0})
		events = append(events, event{
			watch: int32(binary.NativeEndian.Uint32(header)), mask: binary.NativeEndian.Uint32(header[4:]), name: string(name),
		})
		b = rest[size:]
	}

	return events
}
