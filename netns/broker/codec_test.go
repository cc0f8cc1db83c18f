package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// requestTable are requests that are allowed.
var requestTable = []Request{
	{Op: OpOpen, PID: 1},
	{Op: OpOpen, PID: 1<<31 - 1, Inode: 1<<64 - 1},
	{Op: OpProcess, Inode: 4026531840, Cgroup: 77},
	{Op: OpProcess, Inode: 1<<64 - 1, Cgroup: 1<<64 - 1},
}

// replyTable are replies that are allowed.
var replyTable = []Reply{
	{Inode: 4026531840},
	{PID: 1, Comm: "systemd"},
	{PID: 1<<31 - 1, Comm: "fifteen\xff\n bytes"},
	{PID: 2},
	{Status: StatusFailed, Errno: unix.ESTALE},
	{Status: StatusRefused, Errno: unix.EPROTO},
}

func TestRequestRoundTrip(t *testing.T) {
	for _, want := range requestTable {
		if got, err := ParseRequest(want.Bytes()); got != want || err != nil {
			t.Errorf("%+v: %+v, %v", want, got, err)
		}
	}
}

func TestReplyRoundTrip(t *testing.T) {
	for _, want := range replyTable {
		if got, err := ParseReply(want.Bytes()); got != want || err != nil {
			t.Errorf("%+v: %+v, %v", want, got, err)
		}
	}
}

// with returns b with bytes replaced from an offset on.
func with(b []byte, offset int, replacement ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[offset:], replacement)

	return b
}

func TestRequestMalformed(t *testing.T) {
	open, search := requestTable[0].Bytes(), requestTable[2].Bytes()

	for name, b := range map[string][]byte{
		"empty":                        nil,
		"a byte short":                 open[:RequestSize-1],
		"a byte long":                  append(bytes.Clone(open), 0),
		"version 0":                    with(open, reqVersion, 0),
		"version 2":                    with(open, reqVersion, 2),
		"version 257":                  with(open, reqVersion+1, 1),
		"operation 0":                  with(open, reqOp, 0),
		"operation 3":                  with(open, reqOp, 3),
		"operation 257":                with(open, reqOp+1, 1),
		"open process 0":               with(open, reqPID, 0),
		"open process -1":              with(open, reqPID, 255, 255, 255, 255),
		"open with a cgroup":           with(open, reqCgroup, 1),
		"first reserved byte":          with(open, reqReserved, 1),
		"last reserved byte":           with(open, RequestSize-1, 1),
		"search with a process":        with(search, reqPID, 1),
		"search without a cgroup":      with(search, reqCgroup, 0),
		"search without a socket":      with(search, reqInode, make([]byte, 8)...),
		"search with a reserved byte":  with(search, reqReserved, 1),
		"a reply instead of a request": replyTable[0].Bytes(),
	} {
		if got, err := ParseRequest(b); got != (Request{}) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestReplyMalformed(t *testing.T) {
	opened, found, failed := replyTable[0].Bytes(), replyTable[1].Bytes(), replyTable[4].Bytes()

	for name, b := range map[string][]byte{
		"empty":                          nil,
		"a byte short":                   opened[:ReplySize-1],
		"a byte long":                    append(bytes.Clone(opened), 0),
		"version 2":                      with(opened, repVersion, 2),
		"status 3":                       with(opened, repStatus, 3),
		"success with an error":          with(opened, repErrno, 1),
		"success without a result":       with(opened, repInode, make([]byte, 8)...),
		"two results":                    with(opened, repPID, 1),
		"negative process":               with(found, repPID, 255, 255, 255, 255),
		"name without a process":         with(opened, repComm, 'a'),
		"reserved byte":                  with(opened, repReserved, 1),
		"name not terminated":            with(found, repComm, bytes.Repeat([]byte{'a'}, ReplySize-repComm)...),
		"byte after the end of the name": with(found, ReplySize-1, 1),
		"failure without an error":       with(failed, repErrno, 0),
		"failure with a huge error":      with(failed, repErrno, 0, 16),
		"failure with a result":          with(failed, repInode, 1),
		"failure with a process":         with(failed, repPID, 1),
		"failure with a name":            with(failed, repComm, 'a'),
		"a request instead of a reply":   requestTable[0].Bytes(),
	} {
		if got, err := ParseReply(b); got != (Reply{}) || !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// FuzzParseRequest: what is accepted is encoded as the same bytes, so no byte is ignored.
func FuzzParseRequest(f *testing.F) {
	for _, r := range requestTable {
		f.Add(r.Bytes())
		f.Add(r.Bytes()[1:])
	}

	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)

		switch {
		case err != nil && !errors.Is(err, ErrMalformed):
			t.Fatalf("error %v", err)
		case err == nil && !slices.Equal(r.Bytes(), b):
			t.Fatalf("%x was parsed as %+v", b, r)
		case err == nil && r.Op == OpOpen && int32(binary.LittleEndian.Uint32(b[reqPID:])) <= 0:
			t.Fatalf("process %d was accepted", r.PID)
		}
	})
}

// FuzzParseReply: the same for replies.
func FuzzParseReply(f *testing.F) {
	for _, r := range replyTable {
		f.Add(r.Bytes())
		f.Add(r.Bytes()[1:])
	}

	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReply(b)

		switch {
		case err != nil && !errors.Is(err, ErrMalformed):
			t.Fatalf("error %v", err)
		case err == nil && !slices.Equal(r.Bytes(), b):
			t.Fatalf("%x was parsed as %+v", b, r)
		case err == nil && (r.Status == StatusOK) != (r.Errno == 0):
			t.Fatalf("status %d with error %d", r.Status, r.Errno)
		}
	})
}
