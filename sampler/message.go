package sampler

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"time"
)

// Netlink message types and flags (uapi/linux/netlink.h, sock_diag.h).
const (
	nlmsgNoop          = 1
	nlmsgError         = 2
	nlmsgDone          = 3
	nlmsgOverrun       = 4
	typeTCPDiagGetsock = 18
	typeSockDiag       = 20

	flagRequest  = 0x01
	flagDumpIntr = 0x10

	sizeofHeader = 16
	nlAlign      = 4
)

// header is struct nlmsghdr.
type header struct {
	length, seq uint32
	kind, flags uint16
}

// nextMessage splits the first netlink message off b.
func nextMessage(b []byte) (h header, payload, rest []byte, err error) {
	if len(b) < sizeofHeader {
		return h, nil, nil, fmt.Errorf("%w: header of %d bytes", ErrMalformed, len(b))
	}

	h = header{
		length: binary.NativeEndian.Uint32(b),
		kind:   binary.NativeEndian.Uint16(b[4:]),
		flags:  binary.NativeEndian.Uint16(b[6:]),
		seq:    binary.NativeEndian.Uint32(b[8:]),
	}
	if h.length < sizeofHeader || uint64(h.length) > uint64(len(b)) {
		return h, nil, nil, fmt.Errorf("%w: length %d of %d bytes", ErrMalformed, h.length, len(b))
	}

	next := min(align(int(h.length)), len(b))

	return h, b[sizeofHeader:h.length], b[next:], nil
}

func align(n int) int { return (n + nlAlign - 1) &^ (nlAlign - 1) }

// batch decodes datagrams into a reused slice of sockets.
type batch struct {
	sockets []Socket
	// keep reports whether a connection is wanted, nil for all.
	keep func(*Socket) bool
	// skip reports whether a row need not be decoded, nil for none; at is its time.
	skip Skip
	at   time.Time
	// digested: all rows are decoded, also those to skip, and have digests.
	digested bool
	digester digester
	digest   uint64 // of the current row, zero for none
	// space is the network namespace of all sockets.
	space Space
	// packedAccECN selects the tcp_info tail of Linux 7.0.
	packedAccECN bool
}

// outcome is the effect of a datagram on its dump.
type outcome struct {
	done        bool
	interrupted bool
	// skipped counts the rows that were not decoded.
	skipped int
}

// decode reads one datagram. Messages of another sequence number than seq
// belong to an abandoned dump and are skipped; anySeq accepts all. After an error the
// sockets decoded so far remain valid.
func (b *batch) decode(datagram []byte, seq uint32, anySeq bool) (outcome, error) {
	var out outcome

	b.sockets, b.digest = b.sockets[:0], 0

	for len(datagram) > 0 {
		h, payload, rest, err := nextMessage(datagram)
		if err != nil {
			return out, err
		}

		datagram = rest

		if h.seq != seq && !anySeq {
			continue
		}

		if h.flags&flagDumpIntr != 0 {
			out.interrupted = true
		}

		if b.skips(h, payload) {
			out.skipped++

			continue
		}

		done, err := b.message(h, payload)
		if err != nil {
			return out, err
		}

		out.done = out.done || done
	}

	return out, nil
}

// skips reports whether a message is a row that need not be decoded. It stores the
// digest of the row.
func (b *batch) skips(h header, payload []byte) bool {
	b.digest = 0

	if b.skip == nil && !b.digested || h.kind != typeTCPDiagGetsock && h.kind != typeSockDiag {
		return false
	}

	cookie, digest, ok := b.digester.digest(payload)
	if !ok {
		return false
	}

	b.digest = digest

	return !b.digested && b.skip(b.at, cookie, digest)
}

// message handles one message and reports whether it ends the dump.
func (b *batch) message(h header, payload []byte) (done bool, err error) {
	switch h.kind {
	case typeTCPDiagGetsock, typeSockDiag:
		return false, b.socket(payload)
	case nlmsgDone:
		return true, errnoOf(payload)
	case nlmsgError:
		return true, errnoOf(payload)
	case nlmsgOverrun:
		return false, ErrOverrun
	default:
		return false, nil
	}
}

// socket decodes a row, and drops it if it is unwanted.
func (b *batch) socket(payload []byte) error {
	if err := b.add(payload); err != nil {
		return err
	}

	n := len(b.sockets) - 1
	if s := &b.sockets[n]; b.keep != nil && s.State != StateListen && !b.keep(s) {
		b.sockets = b.sockets[:n]
	}

	return nil
}

// add decodes a row.
func (b *batch) add(payload []byte) error {
	n := len(b.sockets)
	if n < cap(b.sockets) {
		b.sockets = b.sockets[:n+1]
	} else {
		b.sockets = append(b.sockets, Socket{})
	}

	if err := decodeSocket(&b.sockets[n], payload, b.packedAccECN); err != nil {
		b.sockets = b.sockets[:n]

		return err
	}

	b.sockets[n].Digest, b.sockets[n].Space = b.digest, b.space

	return nil
}

// errnoOf reads the negative errno that NLMSG_ERROR and NLMSG_DONE begin with.
func errnoOf(payload []byte) error {
	if len(payload) < 4 {
		return fmt.Errorf("%w: errno of %d bytes", ErrMalformed, len(payload))
	}

	code := int32(binary.NativeEndian.Uint32(payload))
	if code == 0 {
		return nil
	}

	return syscall.Errno(-code)
}
