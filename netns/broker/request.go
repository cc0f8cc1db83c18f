package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// version is the version of the protocol, the first field of requests and replies.
const version = 1

// RequestSize is the size of a request in bytes.
const RequestSize = 32

// The offsets of the fields of a request. The bytes from reqReserved on are zero.
const (
	reqVersion  = 0
	reqOp       = 2
	reqPID      = 4
	reqInode    = 8
	reqCgroup   = 16
	reqReserved = 24
)

// ErrMalformed indicates a request or a reply that does not follow the protocol.
var ErrMalformed = errors.New("malformed message")

// Op is the operation that a request asks for.
type Op uint16

// The operations.
const (
	// OpOpen opens a socket in the network namespace of a process.
	OpOpen Op = 1
	// OpProcess searches a cgroup for a process that has a socket open.
	OpProcess Op = 2
)

// Request is a request to the broker. Fields that are not of the operation are zero.
type Request struct {
	// Op is the operation.
	Op Op
	// PID is the process of [OpOpen], more than zero.
	PID int32
	// Inode is, for [OpOpen], the inode number of /proc/PID/net/tcp, which differs between
	// network namespaces, or zero if any namespace will do; for [OpProcess], the inode
	// number of the socket (uapi/linux/inet_diag.h: idiag_inode), not zero.
	Inode uint64
	// Cgroup is the id of the cgroup of [OpProcess], the inode number of its directory, not
	// zero.
	Cgroup uint64
}

// Bytes returns the encoded request.
func (r Request) Bytes() []byte {
	b := make([]byte, RequestSize)
	binary.LittleEndian.PutUint16(b[reqVersion:], version)
	binary.LittleEndian.PutUint16(b[reqOp:], uint16(r.Op))
	binary.LittleEndian.PutUint32(b[reqPID:], uint32(r.PID))
	binary.LittleEndian.PutUint64(b[reqInode:], r.Inode)
	binary.LittleEndian.PutUint64(b[reqCgroup:], r.Cgroup)

	return b
}

// ParseRequest decodes a request. The error matches [ErrMalformed] if its size, version,
// operation, reserved bytes or any field is not allowed.
func ParseRequest(b []byte) (Request, error) {
	if err := checkFrame(b, RequestSize); err != nil {
		return Request{}, err
	}

	r := Request{
		Op:     Op(binary.LittleEndian.Uint16(b[reqOp:])),
		PID:    int32(binary.LittleEndian.Uint32(b[reqPID:])),
		Inode:  binary.LittleEndian.Uint64(b[reqInode:]),
		Cgroup: binary.LittleEndian.Uint64(b[reqCgroup:]),
	}

	if binary.LittleEndian.Uint64(b[reqReserved:]) != 0 {
		return Request{}, fmt.Errorf("%w: reserved bytes are not zero", ErrMalformed)
	}

	if err := r.check(); err != nil {
		return Request{}, err
	}

	return r, nil
}

// checkFrame checks the size and the version of a request or reply.
func checkFrame(b []byte, size int) error {
	if len(b) != size {
		return fmt.Errorf("%w: %d bytes, want %d", ErrMalformed, len(b), size)
	}

	if v := binary.LittleEndian.Uint16(b); v != version {
		return fmt.Errorf("%w: version %d, want %d", ErrMalformed, v, version)
	}

	return nil
}

// check returns an error if a field is not allowed.
func (r Request) check() error {
	switch {
	case r.Op == OpOpen && r.PID > 0 && r.Cgroup == 0:
		return nil
	case r.Op == OpProcess && r.PID == 0 && r.Inode != 0 && r.Cgroup != 0:
		return nil
	default:
		return fmt.Errorf("%w: operation %d with process %d, inode %d and cgroup %d", ErrMalformed, r.Op, r.PID, r.Inode, r.Cgroup)
	}
}
