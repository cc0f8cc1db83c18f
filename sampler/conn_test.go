package sampler

import (
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

// answer is the fake kernel's answer to one request.
type answer struct {
	datagrams [][]byte
	err       error // after the datagrams
	sendErr   error
}

// fakeWire answers requests by a function of the request and of the number of equal
// requests before it. In datagrams, the sequence number zero stands for that of the
// request.
type fakeWire struct {
	reply func(r *request, nth int) answer
	// answerTo answers requests for single sockets. The sequence number zero stands for
	// that of the first one.
	answerTo    func(requests []oneRequest) answer
	asked       []int // number of requests in each datagram
	requests    []string
	counts      map[string]int
	deadlines   []time.Time
	deadlineErr error
	closeErr    error
	closed      int
	seq         uint32
	queue       answer
	buf         []byte
}

func describe(r *request) string {
	kind := "v2"
	if r.legacy {
		kind = "legacy"
	}
	return fmt.Sprintf("%s/%d states=%#x ext=%#x filter=%d", kind, r.family, uint32(r.states), r.ext, len(r.filter))
}

func (w *fakeWire) deadline(t time.Time) error {
	w.deadlines = append(w.deadlines, t)
	return w.deadlineErr
}

func (w *fakeWire) send(seq uint32, r *request) error {
	name := describe(r)
	w.requests = append(w.requests, name)
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	w.seq = seq
	w.queue = w.reply(r, w.counts[name])
	w.counts[name]++
	return w.queue.sendErr
}

func (w *fakeWire) ask(messages []byte) error {
	requests := parseRequests(messages)
	w.asked = append(w.asked, len(requests))
	w.seq = requests[0].seq
	w.queue = w.answerTo(requests)
	return w.queue.sendErr
}

func (w *fakeWire) receive() ([]byte, error) {
	if len(w.queue.datagrams) == 0 {
		if w.queue.err == nil {
			return nil, errors.New("no answer by the fake kernel")
		}
		return nil, w.queue.err
	}
	// Like the real wire, use one buffer for all datagrams.
	for i := range w.buf {
		w.buf[i] = 0xff
	}
	w.buf = append(w.buf[:0], w.queue.datagrams[0]...)
	w.queue.datagrams = w.queue.datagrams[1:]
	for b := w.buf; len(b) >= sizeofHeader; {
		if seq := b[8:12]; binary.NativeEndian.Uint32(seq) == 0 {
			binary.NativeEndian.PutUint32(seq, w.seq)
		}
		length := align(int(binary.NativeEndian.Uint32(b)))
		if length < sizeofHeader || length > len(b) {
			break
		}
		b = b[length:]
	}
	return w.buf, nil
}

func (w *fakeWire) Close() error {
	w.closed++
	return w.closeErr
}

// whole is an answer in one datagram.
func whole(messages ...[]byte) answer { return answer{datagrams: [][]byte{slices.Concat(messages...)}} }

// rowsOf is a whole dump of sockets with these cookies.
func rowsOf(cookies ...uint64) answer {
	var messages [][]byte
	for _, c := range cookies {
		messages = append(messages, rowMessage(0, c))
	}
	return whole(append(messages, doneMessage(0, 0))...)
}

func refuse(errno syscall.Errno) answer {
	return whole(netlinkMessage(nlmsgError, 0, 0, words(uint32(-int32(errno)))))
}

// isProbe reports whether a request is one of choose.
func isProbe(r *request) bool { return r.states == ConnectionStates|ListenStates }

// tickingClock returns a clock that advances by a second with each call.
func tickingClock() func() time.Time {
	at := time.Unix(1000, 0)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

// probeThen serves choose with equal dumps, and Dump by reply.
func probeThen(reply func(r *request, nth int) answer) *fakeWire {
	return &fakeWire{reply: func(r *request, nth int) answer {
		if isProbe(r) {
			return rowsOf(1)
		}
		return reply(r, nth)
	}}
}

// tapLog is a Tap that records its calls.
type tapLog struct{ calls []string }

func (l *tapLog) Datagram(at time.Time, b []byte) {
	l.calls = append(l.calls, fmt.Sprintf("datagram at %d of %d", at.Unix(), len(b)))
}

func (l *tapLog) Dumped(d Dump) {
	l.calls = append(l.calls, fmt.Sprintf("dumped %d sockets, %d to %d", d.Sockets, d.Start.Unix(), d.End.Unix()))
}

func (l *tapLog) Failed(at time.Time, reason Reason) {
	l.calls = append(l.calls, fmt.Sprintf("failed at %d: %s", at.Unix(), reason))
}

func (l *tapLog) Rechecking(at time.Time) {
	l.calls = append(l.calls, fmt.Sprintf("rechecking at %d", at.Unix()))
}

func (l *tapLog) Rechecked(r Round) {
	l.calls = append(l.calls, fmt.Sprintf("recheck %d sockets, %d to %d", r.Sockets, r.Start.Unix(), r.End.Unix()))
}

// dumper is the common part of [Source] and [Replay].
type dumper interface{ Dump(sink Sink) (Dump, error) }

// collect makes a dump, and returns the cookies and times of its sockets.
func collect(c dumper) (d Dump, cookies []uint64, times []time.Time, err error) {
	d, err = c.Dump(func(at time.Time, sockets []Socket) {
		for i := range sockets {
			cookies = append(cookies, sockets[i].Cookie)
			times = append(times, at)
		}
	})
	return d, cookies, times, err
}

// TestConnOfferIsNoSample offers a program before and after a dump: it is not recorded.
func TestConnOfferIsNoSample(t *testing.T) {
	tap := &tapLog{}
	w := probeThen(func(*request, int) answer { return rowsOf(20) })
	c, err := newConn(w, Config{Tap: tap}, "6.1", tickingClock())
	must(t, err)
	offer := func() {
		t.Helper()
		if taken, err := c.Offer(make([]byte, 12)); !taken || err != nil {
			t.Errorf("the program was taken: %t, %v", taken, err)
		}
	}
	offer()
	if len(tap.calls) != 0 {
		t.Errorf("the tap got the offer: %v", tap.calls)
	}
	_, _, _, err = collect(c)
	must(t, err)
	dumped := len(tap.calls)
	offer()
	if dumped == 0 || len(tap.calls) != dumped {
		t.Errorf("the tap got %d calls for the dump, then %v", dumped, tap.calls)
	}
}

func TestConnDump(t *testing.T) {
	tap := &tapLog{}
	first := slices.Concat(rowMessage(0, 10), rowMessage(0, 11))
	w := probeThen(func(r *request, _ int) answer {
		if r.states == ListenStates {
			return rowsOf(20)
		}
		return answer{datagrams: [][]byte{first, {}, slices.Concat(rowMessage(0, 12), doneMessage(0, 0))}}
	})
	c, err := newConn(w, Config{Tap: tap, CongestionInfo: true, Timeout: 3 * time.Second}, "6.1", tickingClock())
	must(t, err)
	c.SetFilter(Filter{Program: make([]byte, 12)})
	if len(tap.calls) != 0 {
		t.Errorf("the tap got the probes: %v", tap.calls)
	}
	w.requests, w.deadlines = nil, nil
	start := c.now() // one second before the dump
	d, cookies, times, err := collect(c)
	must(t, err)
	if want := []uint64{10, 11, 12, 20}; !slices.Equal(cookies, want) {
		t.Errorf("cookies %v, want %v", cookies, want)
	}
	want := Dump{
		Start: start.Add(time.Second), End: start.Add(10 * time.Second), Kernel: 4 * time.Second, Sockets: 4, Datagrams: 4,
		Bytes: 2*len(first) + len(doneMessage(0, 0))*2,
	}
	if d != want {
		t.Errorf("dump %+v, want %+v", d, want)
	}
	if got := times[0].Sub(d.Start); got != 2*time.Second || times[2].Sub(d.Start) != 6*time.Second {
		t.Errorf("times are %v", times)
	}
	if want := []string{"legacy/2 states=0xb36 ext=0x4e filter=12", "legacy/2 states=0x400 ext=0x2 filter=0"}; !slices.Equal(w.requests, want) {
		t.Errorf("requests %q, want %q", w.requests, want)
	}
	if want := []time.Time{d.Start.Add(3 * time.Second)}; !slices.Equal(w.deadlines, want) {
		t.Errorf("deadlines %v, want %v", w.deadlines, want)
	}
	wantCalls := []string{
		"datagram at 1015 of 176", "datagram at 1017 of 0",
		"datagram at 1019 of 108", "datagram at 1021 of 108", "dumped 4 sockets, 1013 to 1022",
	}
	if !slices.Equal(tap.calls, wantCalls) {
		t.Errorf("the tap got %q, want %q", tap.calls, wantCalls)
	}
	must(t, c.Close())
	if w.closed != 1 {
		t.Errorf("closed %d times", w.closed)
	}
}

func TestConnDefaults(t *testing.T) {
	w := probeThen(func(*request, int) answer { return rowsOf() })
	c, err := newConn(w, Config{}, "6.1", tickingClock())
	must(t, err)
	d, cookies, _, err := collect(c)
	must(t, err)
	if len(cookies) != 0 || d.Sockets != 0 || d.Datagrams != 2 {
		t.Errorf("an empty dump is %+v", d)
	}
	if got := w.deadlines[len(w.deadlines)-1].Sub(d.Start); got != 10*time.Second {
		t.Errorf("the deadline is after %v", got)
	}
	if last := w.requests[len(w.requests)-2]; last != "legacy/2 states=0xb36 ext=0x4a filter=0" {
		t.Errorf("asked for %s", last)
	}
}

// TestConnPerFamily dumps each family if the legacy request does not serve both.
func TestConnPerFamily(t *testing.T) {
	w := &fakeWire{reply: func(r *request, _ int) answer {
		if r.legacy {
			return refuse(syscall.EOPNOTSUPP)
		}
		return rowsOf(uint64(r.family))
	}}
	c, err := newConn(w, Config{}, "6.1", tickingClock())
	must(t, err)
	w.requests = nil
	_, cookies, _, err := collect(c)
	must(t, err)
	if !slices.Equal(cookies, []uint64{2, 10, 2, 10}) || c.Legacy() {
		t.Errorf("cookies %v, legacy %v", cookies, c.Legacy())
	}
	if want := []string{
		"v2/2 states=0xb36 ext=0x4a filter=0", "v2/10 states=0xb36 ext=0x4a filter=0",
		"v2/2 states=0x400 ext=0x2 filter=0", "v2/10 states=0x400 ext=0x2 filter=0",
	}; !slices.Equal(w.requests, want) {
		t.Errorf("requests %q, want %q", w.requests, want)
	}
}

func TestConnFailures(t *testing.T) {
	noise := slices.Concat(netlinkMessage(nlmsgError, 0, 0xffff, words(0xffffffff)), rowMessage(0xffff, 99), doneMessage(0xffff, 0))
	for name, test := range map[string]struct {
		connections answer
		listeners   answer
		cookies     []uint64
		err         error
		reason      Reason
		text        string
	}{
		"refused":          {refuse(syscall.EPERM), rowsOf(), nil, syscall.EPERM, ReasonForbidden, "dump connections: "},
		"busy":             {refuse(syscall.EBUSY), rowsOf(), nil, syscall.EBUSY, ReasonOther, "dump connections: "},
		"listeners absent": {rowsOf(1), refuse(syscall.ENOENT), []uint64{1}, syscall.ENOENT, ReasonUnsupported, "dump listeners: "},
		"end with an errno": {
			whole(rowMessage(0, 1), doneMessage(0, int32(syscall.ENOMEM))), rowsOf(), nil, syscall.ENOMEM, ReasonMemory, "",
		},
		"overrun":   {whole(rowMessage(0, 1), netlinkMessage(nlmsgOverrun, 0, 0, nil)), rowsOf(), nil, ErrOverrun, ReasonOverrun, ""},
		"malformed": {whole([]byte{1, 2, 3}), rowsOf(), nil, ErrMalformed, ReasonMalformed, ""},
		"truncated": {answer{err: fmt.Errorf("%w: 9 bytes", ErrTruncated)}, rowsOf(), nil, ErrTruncated, ReasonMalformed, "receive: "},
		"deadline": {
			answer{datagrams: [][]byte{rowMessage(0, 1)}, err: os.ErrDeadlineExceeded},
			rowsOf(),
			[]uint64{1},
			os.ErrDeadlineExceeded, ReasonTimeout, "receive: ",
		},
		"no buffers": {answer{err: os.NewSyscallError("recvfrom", syscall.ENOBUFS)}, rowsOf(), nil, syscall.ENOBUFS, ReasonOverrun, "recvfrom"},
		"send":       {answer{sendErr: os.NewSyscallError("write", syscall.ENOBUFS)}, rowsOf(), nil, syscall.ENOBUFS, ReasonMemory, "send request: "},
		"interrupted": {
			answer{datagrams: [][]byte{
				netlinkMessage(typeSockDiag, flagDumpIntr, 0, diagRow(FamilyIPv4, 1, 1)),
				slices.Concat(rowMessage(0, 2), doneMessage(0, 0)),
			}},
			rowsOf(),
			[]uint64{1, 2},
			ErrInterrupted, ReasonInterrupted, "",
		},
		"interrupted at the end": {
			whole(rowMessage(0, 1), netlinkMessage(nlmsgDone, flagDumpIntr, 0, words(0))), rowsOf(),
			[]uint64{1},
			ErrInterrupted, ReasonInterrupted, "",
		},
		"another sequence": {
			answer{datagrams: [][]byte{noise, slices.Concat(rowMessage(0, 1), noise, doneMessage(0, 0))}},
			rowsOf(2),
			[]uint64{1, 2},
			nil, "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tap := &tapLog{}
			w := probeThen(func(r *request, _ int) answer {
				if r.states == ListenStates {
					return test.listeners
				}
				return test.connections
			})
			c, err := newConn(w, Config{Tap: tap}, "6.1", tickingClock())
			must(t, err)
			d, cookies, _, err := collect(c)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Fatalf("error is %v, want %v", err, test.err)
			}
			if !slices.Equal(cookies, test.cookies) {
				t.Errorf("cookies %v, want %v", cookies, test.cookies)
			}
			last := tap.calls[len(tap.calls)-1]
			if test.err == nil {
				if !strings.HasPrefix(last, "dumped") {
					t.Errorf("the tap got %q", last)
				}
				return
			}
			if ReasonOf(err) != test.reason || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v has the reason %s", err, ReasonOf(err))
			}
			if want := fmt.Sprintf("failed at %d: %s", d.End.Unix(), test.reason); last != want {
				t.Errorf("the tap got %q, want %q", last, want)
			}
		})
	}
}

func TestConnDeadlineFails(t *testing.T) {
	w := probeThen(func(*request, int) answer { return rowsOf() })
	c, err := newConn(w, Config{}, "6.1", tickingClock())
	must(t, err)
	w.deadlineErr = os.ErrClosed
	if _, _, _, err := collect(c); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error is %v", err)
	}
	w = &fakeWire{deadlineErr: os.ErrInvalid, closeErr: os.ErrClosed}
	if _, err := newConn(w, Config{}, "6.1", tickingClock()); !errors.Is(err, os.ErrInvalid) || !errors.Is(err, os.ErrClosed) || w.closed != 1 {
		t.Errorf("error is %v, closed %d times", err, w.closed)
	}
}

// TestChoose decides between the legacy request and one per family.
func TestChoose(t *testing.T) {
	type side = map[Family][]uint64
	static := func(s side) func(Family, int) answer {
		return func(f Family, _ int) answer { return rowsOf(s[f]...) }
	}
	refused := func(errno syscall.Errno) func(Family, int) answer {
		return func(Family, int) answer { return refuse(errno) }
	}
	both := static(side{FamilyIPv4: {5, 1}, FamilyIPv6: {9, 3}})
	for name, test := range map[string]struct {
		v2     func(f Family, nth int) answer
		legacy func(f Family, nth int) answer
		want   bool
		rounds int // of probes
		err    error
	}{
		"equal":           {both, static(side{2: {9, 5, 3, 1}}), true, 1, nil},
		"legacy has more": {both, static(side{2: {2, 9, 5, 3, 1}}), true, 1, nil},
		"nothing there":   {static(nil), static(nil), true, 1, nil},
		"no IPv6":         {both, static(side{2: {5, 1}}), false, 3, nil},
		"no IPv4":         {both, static(side{2: {9, 3}}), false, 3, nil},
		"legacy empty":    {both, static(nil), false, 3, nil},
		"legacy refused":  {both, refused(syscall.EOPNOTSUPP), false, 1, nil},
		"v2 refused":      {refused(syscall.ENOENT), static(nil), true, 1, nil},
		"both refused":    {refused(syscall.ENOENT), refused(syscall.EPERM), false, 1, syscall.ENOENT},
		// A socket that closes between the first two dumps is ignored.
		"closed meanwhile": {
			func(f Family, nth int) answer {
				if f == FamilyIPv4 && nth == 0 {
					return rowsOf(1, 7)
				}
				return rowsOf(uint64(f))
			},
			static(side{2: {2, 10}}), true, 1, nil,
		},
		"opened meanwhile": {
			func(f Family, nth int) answer { return rowsOf(uint64(f), uint64(100*nth)) }, static(side{2: {2, 10, 0}}), true, 1, nil,
		},
		// A socket that moves between the tables is missed once.
		"settles at the second attempt": {
			both,
			func(_ Family, nth int) answer {
				if nth == 0 {
					return rowsOf(5, 1, 9)
				}
				return rowsOf(5, 1, 9, 3)
			},
			true, 2, nil,
		},
		"v2 fails afterwards": {
			func(f Family, nth int) answer {
				if nth == 1 {
					return refuse(syscall.ENOBUFS)
				}
				return rowsOf(uint64(f))
			},
			static(side{2: {2, 10}}), false, 1, syscall.ENOBUFS,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := &fakeWire{reply: func(r *request, nth int) answer {
				if r.legacy {
					return test.legacy(r.family, nth)
				}
				return test.v2(r.family, nth)
			}}
			c, err := newConn(w, Config{}, "6.1", tickingClock())
			if !errors.Is(err, test.err) {
				t.Fatalf("error is %v, want %v", err, test.err)
			}
			if got := w.counts["legacy/2 states=0xf36 ext=0x0 filter=0"]; got != test.rounds {
				t.Errorf("%d rounds, want %d: %v", got, test.rounds, w.requests)
			}
			if err != nil {
				if w.closed != 1 || c != nil {
					t.Errorf("closed %d times after %v", w.closed, err)
				}
				return
			}
			if c.Legacy() != test.want || w.closed != 0 {
				t.Errorf("legacy is %v, want %v; closed %d times", c.Legacy(), test.want, w.closed)
			}
		})
	}
}

// TestReserve never returns a number twice in a row, zero, or a batch that wraps around.
func TestReserve(t *testing.T) {
	for _, test := range []struct{ before, n, first, after uint32 }{
		{0, 1, 1, 1},
		{1, 32, 2, 33},
		{0xffffffdf, 32, 0xffffffe0, 0xffffffff},
		{0xffffffe0, 32, 1, 32},
		{0xfffffffe, 1, 0xffffffff, 0xffffffff},
		{0xffffffff, 1, 1, 1},
		{0xffffffff, 32, 1, 32},
	} {
		c := Conn{sequence: test.before}
		if first := c.reserve(test.n); first != test.first || c.sequence != test.after {
			t.Errorf("%d after %#x: from %#x to %#x", test.n, test.before, first, c.sequence)
		}
	}
}

func TestContainsStable(t *testing.T) {
	for _, test := range []struct {
		probe, before, after []uint64
		want                 bool
	}{
		{nil, nil, nil, true},
		{nil, []uint64{1}, nil, true},
		{nil, nil, []uint64{1}, true},
		{nil, []uint64{1}, []uint64{1}, false},
		{[]uint64{1, 2}, []uint64{1, 3}, []uint64{1, 2}, true},
		{[]uint64{1, 2}, []uint64{1, 3}, []uint64{1, 3}, false},
		{[]uint64{1, 1}, []uint64{1, 1}, []uint64{1}, true},
		{nil, []uint64{1, 2}, []uint64{2}, false},
	} {
		if got := containsStable(test.probe, test.before, test.after); got != test.want {
			t.Errorf("%+v gives %v", test, got)
		}
	}
}

// TestConnImplements checks the interfaces that other packages rely on.
func TestConnImplements(t *testing.T) {
	if _, ok := any(&Conn{}).(Source); !ok {
		t.Error("Conn is not a Source")
	}
	if _, ok := any(&Replay{}).(Reader); !ok {
		t.Error("Replay is not a Reader")
	}
	if _, ok := any(&Recorder{}).(Tap); !ok {
		t.Error("Recorder is not a Tap")
	}
}
