package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"syscall"
)

// ReplySize is the size of a reply in bytes.
const ReplySize = 40

// The offsets of the fields of a reply. The bytes from repReserved to repComm are zero.
const (
	repVersion  = 0
	repStatus   = 2
	repErrno    = 4
	repInode    = 8
	repPID      = 16
	repReserved = 20
	repComm     = 24
)

// maxErrno is MAX_ERRNO of linux/err.h.
const maxErrno = 4095

// Status is the outcome of a request.
type Status uint16

// The outcomes.
const (
	// StatusOK means that the request was carried out.
	StatusOK Status = iota
	// StatusFailed means that the request could not be carried out; Errno is the reason.
	StatusFailed
	// StatusRefused means that the request was malformed, or carried descriptors.
	StatusRefused
)

// Reply is the reply to a request. If Status is [StatusOK], either Inode or PID is set,
// depending on the operation; otherwise Errno is set, and nothing else.
type Reply struct {
	// Status is the outcome.
	Status Status
	// Errno is the error of a request that was not carried out.
	Errno syscall.Errno
	// Inode is the inode number of the network namespace in nsfs, for [OpOpen]. The reply
	// carries the descriptor of the socket.
	Inode uint64
	// PID is the process that was found, for [OpProcess].
	PID int32
	// Comm is the name of the process (proc_pid_comm(5)): up to 15 bytes of any value
	// except zero.
	Comm string
}

// Bytes returns the encoded reply.
func (r Reply) Bytes() []byte {
	b := make([]byte, ReplySize)
	binary.LittleEndian.PutUint16(b[repVersion:], version)
	binary.LittleEndian.PutUint16(b[repStatus:], uint16(r.Status))
	binary.LittleEndian.PutUint32(b[repErrno:], uint32(r.Errno))
	binary.LittleEndian.PutUint64(b[repInode:], r.Inode)
	binary.LittleEndian.PutUint32(b[repPID:], uint32(r.PID))
	copy(b[repComm:ReplySize-1], r.Comm)

	return b
}

// ParseReply decodes a reply. The error matches [ErrMalformed] if its size, version,
// reserved bytes or any field is not allowed.
func ParseReply(b []byte) (Reply, error) {
	if err := checkFrame(b, ReplySize); err != nil {
		return Reply{}, err
	}

	comm, padding, terminated := bytes.Cut(b[repComm:], []byte{0})
	if !terminated || len(bytes.Trim(padding, "\x00")) != 0 || binary.LittleEndian.Uint32(b[repReserved:]) != 0 {
		return Reply{}, fmt.Errorf("%w: name is not terminated, or reserved bytes are not zero", ErrMalformed)
	}

	r := Reply{
		Status: Status(binary.LittleEndian.Uint16(b[repStatus:])),
		Errno:  syscall.Errno(binary.LittleEndian.Uint32(b[repErrno:])),
		Inode:  binary.LittleEndian.Uint64(b[repInode:]),
		PID:    int32(binary.LittleEndian.Uint32(b[repPID:])),
		Comm:   string(comm),
	}

	if !r.allowed() {
		return Reply{}, fmt.Errorf("%w: status %d with error %d, inode %d and process %d", ErrMalformed, r.Status, uint32(r.Errno), r.Inode, r.PID)
	}

	return r, nil
}

// allowed reports whether the fields may be combined.
func (r Reply) allowed() bool {
	switch r.Status {
	case StatusOK:
		opened, found := Reply{Inode: r.Inode}, Reply{PID: r.PID, Comm: r.Comm}

		return r == opened && r.Inode != 0 || r == found && r.PID > 0
	case StatusFailed, StatusRefused:
		failed := Reply{Status: r.Status, Errno: r.Errno}

		return r == failed && r.Errno > 0 && r.Errno <= maxErrno
	default:
		return false
	}
}
