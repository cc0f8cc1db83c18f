package sampler

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"
)

// FuzzDecodeDatagram decodes any bytes. It must not panic, and the sockets must not
// depend on earlier ones or on how messages are batched.
func FuzzDecodeDatagram(f *testing.F) {
	seen := map[State]bool{}
	for _, d := range sceneDatagrams(f) {
		for len(d) > 0 { // one message of each state; short seeds make a fast fuzzer
			_, payload, rest, err := nextMessage(d)
			must(f, err)
			message := d[:len(d)-len(rest)]
			if d = rest; len(payload) < sizeofDiagMsg || seen[State(payload[1])] {
				continue
			}
			seen[State(payload[1])] = true
			f.Add(message, false)
			f.Add(message[:len(message)-1], false)
			for _, length := range []int{0, 7, 103, 232} {
				f.Add(slices.Concat(withInfoLength(f, message, length), message), true)
			}
		}
	}
	f.Add(slices.Concat(rowMessage(1, 1), doneMessage(1, 5), rowMessage(1, 2)), false)
	f.Fuzz(func(t *testing.T, datagram []byte, packed bool) {
		input := bytes.Clone(datagram)
		b := batch{packedAccECN: packed}
		out, err := b.decode(datagram, 0, true)
		if !bytes.Equal(input, datagram) {
			t.Fatal("the datagram was changed")
		}
		if len(b.sockets) > len(datagram)/(sizeofHeader+sizeofDiagMsg) {
			t.Fatalf("%d sockets in %d bytes", len(b.sockets), len(datagram))
		}
		for i := range b.sockets {
			requireSane(t, &b.sockets[i])
		}
		requireSameDirty(t, datagram, packed, b.sockets)
		requireSameSplit(t, datagram, packed, b.sockets, out, err)
	})
}

// requireSane checks the invariants of a decoded socket, and calls its methods.
func requireSane(t *testing.T, s *Socket) {
	t.Helper()
	if s.Family != FamilyIPv4 && s.Family != FamilyIPv6 {
		t.Fatalf("family %d", s.Family)
	}
	if s.Family == FamilyIPv4 && (!s.Local.AddrPort().Addr().Is4() || !s.Remote.AddrPort().Addr().Is4()) {
		t.Fatalf("addresses %v %v of IPv4", s.Local.AddrPort(), s.Remote.AddrPort())
	}
	if s.Info.Len() > MaxInfoSize || (s.Info.Len() > 0 && !s.Has(HasInfo)) {
		t.Fatalf("tcp_info of %d bytes, attributes %b", s.Info.Len(), s.Attrs)
	}
	for field := range NumFields {
		if v, ok := s.Info.Get(field); ok && v > allOnes(field, s.Info.size&packedAccECNBit != 0) {
			t.Fatalf("%v is %d", field, v)
		}
	}
	_, _, _, _ = s.CongestionName(), s.LinkLocal(), s.State.String(), s.Timer.String()
}

// requireSameDirty decodes into used sockets.
func requireSameDirty(t *testing.T, datagram []byte, packed bool, want []Socket) {
	t.Helper()
	dirty := batch{packedAccECN: packed, sockets: make([]Socket, len(want)+1)}
	for i := range dirty.sockets {
		dirty.sockets[i] = dirtySocket(t)
	}
	_, _ = dirty.decode(datagram, 0, true)
	if !slices.Equal(dirty.sockets, want) {
		t.Fatalf("into used sockets\n%+v\nwant\n%+v", dirty.sockets, want)
	}
}

// requireSameSplit decodes message by message.
func requireSameSplit(t *testing.T, datagram []byte, packed bool, want []Socket, wantOut outcome, wantErr error) {
	t.Helper()
	var (
		got []Socket
		all outcome
		b   = batch{packedAccECN: packed}
	)
	for rest := datagram; len(rest) > 0; {
		_, _, next, headErr := nextMessage(rest)
		if headErr != nil {
			next = nil
		}
		out, err := b.decode(rest[:len(rest)-len(next)], 0, true)
		got = append(got, b.sockets...)
		all.done, all.interrupted = all.done || out.done, all.interrupted || out.interrupted
		if err != nil {
			if wantErr == nil || err.Error() != wantErr.Error() {
				t.Fatalf("split, the error is %v, want %v", err, wantErr)
			}
			wantErr = nil
			break
		}
		rest = next
	}
	if wantErr != nil || all != wantOut || !slices.Equal(got, want) {
		t.Fatalf("split, there are %d sockets, %+v; want %d, %+v, %v", len(got), all, len(want), wantOut, wantErr)
	}
}

// FuzzReplay replays any bytes. It must not panic, nor allocate more memory than a frame
// needs.
func FuzzReplay(f *testing.F) {
	for _, recording := range []func(testing.TB) ([]byte, []int){smallRecording, roundsRecording} {
		file, ends := recording(f)
		f.Add(file)
		for _, end := range ends {
			f.Add(file[:end])
			f.Add(file[:end-1])
		}
	}
	scene := readScene(f, "testdata/6.18").recording
	f.Add(scene[:4096])
	f.Add(newRecording(metaOf("7.0")).frame(frameFailed, time.Unix(0, 0), []byte("?")).Bytes())
	f.Add(newRecording(`{"byte_order":"middle"}`).Bytes())
	f.Add(append(newRecording(metaOf("6.1")).Bytes(), 2, 0, 0, 0, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := playAll(t, file)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrRecording) {
			t.Fatalf("playing ends with %v", err)
		}
		// Buffers, one frame of up to 1 MiB, and a few copies of each socket in the file.
		limit := uint64(4<<20 + 64*len(file))
		if took := after.TotalAlloc - before.TotalAlloc; took > limit {
			t.Fatalf("%d bytes needed %d bytes of memory", len(file), took)
		}
	})
}

// playAll replays a file up to its end or an error.
func playAll(t *testing.T, file []byte) error {
	p, err := NewReplay(bytes.NewReader(file))
	if err != nil {
		return err
	}
	c := &skeptic{t: t}
	for range len(file) {
		err := p.Next(c, doubter{c})
		if err != nil && !errors.As(err, new(RecordedFailure)) {
			return err
		}
		c.sockets = 0 // a failed dump is incomplete
		if !slices.Contains(Reasons(), ReasonOf(err)) {
			t.Fatalf("the reason %q", ReasonOf(err))
		}
	}
	t.Fatal("playing does not end")
	return nil
}

// skeptic is a Consumer that checks the sockets it gets.
type skeptic struct {
	t       *testing.T
	sockets int // since the start or end of the last dump or round
}

func (s *skeptic) Sockets(_ time.Time, sockets []Socket) {
	s.sockets += len(sockets)
	for i := range sockets {
		requireSane(s.t, &sockets[i])
	}
}

func (s *skeptic) Begin(Space)                              { s.sockets = 0 }
func (s *skeptic) End(d Dump)                               { s.require(d.Sockets) }
func (s *skeptic) Abort()                                   { s.sockets = 0 }
func (s *skeptic) Suspicious() []Target                     { return nil }
func (s *skeptic) Rechecked(at time.Time, sockets []Socket) { s.Sockets(at, sockets) }
func (s *skeptic) Settle(time.Time)                         {}
func (s *skeptic) Known() []Target                          { return nil }
func (s *skeptic) Gone(Space, time.Time)                    {}
func (s *skeptic) Publish(time.Time)                        {}

func (s *skeptic) require(sockets int) {
	s.t.Helper()
	if s.sockets != sockets {
		s.t.Fatalf("%d sockets, but %d were reported", s.sockets, sockets)
	}
	s.sockets = 0
}

// doubter is the Observer of a skeptic.
type doubter struct{ *skeptic }

func (d doubter) Ticked(Dump, time.Duration)       {}
func (d doubter) Rechecked(n int, _ time.Duration) { d.require(n) }
func (d doubter) Missed(int)                       { d.t.Fatal("a replay misses no ticks") }
func (d doubter) Delayed(time.Duration)            { d.t.Fatal("a replay is never late") }
func (d doubter) Paced(time.Duration)              { d.t.Fatal("a replay has no interval") }
func (d doubter) Failed(error, time.Duration)      {}
