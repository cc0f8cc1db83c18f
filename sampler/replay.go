package sampler

import (
	"bufio"
	"cmp"
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
	// offset is where the frame read last starts, end where it ends.
	offset, end int64
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

	p.end, p.checked = int64(len(magic)), string(magic) == recordingMagic

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

	n := 0
	for n < len(magic) && magic[n] == recordingMagic[n] {
		n++
	}

	if n >= len(program) {
		return fmt.Sprintf("made by another version of this program, or damaged at byte %d: format version", n)
	}

	return fmt.Sprintf("the file is not a recording of this program, or damaged at byte %d: first line", n)
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

		return tick(0, p.Dump, c, o)
	}
}

// Dump replays the next dump like [Conn.Dump], and skips rounds of rechecking. A
// recorded failure is returned with the same reason, and the next call continues after
// it. io.EOF means that the recording is over; sink was not called.
func (p *Replay) Dump(sink Sink) (Dump, error) {
	var (
		d Dump
		// broken is the error of the first datagram that could not be decoded: a recorded
		// failure must follow.
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
			broken = cmp.Or(broken, p.datagram(f, &d, sink))
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

	if err != nil {
		return p.damaged("datagram: %v", err)
	}

	return nil
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
	switch {
	case broken != nil:
		return d, broken
	case len(f.payload) != 8:
		return d, p.damaged("end of a dump has %d bytes, expected 8", len(f.payload))
	}

	d.Start = time.Unix(0, int64(binary.LittleEndian.Uint64(f.payload)))
	d.End = f.at

	return d, nil
}
