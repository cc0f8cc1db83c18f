package sampler

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Replay replays a recording, with the times in it. It implements [Reader].
type Replay struct {
	r     *bufio.Reader
	meta  Meta
	batch batch
	skip  Skip
	buf   []byte
	// ahead is a frame that was read but not yet processed, nil for none.
	ahead *frame
	// played has the sockets for Read.
	played played
	// offset counts the bytes read, for error messages.
	offset int64
	// checked: frames have checksums.
	checked bool
}

// RecordedFailure is the failure of a dump or a round of rechecking while it was
// recorded.
type RecordedFailure Reason

func (f RecordedFailure) Error() string { return "recorded failure: " + string(f) }

// recordedFailure returns a reason from a file, which may contain anything.
func recordedFailure(payload []byte) RecordedFailure {
	if r := Reason(payload); slices.Contains(Reasons(), r) {
		return RecordedFailure(r)
	}

	return RecordedFailure(ReasonOther)
}

// NewReplay reads the start of a recording. Errors match [ErrRecording], unless r itself
// fails.
func NewReplay(r io.Reader) (*Replay, error) {
	p := &Replay{r: bufio.NewReaderSize(r, 1<<18), batch: batch{digester: newDigester()}}

	magic := make([]byte, len(recordingMagic))

	switch _, err := io.ReadFull(p.r, magic); {
	case err != nil && !ended(err):
		return nil, fmt.Errorf("read recording: %w", err)
	case string(magic) != recordingMagic && string(magic) != recordingMagic1:
		return nil, fmt.Errorf("%w: %s", ErrRecording, describeForeign(magic))
	}

	p.offset, p.checked = int64(len(magic)), string(magic) == recordingMagic

	f, err := p.frame()

	switch {
	case errors.Is(err, io.EOF):
		return nil, p.truncated()
	case err != nil:
		return nil, err
	}

	if f.kind != frameMeta || json.Unmarshal(f.payload, &p.meta) != nil {
		return nil, fmt.Errorf("%w: no metadata at the start", ErrRecording)
	}

	switch {
	case p.meta.ByteOrder != hostByteOrder():
		return nil, fmt.Errorf("%w: made on a host with %q byte order, this host has %q",
			ErrRecording, p.meta.ByteOrder, hostByteOrder())
	case p.meta.Interval <= 0:
		return nil, fmt.Errorf("%w: interval %s", ErrRecording, p.meta.Interval)
	}

	p.batch.packedAccECN = packedAccECN(p.meta.Kernel)

	return p, nil
}

func describeForeign(magic []byte) string {
	program, _, _ := strings.Cut(recordingMagic, "2\n")
	if strings.HasPrefix(string(magic), program) {
		return "made by another version of this program"
	}

	return "the file is not a recording of this program"
}

// Meta returns the metadata of the recording.
func (p *Replay) Meta() Meta { return p.meta }

// SetKeep selects the connections to replay, nil for all that the recording contains.
func (p *Replay) SetKeep(keep func(*Socket) bool) { p.batch.keep = keep }

// SetSkip is like [Conn.SetSkip]. Skipped rows are decoded nevertheless, for
// [Replay.Read].
func (p *Replay) SetSkip(skip Skip) { p.skip = skip }

// Next replays the next dump or round of rechecking to c, and reports to o. A recorded
// failure is returned with the same reason, and the next call continues after it. io.EOF
// means that the recording is over.
func (p *Replay) Next(c Consumer, o Observer) error {
	f, err := p.frame()

	switch {
	case err != nil:
		return err
	case f.kind == frameRechecking:
		return Recheck(func(sink Sink) (Round, error) { return p.round(f.at, sink) }, c, o)
	default:
		p.ahead = &f

		return Sample(0, p.Dump, c, o)
	}
}

// Dump replays the next dump like [Conn.Dump], and skips rounds of rechecking. A
// recorded failure is returned with the same reason, and the next call continues after
// it. io.EOF means that the recording is over; sink was not called.
func (p *Replay) Dump(sink Sink) (Dump, error) {
	var (
		d Dump
		// broken is the error of a datagram that could not be decoded: a recorded failure
		// must follow.
		broken error
	)

	for {
		f, err := p.frame()
		if err != nil {
			if errors.Is(err, io.EOF) && d.Datagrams > 0 {
				err = p.truncated()
			}

			return d, err
		}

		switch f.kind {
		case frameDatagram:
			broken = errors.Join(broken, p.datagram(f, &d, sink))
		case frameDumped:
			return p.dumped(f, d, broken)
		case frameFailed:
			return d, recordedFailure(f.payload)
		case frameRechecking:
			if err := p.pass(f.at, d); err != nil {
				return d, err
			}
		default:
			return d, p.unexpected(f)
		}
	}
}

func (p *Replay) datagram(f frame, d *Dump, sink Sink) error {
	if d.Datagrams == 0 {
		p.played.forget()
	}

	n, err := p.rows(f, p.skip, sink)

	d.Datagrams++
	d.Bytes += len(f.payload)
	d.Sockets += n

	return err
}

// rows passes the rows of a frame to sink, except for those to skip, and returns the
// number of all rows.
func (p *Replay) rows(f frame, skip Skip, sink Sink) (n int, err error) {
	p.batch.digested = skip != nil
	_, err = p.batch.decode(f.payload, 0, true)

	if n = len(p.batch.sockets); n > 0 {
		p.played.add(f.at, p.batch.sockets)

		if news := leaveOut(p.batch.sockets, skip, f.at); len(news) > 0 {
			sink(f.at, news)
		}
	}

	return n, err
}

// leaveOut returns the rows without those to skip.
func leaveOut(rows []Socket, skip Skip, at time.Time) []Socket {
	if skip == nil {
		return rows
	}

	return slices.DeleteFunc(rows, func(s Socket) bool { return s.Digest != 0 && skip(at, s.Cookie, s.Digest) })
}

func (p *Replay) dumped(f frame, d Dump, broken error) (Dump, error) {
	if len(f.payload) != 8 || broken != nil {
		return d, p.damaged()
	}

	d.Start = time.Unix(0, int64(binary.LittleEndian.Uint64(f.payload)))
	d.End = f.at

	return d, nil
}

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

	n, err := io.ReadFull(p.r, head[:])

	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return frame{}, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return frame{}, p.truncated()
	case err != nil:
		return frame{}, fmt.Errorf("read recording: %w", err)
	}

	length := binary.LittleEndian.Uint32(head[4:])
	if length > maxFrame {
		return frame{}, p.damaged()
	}

	if int(length) > cap(p.buf) {
		p.buf = make([]byte, length)
	}

	p.buf = p.buf[:length]
	if err := p.fill(p.buf); err != nil {
		return frame{}, err
	}

	if p.checked {
		var sum [sizeofChecksum]byte
		if err := p.fill(sum[:]); err != nil {
			return frame{}, err
		}

		if binary.LittleEndian.Uint32(sum[:]) != checksum(head[:], p.buf) {
			return frame{}, p.damaged()
		}

		p.offset += sizeofChecksum
	}

	p.offset += sizeofFrame + int64(length)

	return frame{
		kind:    frameKind(binary.LittleEndian.Uint32(head[:])),
		at:      time.Unix(0, int64(binary.LittleEndian.Uint64(head[8:]))),
		payload: p.buf,
	}, nil
}

// fill reads the next bytes of a frame.
func (p *Replay) fill(b []byte) error {
	switch _, err := io.ReadFull(p.r, b); {
	case ended(err):
		return p.truncated()
	case err != nil:
		return fmt.Errorf("read recording: %w", err)
	}

	return nil
}

// ended reports whether err means the end of the file, and not a failure to read it.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func (p *Replay) damaged() error {
	return fmt.Errorf("%w: damaged at byte %d", ErrRecording, p.offset)
}

func (p *Replay) unexpected(f frame) error {
	return fmt.Errorf("%w: unexpected frame %d at byte %d", ErrRecording, f.kind, p.offset)
}

func (p *Replay) truncated() error {
	return fmt.Errorf("%w: truncated after byte %d", ErrRecording, p.offset)
}
