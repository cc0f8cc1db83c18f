package sampler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// smallRecording has a dump of two datagrams, one that failed halfway, and one without
// sockets. It also returns the position where each dump ends.
func smallRecording(t testing.TB) (recording []byte, ends []int) {
	t.Helper()
	var buf bytes.Buffer
	now := time.Unix(1_700_000_000, 123)
	at := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
	r, err := NewRecorder(&buf, "6.1.0-test", 2*time.Second, now)
	must(t, err)
	ends = append(ends, buf.Len())
	r.Datagram(at(2), slices.Concat(rowMessage(1, 1), rowMessage(1, 2)))
	r.Datagram(at(3), slices.Concat(rowMessage(1, 3), doneMessage(1, 0)))
	r.Dumped(Dump{Start: at(1), End: at(4), Sockets: 3, Datagrams: 2})
	ends = append(ends, buf.Len())
	r.Datagram(at(2002), rowMessage(2, 1))
	r.Failed(at(2003), ReasonOverrun)
	ends = append(ends, buf.Len())
	r.Datagram(at(4002), doneMessage(3, 0))
	r.Dumped(Dump{Start: at(4001), End: at(4003), Datagrams: 1})
	ends = append(ends, buf.Len())
	must(t, r.Err())
	return buf.Bytes(), ends
}

func TestReplay(t *testing.T) {
	recording, _ := smallRecording(t)
	p, err := NewReplay(iotest.OneByteReader(bytes.NewReader(recording)))
	must(t, err)
	if want := (Meta{Kernel: "6.1.0-test", ByteOrder: hostByteOrder(), Interval: 2 * time.Second}); p.Meta() != want {
		t.Errorf("metadata %+v, want %+v", p.Meta(), want)
	}
	begin := time.Unix(1_700_000_000, 123)
	d, cookies, times, err := collect(p)
	must(t, err)
	if !slices.Equal(cookies, []uint64{1, 2, 3}) || d.Sockets != 3 || d.Datagrams != 2 || d.Bytes != 3*88+20 {
		t.Errorf("first dump %+v has %v", d, cookies)
	}
	if d.Start.Sub(begin) != time.Millisecond || d.End.Sub(begin) != 4*time.Millisecond ||
		times[1].Sub(begin) != 2*time.Millisecond || times[2].Sub(begin) != 3*time.Millisecond {
		t.Errorf("times are %v and %+v", times, d)
	}
	d, cookies, _, err = collect(p)
	if ReasonOf(err) != ReasonOverrun || errors.Is(err, io.EOF) || errors.Is(err, ErrRecording) || !slices.Equal(cookies, []uint64{1}) {
		t.Errorf("recorded failure: %+v, %v, %v", d, cookies, err)
	}
	if err == nil || err.Error() != "recorded failure: overrun" {
		t.Errorf("the recorded failure is %q", err)
	}
	d, cookies, _, err = collect(p)
	if err != nil || len(cookies) != 0 || d.Datagrams != 1 || d.End.Sub(d.Start) != 2*time.Millisecond {
		t.Errorf("empty dump %+v, %v, %v", d, cookies, err)
	}
	for range 2 {
		if _, _, _, err = collect(p); !errors.Is(err, io.EOF) || errors.Is(err, ErrRecording) {
			t.Errorf("after the last dump: %v", err)
		}
	}
}

// TestReplayTruncated truncates a recording at every byte: Dump returns io.EOF between
// dumps, and an error that matches ErrRecording everywhere else.
func TestReplayTruncated(t *testing.T) {
	recording, ends := smallRecording(t)
	for length := range len(recording) + 1 {
		p, err := NewReplay(bytes.NewReader(recording[:length]))
		if length < ends[0] {
			if !errors.Is(err, ErrRecording) || errors.Is(err, io.EOF) || p != nil {
				t.Errorf("%d bytes: %v", length, err)
			}
			continue
		}
		must(t, err)
		whole := 0
		for ; whole < len(ends); whole++ {
			if _, err = p.Dump(func(time.Time, []Socket) {}); err != nil && ReasonOf(err) != ReasonOverrun {
				break
			}
		}
		// A dump is complete if the file extends to its end.
		want := -1
		for _, end := range ends {
			want += int(one(length >= end))
		}
		if whole != want {
			t.Errorf("%d bytes: %d dumps, want %d", length, whole, want)
		}
		if atEnd := slices.Contains(ends, length); errors.Is(err, io.EOF) != atEnd || errors.Is(err, ErrRecording) == atEnd {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

func TestReplayDamaged(t *testing.T) {
	good := metaOf("6.1")
	at := time.Unix(5, 0)
	other := "big"
	if hostByteOrder() == "big" {
		other = "little"
	}
	hugeFrame := newRecording(good)
	hugeFrame.Write([]byte{2, 0, 0, 0, 1, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	for name, test := range map[string]struct {
		file  []byte
		text  string
		inner bool // detected by Dump, not by NewReplay
	}{
		"empty":         {nil, "not a recording", false},
		"other file":    {[]byte(strings.Repeat("just text\n", 10)), "not a recording", false},
		"binary":        {bytes.Repeat([]byte{0}, 100), "not a recording", false},
		"other version": {[]byte("tcphealth_exporter recording 3\nand what follows"), "another version", false},
		"version 10":    {[]byte("tcphealth_exporter recording 10\nand what follows"), "another version", false},
		"head only":     {[]byte(recordingMagic), "truncated", false},
		"no metadata": {
			(&recordingBuilder{}).raw(recordingMagic).frame(frameDatagram, at, nil).Bytes(), "no metadata", false,
		},
		"garbled metadata": {newRecording("{").Bytes(), "no metadata", false},
		"other byte order": {newRecording(`{"byte_order":"` + other + `"}`).Bytes(), "byte order", false},
		"no byte order":    {newRecording(`{}`).Bytes(), "byte order", false},
		"no interval": {
			newRecording(`{"byte_order":"` + hostByteOrder() + `"}`).Bytes(), "interval 0s", false,
		},
		"datagram of a complete dump garbled": {
			newRecording(good).frame(frameDatagram, at, []byte("no netlink")).frame(frameDumped, at, make([]byte, 8)).Bytes(),
			"damaged at byte", true,
		},
		"frame too long":  {hugeFrame.Bytes(), "damaged at byte", true},
		"unknown frame":   {newRecording(good).frame(9, at, nil).Bytes(), "unexpected frame 9", true},
		"second metadata": {newRecording(good).frame(frameMeta, at, []byte(good)).Bytes(), "unexpected frame 1", true},
		"start cut short": {newRecording(good).frame(frameDumped, at, make([]byte, 7)).Bytes(), "damaged at byte", true},
		"end of a dump missing": {
			newRecording(good).frame(frameDatagram, at, rowMessage(1, 1)).Bytes(), "truncated after byte", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewReplay(bytes.NewReader(test.file))
			if test.inner {
				must(t, err)
				_, err = p.Dump(func(time.Time, []Socket) {})
			}
			if !errors.Is(err, ErrRecording) || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error is %v", err)
			}
			if ReasonOf(err) != ReasonOther {
				t.Errorf("the reason is %s", ReasonOf(err))
			}
		})
	}
}

func (r *recordingBuilder) raw(s string) *recordingBuilder {
	r.WriteString(s)
	return r
}

// TestReplayFlippedBits flips each bit of two recordings. Each flip is an error that says
// where the damaged frame starts, however the recording is replayed.
func TestReplayFlippedBits(t *testing.T) {
	for name, recording := range map[string]func(testing.TB) ([]byte, []int){"dumps": smallRecording, "rounds": roundsRecording} {
		t.Run(name, func(t *testing.T) {
			file, _ := recording(t)
			starts := frameStarts(file)
			for bit := range 8 * len(file) {
				damaged := bytes.Clone(file)
				damaged[bit/8] ^= 1 << (bit % 8)
				where := bit / 8 // in the first line
				for _, start := range starts {
					if start <= bit/8 {
						where = start
					}
				}
				want := fmt.Sprintf("damaged at byte %d: ", where)
				for what, next := range map[string]func(*Replay) error{
					"Dump": func(p *Replay) error { _, err := p.Dump(func(time.Time, []Socket) {}); return err },
					"Next": func(p *Replay) error { d := newDiary(); return p.Next(d, onlooker{d}) },
				} {
					p, err := NewReplay(bytes.NewReader(damaged))
					for err == nil || errors.As(err, new(RecordedFailure)) {
						err = next(p)
					}
					if !errors.Is(err, ErrRecording) || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), want) {
						t.Errorf("%s, bit %d of byte %d: %v, want %q", what, bit%8, bit/8, err, want)
					}
				}
			}
		})
	}
}

// frameStarts returns where each frame of an undamaged recording starts.
func frameStarts(recording []byte) (starts []int) {
	for at := len(recordingMagic); at < len(recording); {
		starts = append(starts, at)
		at += sizeofFrame + int(binary.LittleEndian.Uint32(recording[at+4:])) + sizeofChecksum
	}
	return starts
}

// TestReplayLocatesDamage says what is damaged, and at which byte its frame starts, if
// the checksums are right.
func TestReplayLocatesDamage(t *testing.T) {
	at := time.Unix(5, 0)
	begin := func() *recordingBuilder { return newRecording(metaOf("6.1")) }
	first := begin().Len()
	second := begin().frame(frameDatagram, at, rowMessage(1, 1)).Len()
	inRound := begin().frame(frameRechecking, at, nil).Len()
	long := begin()
	long.Write([]byte{2, 0, 0, 0, 1, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	for name, test := range map[string]struct {
		file *recordingBuilder
		want string
	}{
		"frame too long": {long, fmt.Sprintf("damaged at byte %d: frame has 1048577 bytes, at most 1048576 expected", first)},
		"unknown frame":  {begin().frame(9, at, nil), fmt.Sprintf("unexpected frame 9 at byte %d", first)},
		"datagram, the first of two": {
			begin().frame(frameDatagram, at, []byte{1, 2, 3}).frame(frameDatagram, at, []byte{4}).frame(frameDumped, at, make([]byte, 8)),
			fmt.Sprintf("damaged at byte %d: datagram: ", first),
		},
		"end of a dump": {
			begin().frame(frameDatagram, at, rowMessage(1, 1)).frame(frameDumped, at, make([]byte, 7)),
			fmt.Sprintf("damaged at byte %d: end of a dump has 7 bytes, expected 8", second),
		},
		"recheck within a dump": {
			begin().frame(frameDatagram, at, rowMessage(1, 1)).frame(frameRechecking, at, nil),
			fmt.Sprintf("damaged at byte %d: recheck within a dump", second),
		},
		"datagram of a recheck": {
			begin().frame(frameRechecking, at, nil).frame(frameDatagram, at, []byte{1, 2, 3}).frame(frameRechecked, at, nil),
			fmt.Sprintf("damaged at byte %d: datagram: ", inRound),
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewReplay(bytes.NewReader(test.file.Bytes()))
			must(t, err)
			if _, err = p.Dump(func(time.Time, []Socket) {}); !errors.Is(err, ErrRecording) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestReplayWithoutChecksums replays version 1 of the format.
func TestReplayWithoutChecksums(t *testing.T) {
	var file bytes.Buffer
	file.WriteString(recordingMagic1)
	for _, f := range []struct {
		kind    frameKind
		payload []byte
	}{{frameMeta, []byte(metaOf("6.1"))}, {frameDatagram, rowMessage(1, 7)}, {frameDumped, make([]byte, 8)}} {
		head := binary.LittleEndian.AppendUint32(nil, uint32(f.kind))
		head = binary.LittleEndian.AppendUint32(head, uint32(len(f.payload)))
		file.Write(binary.LittleEndian.AppendUint64(head, 5))
		file.Write(f.payload)
	}
	if sockets := replayFirst(t, file.Bytes()); len(sockets) != 1 || sockets[0].Cookie != 7 {
		t.Errorf("%+v", sockets)
	}
}

// TestReplayLargestFrame accepts a frame of exactly the limit.
func TestReplayLargestFrame(t *testing.T) {
	noop := netlinkMessage(nlmsgNoop, 0, 0, make([]byte, maxFrame-sizeofHeader))
	file := newRecording(metaOf("6.1")).frame(frameDatagram, time.Unix(1, 0), noop).frame(frameDumped, time.Unix(2, 0), make([]byte, 8))
	p, err := NewReplay(bytes.NewReader(file.Bytes()))
	must(t, err)
	if d, err := p.Dump(nil); err != nil || d.Bytes != maxFrame || !d.Start.Equal(time.Unix(0, 0)) {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestReplayUnreadable distinguishes a file that ends from one that cannot be read.
func TestReplayUnreadable(t *testing.T) {
	recording, ends := smallRecording(t)
	failure := errors.New("the disk is broken")
	for length := range len(recording) {
		r := io.MultiReader(bytes.NewReader(recording[:length]), iotest.ErrReader(failure))
		p, err := NewReplay(r)
		for err == nil || ReasonOf(err) == ReasonOverrun {
			_, err = p.Dump(func(time.Time, []Socket) {})
		}
		if !errors.Is(err, failure) || errors.Is(err, ErrRecording) || errors.Is(err, io.EOF) {
			t.Errorf("after %d bytes (dumps end at %v): %v", length, ends, err)
		}
	}
}

// TestReplayUnknownReason maps unknown reasons to ReasonOther.
func TestReplayUnknownReason(t *testing.T) {
	file := newRecording(metaOf("6.1")).frame(frameFailed, time.Unix(1, 0), []byte("anything"))
	p, err := NewReplay(bytes.NewReader(file.Bytes()))
	must(t, err)
	if _, err := p.Dump(nil); ReasonOf(err) != ReasonOther || err == nil || errors.Is(err, ErrRecording) {
		t.Errorf("the reason is %s of %v", ReasonOf(err), err)
	}
}

// TestReplayPacksAccECN uses the kernel release of the recording, not of the host.
func TestReplayPacksAccECN(t *testing.T) {
	if hostByteOrder() != "little" {
		t.Skip("the numbers are those of a little-endian host")
	}
	info := make([]byte, MaxInfoSize)
	info[offAccECN] = 9<<4 | 2<<2
	datagram := rowMessage(1, 1, attr(attrInfo, info))
	for kernel, want := range map[string]uint64{"7.0.3": 2, "6.18.1": 0} {
		file := newRecording(metaOf(kernel)).frame(frameDatagram, time.Unix(1, 0), datagram).frame(frameDumped, time.Unix(1, 0), make([]byte, 8))
		for _, s := range replayFirst(t, file.Bytes()) {
			if got, ok := s.Info.Get(FieldAccECNOptSeen); !ok || got != want {
				t.Errorf("Linux %s: %d, %v; want %d", kernel, got, ok, want)
			}
		}
	}
}

// replayFirst returns copies of the sockets of the first dump.
func replayFirst(t testing.TB, recording []byte) []Socket {
	t.Helper()
	p, err := NewReplay(bytes.NewReader(recording))
	must(t, err)
	var sockets []Socket
	_, err = p.Dump(func(_ time.Time, batch []Socket) { sockets = append(sockets, batch...) })
	must(t, err)
	return sockets
}

// fullDisk is a writer that fails after some bytes.
type fullDisk struct {
	room   int
	writes int
}

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(b []byte) (int, error) {
	d.writes++
	if len(b) > d.room {
		n := d.room
		d.room = 0
		return n, errFull
	}
	d.room -= len(b)
	return len(b), nil
}

// TestRecorderStops ends the recording at the first error and never writes again.
func TestRecorderStops(t *testing.T) {
	recording, ends := smallRecording(t)
	for room := range len(recording) {
		disk := &fullDisk{room: room}
		r, err := NewRecorder(disk, "6.1.0-test", time.Second, time.Unix(0, 0))
		if room < ends[0] {
			if !errors.Is(err, errFull) || !errors.Is(r.Err(), errFull) {
				t.Errorf("room for %d: %v", room, err)
			}
			continue
		}
		must(t, err)
		for i := range 4 {
			r.Datagram(time.Unix(1, 0), make([]byte, 300))
			r.Dumped(Dump{})
			r.Failed(time.Unix(1, 0), ReasonOther)
			if i == 2 {
				disk.room = 1 << 20 // there is space again, but the recording has a gap
			}
		}
		if !errors.Is(r.Err(), errFull) || r.Err().Error() != "write recording: no space left on device" {
			t.Errorf("room for %d: %v", room, r.Err())
		}
		before := disk.writes
		r.Datagram(time.Unix(1, 0), make([]byte, 1<<19))
		r.Dumped(Dump{})
		if disk.writes != before {
			t.Errorf("room for %d: it continued to write", room)
		}
	}
}

// TestRecorderFlushes writes each complete dump to the file immediately.
func TestRecorderFlushes(t *testing.T) {
	var buf bytes.Buffer
	r, err := NewRecorder(&buf, "6.1", time.Second, time.Unix(0, 0))
	must(t, err)
	for range 3 {
		r.Datagram(time.Unix(1, 0), rowMessage(1, 1))
		r.Dumped(Dump{Start: time.Unix(1, 0), End: time.Unix(1, 0)})
		before := buf.Len()
		if _, err := NewReplay(bytes.NewReader(buf.Bytes())); err != nil {
			t.Error(err)
		}
		r.Datagram(time.Unix(1, 0), rowMessage(1, 1))
		if buf.Len() != before {
			t.Error("a datagram is flushed")
		}
		r.Failed(time.Unix(1, 0), ReasonTimeout)
		if buf.Len() == before {
			t.Error("a failure is not flushed")
		}
	}
}

// TestRecorderLargeDatagram writes a datagram larger than the buffer to a full disk.
func TestRecorderLargeDatagram(t *testing.T) {
	r, err := NewRecorder(&fullDisk{room: 1000}, "6.1", time.Second, time.Unix(0, 0))
	must(t, err)
	r.Datagram(time.Unix(1, 0), make([]byte, 1<<19))
	if !errors.Is(r.Err(), errFull) {
		t.Errorf("error is %v", r.Err())
	}
}

// TestRecorderClock writes wall-clock times that follow the first one by the monotonic
// clock.
func TestRecorderClock(t *testing.T) {
	var buf bytes.Buffer
	now := time.Now() // with a monotonic reading
	r, err := NewRecorder(&buf, "6.1", time.Second, now)
	must(t, err)
	r.Dumped(Dump{Start: now.Add(time.Second), End: now.Add(1500 * time.Millisecond)})
	p, err := NewReplay(&buf)
	must(t, err)
	d, err := p.Dump(nil)
	must(t, err)
	if got := fmt.Sprint(d.Start.UnixNano()-now.UnixNano(), d.End.Sub(d.Start)); got != "1000000000 500ms" {
		t.Errorf("times are %s", got)
	}
}
