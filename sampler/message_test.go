package sampler

import (
	"bytes"
	"errors"
	"slices"
	"syscall"
	"testing"
)

func TestNextMessage(t *testing.T) {
	first := netlinkMessage(20, 2, 7, []byte{1, 2, 3, 4, 5}) // 21 bytes and 3 of padding
	second := netlinkMessage(3, 0, 8, nil)
	h, payload, rest, err := nextMessage(slices.Concat(first, second))
	if want := (header{length: 21, seq: 7, kind: 20, flags: 2}); err != nil || h != want {
		t.Errorf("header is %+v, %v; want %+v", h, err, want)
	}
	if !bytes.Equal(payload, []byte{1, 2, 3, 4, 5}) || !bytes.Equal(rest, second) {
		t.Errorf("payload is %x, rest %x", payload, rest)
	}
	// The last message may lack its padding.
	_, payload, rest, err = nextMessage(first[:21])
	if err != nil || len(payload) != 5 || len(rest) != 0 {
		t.Errorf("without padding: %x, %x, %v", payload, rest, err)
	}
	for name, b := range map[string][]byte{
		"nothing":               {},
		"part of a header":      second[:15],
		"longer than there is":  first[:20],
		"shorter than a header": append(words(15), second[4:]...),
		"a huge length":         append(words(0xffffffff), second[4:]...),
		"the length zero":       append(words(0), second[4:]...),
	} {
		if _, _, _, err := nextMessage(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBatchDecode(t *testing.T) {
	const seq = 5
	rows := slices.Concat(rowMessage(seq, 1), rowMessage(seq, 2))
	for name, test := range map[string]struct {
		datagram []byte
		sockets  int
		outcome  outcome
		err      error
	}{
		"empty":            {nil, 0, outcome{}, nil},
		"rows":             {rows, 2, outcome{}, nil},
		"rows and the end": {slices.Concat(rows, doneMessage(seq, 0)), 2, outcome{done: true}, nil},
		"legacy rows": {
			netlinkMessage(typeTCPDiagGetsock, 2, seq, diagRow(FamilyIPv6, StateListen, 3)), 1, outcome{}, nil,
		},
		"another dump's rows": {rowMessage(seq-1, 1), 0, outcome{}, nil},
		"another dump's end":  {slices.Concat(doneMessage(seq-1, 0), rows), 2, outcome{}, nil},
		"another dump's error": {
			slices.Concat(netlinkMessage(nlmsgError, 0, seq-1, words(0xffffffff)), rows), 2, outcome{}, nil,
		},
		"another dump's interruption": {netlinkMessage(nlmsgDone, flagDumpIntr, seq-1, words(0)), 0, outcome{}, nil},
		"no-op and unknown": {
			slices.Concat(netlinkMessage(nlmsgNoop, 0, seq, nil), netlinkMessage(99, 0, seq, []byte{1}), rows), 2, outcome{}, nil,
		},
		"acknowledgment": {netlinkMessage(nlmsgError, 0, seq, words(0)), 0, outcome{done: true}, nil},
		"error": {
			slices.Concat(rows, netlinkMessage(nlmsgError, 0, seq, words(^uint32(syscall.EBUSY)+1))), 2, outcome{}, syscall.EBUSY,
		},
		"end with an error": {doneMessage(seq, int32(syscall.ENOENT)), 0, outcome{}, syscall.ENOENT},
		"error cut short":   {netlinkMessage(nlmsgError, 0, seq, []byte{1, 2, 3}), 0, outcome{}, ErrMalformed},
		"end cut short":     {netlinkMessage(nlmsgDone, 0, seq, nil), 0, outcome{}, ErrMalformed},
		"overrun":           {slices.Concat(rows, netlinkMessage(nlmsgOverrun, 0, seq, nil)), 2, outcome{}, ErrOverrun},
		"interrupted": {
			slices.Concat(netlinkMessage(typeSockDiag, flagDumpIntr, seq, diagRow(FamilyIPv4, 1, 1)), doneMessage(seq, 0)),
			1,
			outcome{done: true, interrupted: true},
			nil,
		},
		"row cut short": {slices.Concat(rows, netlinkMessage(typeSockDiag, 0, seq, make([]byte, 71))), 2, outcome{}, ErrMalformed},
		"garbage after": {slices.Concat(rows, []byte{1, 2, 3, 4}), 2, outcome{}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			b := batch{sockets: make([]Socket, 7)} // of an earlier datagram
			out, err := b.decode(test.datagram, seq, false)
			if out != test.outcome || !errors.Is(err, test.err) {
				t.Errorf("got %+v, %v; want %+v, %v", out, err, test.outcome, test.err)
			}
			if len(b.sockets) != test.sockets {
				t.Errorf("%d sockets, want %d", len(b.sockets), test.sockets)
			}
		})
	}
}

func TestBatchDecodeAnySequence(t *testing.T) {
	var b batch
	out, err := b.decode(slices.Concat(rowMessage(1, 1), rowMessage(2, 2), doneMessage(3, 0)), 0, true)
	if err != nil || !out.done || len(b.sockets) != 2 || b.sockets[1].Cookie != 2 {
		t.Errorf("%+v, %v, %d sockets", out, err, len(b.sockets))
	}
}

// TestBatchIsReused decodes a long and a short datagram in turn.
func TestBatchIsReused(t *testing.T) {
	var b batch
	for i := range 3 {
		for _, n := range []int{5, 1, 40} {
			var datagram []byte
			for cookie := range n {
				datagram = append(datagram, rowMessage(1, uint64(100*i+cookie))...)
			}
			if _, err := b.decode(datagram, 1, false); err != nil || len(b.sockets) != n {
				t.Fatalf("%d sockets, %v; want %d", len(b.sockets), err, n)
			}
			for cookie := range n {
				if b.sockets[cookie].Cookie != uint64(100*i+cookie) {
					t.Errorf("socket %d is %+v", cookie, b.sockets[cookie])
				}
			}
		}
	}
}
