package sampler

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// A recording is the line recordingMagic followed by frames. A frame is a
// little-endian header {kind u32, length u32, time i64}, length bytes, and the
// CRC-32C of both as u32. The time is in nanoseconds since 1970. The first frame
// is the metadata. Version 1 has no checksums.
const (
	recordingMagic  = "tcphealth_exporter recording 2\n"
	recordingMagic1 = "tcphealth_exporter recording 1\n"
	sizeofFrame     = 16
	sizeofChecksum  = 4
	maxFrame        = 1 << 20
)

var castagnoliTable = crc32.MakeTable(crc32.Castagnoli)

// checksum returns the checksum of a frame.
func checksum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoliTable), castagnoliTable, payload)
}

type frameKind uint32

const (
	frameMeta       frameKind = 1 // payload: Meta as JSON
	frameDatagram   frameKind = 2 // payload: the datagram as received
	frameDumped     frameKind = 3 // payload: start of the dump, i64 as in the header
	frameFailed     frameKind = 4 // payload: the reason
	frameRechecking frameKind = 5 // starts a round of rechecking; no payload
	frameRechecked  frameKind = 6 // ends it; no payload
)

// Meta describes the host and the settings of a recording.
type Meta struct {
	// Kernel is the release (uname -r).
	Kernel string `json:"kernel"`
	// ByteOrder is "little" or "big".
	ByteOrder string `json:"byte_order"`
	// Interval is the time between ticks.
	Interval time.Duration `json:"interval_ns"`
}

// Recorder writes what a [Conn] receives. It implements [Tap]. The first error ends the
// recording, not the sampling.
type Recorder struct {
	w     *bufio.Writer
	err   error
	dumps int
	// base is the time of the first frame. The others follow it by the monotonic clock,
	// which ignores adjustments of the wall clock.
	base time.Time
}

// NewRecorder starts a recording to w.
func NewRecorder(w io.Writer, kernel string, interval time.Duration, now time.Time) (*Recorder, error) {
	r := &Recorder{w: bufio.NewWriterSize(w, 1<<18), base: now}

	meta, err := json.Marshal(Meta{Kernel: kernel, ByteOrder: hostByteOrder(), Interval: interval})
	if err != nil {
		return nil, fmt.Errorf("start recording: %w", err)
	}

	_, r.err = r.w.WriteString(recordingMagic)
	r.frame(frameMeta, now, meta)
	r.flush()

	return r, r.err
}

// Datagram implements [Tap].
func (r *Recorder) Datagram(at time.Time, b []byte) { r.frame(frameDatagram, at, b) }

// Dumped implements [Tap]. It flushes, so that no complete dump is lost if the process is
// killed.
func (r *Recorder) Dumped(d Dump) {
	r.frame(frameDumped, d.End, binary.LittleEndian.AppendUint64(nil, uint64(r.nanos(d.Start))))
	r.flush()
	r.dumps++
}

// Rechecking implements [Tap].
func (r *Recorder) Rechecking(at time.Time) { r.frame(frameRechecking, at, nil) }

// Rechecked implements [Tap]. It flushes like Dumped.
func (r *Recorder) Rechecked(round Round) {
	r.frame(frameRechecked, round.End, nil)
	r.flush()
}

// Dumps returns the number of complete dumps in the recording.
func (r *Recorder) Dumps() int { return r.dumps }

// Failed implements [Tap].
func (r *Recorder) Failed(at time.Time, reason Reason) {
	r.frame(frameFailed, at, []byte(reason))
	r.flush()
}

// Err returns the error that ended the recording, nil for none.
func (r *Recorder) Err() error { return r.err }

func (r *Recorder) nanos(at time.Time) int64 { return r.base.UnixNano() + int64(at.Sub(r.base)) }

func (r *Recorder) frame(kind frameKind, at time.Time, payload []byte) {
	if r.err != nil {
		return
	}

	var head [sizeofFrame]byte

	binary.LittleEndian.PutUint32(head[:], uint32(kind))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(head[8:], uint64(r.nanos(at)))

	sum := binary.LittleEndian.AppendUint32(nil, checksum(head[:], payload))

	_, headErr := r.w.Write(head[:])
	_, payloadErr := r.w.Write(payload)
	_, sumErr := r.w.Write(sum)
	r.fail(errors.Join(headErr, payloadErr, sumErr))
}

func (r *Recorder) flush() {
	if r.err == nil {
		r.fail(r.w.Flush())
	}
}

func (r *Recorder) fail(err error) {
	if err != nil {
		r.err = fmt.Errorf("write recording: %w", err)
	}
}

func hostByteOrder() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return "little"
	}

	return "big"
}
