package sampler

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// withoutChecksums is a [Recorder] of version 1 of the format, as far as needed here.
type withoutChecksums struct{ w *bufio.Writer }

func (r withoutChecksums) Datagram(at time.Time, payload []byte) {
	var head [sizeofFrame]byte
	binary.LittleEndian.PutUint32(head[:], uint32(frameDatagram))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(head[8:], uint64(at.UnixNano()))
	_, headErr := r.w.Write(head[:])
	_, payloadErr := r.w.Write(payload)
	if err := errors.Join(headErr, payloadErr); err != nil {
		panic(err)
	}
}

func (r withoutChecksums) flush() {
	if err := r.w.Flush(); err != nil {
		panic(err)
	}
}

// BenchmarkRecord writes the datagrams of the scene without and with checksums, to
// nowhere and to a file.
func BenchmarkRecord(b *testing.B) {
	datagrams, at := sceneDatagrams(b), time.Unix(1, 0)
	size := 0
	for _, d := range datagrams {
		size += len(d)
	}
	file, err := os.Create(filepath.Join(b.TempDir(), "recording"))
	must(b, err)
	defer file.Close()
	for _, to := range []struct {
		name   string
		w      io.Writer
		rewind func()
	}{
		{"nowhere", io.Discard, func() {}},
		{"file", file, func() { _, err := file.Seek(0, io.SeekStart); must(b, err) }},
	} {
		v1 := withoutChecksums{bufio.NewWriterSize(to.w, 1<<18)}
		v2, err := NewRecorder(to.w, "6.18", time.Second, at)
		must(b, err)
		for _, r := range []struct {
			name     string
			datagram func(time.Time, []byte)
			flush    func()
		}{{"no", v1.Datagram, v1.flush}, {"yes", v2.Datagram, v2.flush}} {
			b.Run("to="+to.name+"/checksums="+r.name, func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					for _, d := range datagrams {
						r.datagram(at, d)
					}
					r.flush()
					to.rewind()
				}
			})
		}
		must(b, v2.Err())
	}
}

// BenchmarkReplay replays a hundred dumps like those of the scene, a recording of version
// 1, and the same with checksums.
func BenchmarkReplay(b *testing.B) {
	scene := readScene(b, "testdata/6.18").recording
	dumps := len(recordingMagic1) + sizeofFrame + int(binary.LittleEndian.Uint32(scene[len(recordingMagic1)+4:]))
	v1 := slices.Concat(scene[:dumps], bytes.Repeat(scene[dumps:], 100))
	for _, recording := range []struct {
		name string
		file []byte
	}{{"no", v1}, {"yes", addChecksums(b, v1)}} {
		b.Run("checksums="+recording.name, func(b *testing.B) {
			b.SetBytes(int64(len(v1)))
			for b.Loop() {
				p, err := NewReplay(bytes.NewReader(recording.file))
				for err == nil || errors.As(err, new(RecordedFailure)) {
					_, err = p.Dump(func(time.Time, []Socket) {})
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
		})
	}
}

// addChecksums returns a recording of version 1 in version 2.
func addChecksums(t testing.TB, recording []byte) []byte {
	t.Helper()
	p := &Replay{r: bufio.NewReader(bytes.NewReader(recording[len(recordingMagic1):]))}
	file := (&recordingBuilder{}).raw(recordingMagic)
	for {
		f, err := p.frame()
		if errors.Is(err, io.EOF) {
			return file.Bytes()
		}
		must(t, err)
		file.frame(f.kind, f.at, f.payload)
	}
}
