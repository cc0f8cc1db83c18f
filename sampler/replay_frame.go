package sampler

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

type frame struct {
	kind    frameKind
	at      time.Time
	payload []byte // valid until the next frame
}

// frame reads the next frame; io.EOF means that the file ended between frames.
func (p *Replay) frame() (frame, error) {
	if f := p.ahead; f != nil {
		p.ahead = nil

		return *f, nil
	}

	var head [sizeofFrame]byte

	p.offset = p.end

	switch _, err := io.ReadFull(p.r, head[:]); {
	case errors.Is(err, io.EOF):
		return frame{}, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return frame{}, p.truncated()
	case err != nil:
		return frame{}, fmt.Errorf("read recording: %w", err)
	}

	length := binary.LittleEndian.Uint32(head[4:])
	if length > maxFrame {
		return frame{}, p.damaged("frame has %d bytes, at most %d expected", length, maxFrame)
	}

	size := int(length)
	if p.checked {
		size += sizeofChecksum
	}

	p.buf = slices.Grow(p.buf[:0], size)[:size]

	switch _, err := io.ReadFull(p.r, p.buf); {
	case ended(err):
		return frame{}, fmt.Errorf("%w, or damaged at byte %d: length %d of a frame", p.truncated(), p.offset, length)
	case err != nil:
		return frame{}, fmt.Errorf("read recording: %w", err)
	}

	payload := p.buf[:length]
	if p.checked && binary.LittleEndian.Uint32(p.buf[length:]) != checksum(head[:], payload) {
		return frame{}, p.damaged("checksum of a frame of %d bytes", length)
	}

	p.end += sizeofFrame + int64(size)

	return frame{
		kind:    frameKind(binary.LittleEndian.Uint32(head[:])),
		at:      time.Unix(0, int64(binary.LittleEndian.Uint64(head[8:]))),
		payload: payload,
	}, nil
}

// ended reports whether err means the end of the file, and not a failure to read it.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// damaged returns an error about the frame read last: where it starts, and what is wrong.
func (p *Replay) damaged(format string, args ...any) error {
	return fmt.Errorf("%w: damaged at byte %d: %s", ErrRecording, p.offset, fmt.Sprintf(format, args...))
}

func (p *Replay) unexpected(f frame) error {
	return fmt.Errorf("%w: unexpected frame %d at byte %d", ErrRecording, f.kind, p.offset)
}

func (p *Replay) truncated() error {
	return fmt.Errorf("%w: truncated after byte %d", ErrRecording, p.offset)
}
