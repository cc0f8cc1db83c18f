package sampler

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// Kinds of failures. Errors of this package match one of them or a
// syscall.Errno with [errors.Is].
var (
	// ErrMalformed means that a message of the kernel violates the protocol.
	ErrMalformed = errors.New("malformed netlink message")
	// ErrTruncated means that a datagram exceeded the receive buffer.
	ErrTruncated = errors.New("truncated netlink datagram")
	// ErrOverrun means that the kernel dropped answers.
	ErrOverrun = errors.New("netlink overrun")
	// ErrInterrupted means that the tables changed during the dump (NLM_F_DUMP_INTR).
	ErrInterrupted = errors.New("interrupted dump")
	// ErrRecording means that a recording cannot be replayed.
	ErrRecording = errors.New("bad recording")
)

// Reason is the cause of a failure as it is counted. The set of reasons is fixed.
type Reason string

// The reasons.
const (
	ReasonUnsupported Reason = "unsupported"
	ReasonForbidden   Reason = "forbidden"
	ReasonOverrun     Reason = "overrun"
	ReasonTimeout     Reason = "timeout"
	ReasonInterrupted Reason = "interrupted"
	ReasonMalformed   Reason = "malformed"
	ReasonFiles       Reason = "too_many_files"
	ReasonMemory      Reason = "out_of_memory"
	ReasonOther       Reason = "other"
)

// Reasons returns all reasons in a fixed order.
func Reasons() []Reason {
	return []Reason{
		ReasonUnsupported, ReasonForbidden, ReasonOverrun, ReasonTimeout,
		ReasonInterrupted, ReasonMalformed, ReasonFiles, ReasonMemory, ReasonOther,
	}
}

type reasonRule struct {
	target error
	reason Reason
}

var reasonTable = []reasonRule{
	{syscall.ENOENT, ReasonUnsupported},
	{syscall.EPROTONOSUPPORT, ReasonUnsupported},
	{syscall.EOPNOTSUPP, ReasonUnsupported},
	{syscall.EPERM, ReasonForbidden},
	{syscall.EACCES, ReasonForbidden},
	{syscall.EAFNOSUPPORT, ReasonForbidden},
	{syscall.ENOSYS, ReasonForbidden},
	{syscall.ENOBUFS, ReasonOverrun},
	{ErrOverrun, ReasonOverrun},
	{os.ErrDeadlineExceeded, ReasonTimeout},
	{context.DeadlineExceeded, ReasonTimeout},
	{syscall.ETIMEDOUT, ReasonTimeout},
	{ErrInterrupted, ReasonInterrupted},
	{ErrMalformed, ReasonMalformed},
	{ErrTruncated, ReasonMalformed},
	{syscall.EMFILE, ReasonFiles},
	{syscall.ENFILE, ReasonFiles},
	{syscall.ENOMEM, ReasonMemory},
}

// ReasonOf classifies a failure of a [Source] or of opening one.
func ReasonOf(err error) Reason {
	if replayed, ok := errors.AsType[RecordedFailure](err); ok {
		return Reason(replayed)
	}

	if noBuffers(err) {
		return ReasonMemory
	}

	for _, r := range reasonTable {
		if errors.Is(err, r.target) {
			return r.reason
		}
	}

	return ReasonOther
}

// noBuffers reports whether the kernel could not allocate a socket or a request.
// Only when receiving does ENOBUFS mean that it dropped answers.
func noBuffers(err error) bool {
	call, ok := errors.AsType[*os.SyscallError](err) //nolint:forbidigo // the error of a call is a value

	return ok && call.Syscall != "recvfrom" && errors.Is(call, syscall.ENOBUFS) //nolint:forbidigo // as above
}

var hintTable = map[Reason]string{
	ReasonUnsupported: "the kernel lacks TCP socket diagnostics: load the modules inet_diag and tcp_diag",
	ReasonForbidden:   "a policy forbids netlink sockets: allow AF_NETLINK (RestrictAddressFamilies=, seccomp, SELinux)",
	ReasonTimeout:     "the kernel did not answer in time: a socket may be held by a stuck process",
	ReasonFiles:       "too many files are open: raise LimitNOFILE= of the service, or fs.file-max of the host",
	ReasonMemory:      "the kernel has no memory for the netlink socket: raise MemoryMax= of the service, or free memory on the host",
}

// Hint returns a sentence on what an operator can do about failures with the reason,
// empty for none.
func (r Reason) Hint() string { return hintTable[r] }
