package sampler

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// oneRequest is a request for a single socket, parsed like the kernel does.
type oneRequest struct {
	seq    uint32
	ext    uint8
	target Target
}

// parseRequests parses the requests of [Conn.Recheck], by the layout of struct
// inet_diag_req_v2.
func parseRequests(messages []byte) []oneRequest {
	var all []oneRequest
	for len(messages) > 0 {
		h, b, rest, err := nextMessage(messages)
		if err != nil || h.kind != typeSockDiag || h.flags != flagRequest || len(b) != sizeofReqV2 || b[1] != protocolTCP {
			panic(fmt.Sprintf("no request: %+v %x, %v", h, b, err))
		}
		messages = rest
		t := Target{Family: Family(b[0]), Ifindex: binary.NativeEndian.Uint32(b[44:])}
		decodeEndpoint(&t.Local, t.Family, b[12:28], b[8:10])
		decodeEndpoint(&t.Remote, t.Family, b[28:44], b[10:12])
		t.Cookie = uint64(binary.NativeEndian.Uint32(b[48:])) | uint64(binary.NativeEndian.Uint32(b[52:]))<<32
		all = append(all, oneRequest{h.seq, b[2], t})
	}
	return all
}

// TestAppendGetOne checks the bytes of a request for each family.
func TestAppendGetOne(t *testing.T) {
	if hostByteOrder() != "little" {
		t.Skip("the bytes are those of a little-endian host")
	}
	head := []byte{72, 0, 0, 0, 20, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0}
	tail := []byte{9, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1}
	mapped := func(last byte) [16]byte { return [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: last} }
	target := Target{
		Cookie: 0x0102030405060708, Ifindex: 9,
		Local: Endpoint{mapped(1), 0x1234}, Remote: Endpoint{mapped(2), 443},
	}
	ports := []byte{0x12, 0x34, 1, 187}
	for family, addresses := range map[Family][]byte{
		FamilyIPv4: slices.Concat([]byte{10, 0, 0, 1}, make([]byte, 12), []byte{10, 0, 0, 2}, make([]byte, 12)),
		FamilyIPv6: slices.Concat(target.Local.Addr[:], target.Remote.Addr[:]),
	} {
		target.Family = family
		want := slices.Concat([]byte("kept"), head, []byte{byte(family), 6, 0x4a, 0, 0, 0, 0, 0}, ports, addresses, tail)
		if got := appendGetOne([]byte("kept"), 7, 0x4a, &target); !bytes.Equal(got, want) {
			t.Errorf("family %d\ngot  %x\nwant %x", family, got, want)
		}
	}
}

// targetOf returns the target of the [diagRow] with the cookie.
func targetOf(cookie uint64) Target {
	s := decodeRow(diagRow(FamilyIPv4, StateEstablished, cookie))
	return s.Target()
}

func decodeRow(row []byte) (s Socket) {
	if err := decodeSocket(&s, row, false); err != nil {
		panic(err)
	}
	return s
}

// targetsOf returns the targets with the cookies from 1 to n.
func targetsOf(n int) []Target {
	targets := make([]Target, n)
	for i := range targets {
		targets[i] = targetOf(uint64(i + 1))
	}
	return targets
}

// faithful answers each request by a datagram with the requested socket.
func faithful(requests []oneRequest) (a answer) {
	for _, r := range requests {
		a.datagrams = append(a.datagrams, rowMessage(r.seq, r.target.Cookie))
	}
	return a
}

// refusal answers one request with an errno.
func refusal(seq uint32, errno syscall.Errno) []byte {
	return netlinkMessage(nlmsgError, 0, seq, words(uint32(-int32(errno))))
}

// dialFake opens a connection to a fake kernel that answers requests for single sockets.
func dialFake(t testing.TB, cfg Config, answerTo func([]oneRequest) answer) (*Conn, *fakeWire) {
	t.Helper()
	w := probeThen(func(*request, int) answer { return rowsOf() })
	w.answerTo = answerTo
	c, err := newConn(w, cfg, "6.1", tickingClock())
	must(t, err)
	return c, w
}

// seen records the calls of a sink.
type seen struct {
	cookies []uint64
	times   []int64 // Unix time
}

func (s *seen) sink(at time.Time, sockets []Socket) {
	for i := range sockets {
		s.cookies = append(s.cookies, sockets[i].Cookie)
		s.times = append(s.times, at.Unix())
	}
}

func TestRecheck(t *testing.T) {
	tap := &tapLog{}
	var extensions []uint8
	c, w := dialFake(t, Config{Tap: tap, CongestionInfo: true, Timeout: 3 * time.Second}, func(requests []oneRequest) answer {
		extensions = append(extensions, requests[0].ext)
		return faithful(requests)
	})
	c.SetFilter(Filter{Keep: func(*Socket) bool { return false }}) // applies to dumps only
	w.deadlines = nil
	start := c.now().Unix() + 1
	var got seen
	r, err := c.Recheck(targetsOf(70), got.sink)
	must(t, err)
	if want := (Round{Start: time.Unix(start, 0), End: time.Unix(start+4, 0), Sockets: 70}); r != want {
		t.Errorf("round %+v, want %+v", r, want)
	}
	for i, cookie := range got.cookies {
		if cookie != uint64(i+1) || got.times[i] != start+1+int64(i/recheckBatch) {
			t.Errorf("socket %d has the cookie %d at %d", i, cookie, got.times[i])
		}
	}
	if !slices.Equal(w.asked, []int{32, 32, 6}) || !slices.Equal(extensions, []uint8{0x4e, 0x4e, 0x4e}) {
		t.Errorf("requested %v sockets, with extensions %x", w.asked, extensions)
	}
	if want := []time.Time{time.Unix(start+3, 0)}; !slices.Equal(w.deadlines, want) {
		t.Errorf("deadlines %v, want %v", w.deadlines, want)
	}
	if len(tap.calls) != 72 || tap.calls[0] != fmt.Sprintf("rechecking at %d", start) ||
		tap.calls[1] != fmt.Sprintf("datagram at %d of 88", start+1) ||
		tap.calls[71] != fmt.Sprintf("recheck 70 sockets, %d to %d", start, start+4) {
		t.Errorf("the tap got %q", tap.calls)
	}
}

// TestReadIsNoSample reads sockets for a question: this is not recorded.
func TestReadIsNoSample(t *testing.T) {
	tap := &tapLog{}
	c, _ := dialFake(t, Config{Tap: tap}, faithful)
	var got seen
	must(t, c.Read(targetsOf(2), got.sink))
	if !slices.Equal(got.cookies, []uint64{1, 2}) || len(tap.calls) != 0 {
		t.Errorf("cookies %v, the tap got %q", got.cookies, tap.calls)
	}
}

func TestRecheckNothing(t *testing.T) {
	c, w := dialFake(t, Config{}, nil)
	r, err := c.Recheck(nil, nil)
	if err != nil || r.Sockets != 0 || w.asked != nil {
		t.Errorf("%+v, %v, asked %v", r, err, w.asked)
	}
}

// TestRecheckAnswers passes on the targets and nothing else.
func TestRecheckAnswers(t *testing.T) {
	row := func(r oneRequest, change func(row []byte)) []byte {
		b := diagRow(FamilyIPv4, StateEstablished, r.target.Cookie)
		change(b)
		return netlinkMessage(typeSockDiag, 0, r.seq, b)
	}
	for name, test := range map[string]struct {
		answer func(first, second oneRequest) answer
		want   []uint64
		err    error
	}{
		"both": {
			func(a, b oneRequest) answer { return faithful([]oneRequest{a, b}) },
			[]uint64{1, 2},
			nil,
		},
		"the other way round, in one datagram": {
			func(a, b oneRequest) answer { return whole(rowMessage(b.seq, 2), rowMessage(a.seq, 1)) },
			[]uint64{2, 1},
			nil,
		},
		"gone": {
			func(a, b oneRequest) answer { return whole(refusal(a.seq, syscall.ENOENT), rowMessage(b.seq, 2)) },
			[]uint64{2},
			nil,
		},
		"acknowledged without a socket": {
			func(a, b oneRequest) answer { return whole(refusal(a.seq, 0), rowMessage(b.seq, 2)) },
			[]uint64{2},
			nil,
		},
		"twice": {
			func(a, b oneRequest) answer {
				return whole(rowMessage(a.seq, 1), rowMessage(a.seq, 1), refusal(a.seq, syscall.EPERM), rowMessage(b.seq, 2))
			},
			[]uint64{1, 2},
			nil,
		},
		"foreign sequence numbers": {
			func(a, b oneRequest) answer {
				return whole(rowMessage(a.seq-1, 1), rowMessage(b.seq+1, 2), refusal(a.seq-1, syscall.EPERM), doneMessage(b.seq+1, 0),
					netlinkMessage(nlmsgNoop, 0, a.seq, nil), rowMessage(a.seq, 1), rowMessage(b.seq, 2))
			},
			[]uint64{1, 2},
			nil,
		},
		"the other's cookie": {
			func(a, b oneRequest) answer { return whole(rowMessage(a.seq, 2), rowMessage(b.seq, 2)) },
			[]uint64{2},
			nil,
		},
		"a listener": {
			func(a, b oneRequest) answer {
				return whole(row(a, func(r []byte) { r[1] = byte(StateListen) }), rowMessage(b.seq, 2))
			},
			[]uint64{2},
			nil,
		},
		"another local port":    {func(a, b oneRequest) answer { return whole(row(a, func(r []byte) { r[4] = 1 }), rowMessage(b.seq, 2)) }, []uint64{2}, nil},
		"another remote port":   {func(a, b oneRequest) answer { return whole(row(a, func(r []byte) { r[6] = 1 }), rowMessage(b.seq, 2)) }, []uint64{2}, nil},
		"another local address": {func(a, b oneRequest) answer { return whole(row(a, func(r []byte) { r[8] = 1 }), rowMessage(b.seq, 2)) }, []uint64{2}, nil},
		"another remote address": {
			func(a, b oneRequest) answer { return whole(row(a, func(r []byte) { r[24] = 1 }), rowMessage(b.seq, 2)) },
			[]uint64{2},
			nil,
		},
		"another state": {
			func(a, b oneRequest) answer {
				return whole(row(a, func(r []byte) { r[1] = byte(StateTimeWait) }), rowMessage(b.seq, 2))
			},
			[]uint64{1, 2},
			nil,
		},
		"forbidden": {
			func(a, b oneRequest) answer { return whole(rowMessage(a.seq, 1), refusal(b.seq, syscall.EPERM)) },
			[]uint64{1},
			syscall.EPERM,
		},
		"malformed row": {
			func(a, b oneRequest) answer {
				return whole(rowMessage(a.seq, 1), netlinkMessage(typeSockDiag, 0, b.seq, make([]byte, 9)))
			},
			[]uint64{1},
			ErrMalformed,
		},
		"malformed message": {func(a, _ oneRequest) answer { return whole(rowMessage(a.seq, 1), []byte{1, 2, 3}) }, []uint64{1}, ErrMalformed},
		"malformed errno":   {func(a, _ oneRequest) answer { return whole(netlinkMessage(nlmsgError, 0, a.seq, nil)) }, nil, ErrMalformed},
		"overrun":           {func(a, _ oneRequest) answer { return whole(netlinkMessage(nlmsgOverrun, 0, a.seq, nil)) }, nil, ErrOverrun},
		"an answer is missing": {func(a, _ oneRequest) answer {
			return answer{[][]byte{rowMessage(a.seq, 1)}, os.ErrDeadlineExceeded, nil}
		}, []uint64{1}, os.ErrDeadlineExceeded},
		"send": {func(oneRequest, oneRequest) answer { return answer{sendErr: syscall.ENOBUFS} }, nil, syscall.ENOBUFS},
	} {
		t.Run(name, func(t *testing.T) {
			tap := &tapLog{}
			c, _ := dialFake(t, Config{Tap: tap}, func(r []oneRequest) answer { return test.answer(r[0], r[1]) })
			var got seen
			r, err := c.Recheck(targetsOf(2), got.sink)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Fatalf("error is %v, want %v", err, test.err)
			}
			if !slices.Equal(got.cookies, test.want) || r.Sockets != len(test.want) {
				t.Errorf("cookies %v of %+v, want %v", got.cookies, r, test.want)
			}
			last := fmt.Sprintf("recheck %d sockets, %d to %d", r.Sockets, r.Start.Unix(), r.End.Unix())
			if err != nil {
				last = fmt.Sprintf("failed at %d: %s", r.End.Unix(), ReasonOf(test.err))
				if !strings.HasPrefix(err.Error(), "read sockets: ") {
					t.Errorf("the error is %q", err)
				}
			}
			if n := len(tap.calls); n != len(test.want)+2 || tap.calls[n-1] != last {
				t.Errorf("the tap got %q, want %q at the end", tap.calls, last)
			}
		})
	}
}

func TestRecheckDeadlineFails(t *testing.T) {
	c, w := dialFake(t, Config{}, faithful)
	w.deadlineErr = os.ErrClosed
	if _, err := c.Recheck(targetsOf(1), nil); !errors.Is(err, os.ErrClosed) || w.asked != nil {
		t.Errorf("error is %v, asked %v", err, w.asked)
	}
}

// TestRecheckAllocations checks that rechecking allocates nothing per target.
func TestRecheckAllocations(t *testing.T) {
	var messages [][]byte
	for i := range recheckBatch {
		messages = append(messages, rowMessage(0, uint64(i+1)))
	}
	c := &Conn{wire: &echo{messages: messages}, now: func() time.Time { return time.Time{} }}
	targets, sockets := targetsOf(recheckBatch), 0
	sink := func(_ time.Time, batch []Socket) { sockets += len(batch) }
	n := testing.AllocsPerRun(50, func() {
		if _, err := c.Recheck(targets, sink); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 || sockets != 51*recheckBatch {
		t.Errorf("%v allocations for %d targets, %d sockets", n, len(targets), sockets)
	}
}

// echo is a wire that allocates nothing: it answers with prepared messages.
type echo struct {
	messages [][]byte
	seq      uint32
	next     int
}

func (e *echo) deadline(time.Time) error    { return nil }
func (e *echo) send(uint32, *request) error { return nil }
func (e *echo) Close() error                { return nil }
func (e *echo) ask(messages []byte) error {
	e.seq, e.next = binary.NativeEndian.Uint32(messages[8:]), 0
	return nil
}

func (e *echo) receive() ([]byte, error) {
	m := e.messages[e.next]
	binary.NativeEndian.PutUint32(m[8:], e.seq+uint32(e.next))
	e.next++
	return m, nil
}
