package netns

import (
	"errors"
	"syscall"
)

// Result is the outcome of an attempt to open a namespace, as it is counted.
type Result string

// The results.
const (
	// Opened means that the namespace is watched.
	Opened Result = "ok"
	// Raced means that the process was gone or had moved, which is normal.
	Raced Result = "race"
	// Denied means that a privilege is missing.
	Denied Result = "denied"
	// Unavailable means that the [Opener] cannot work at present.
	Unavailable Result = "unavailable"
	// Failed means any other failure.
	Failed Result = "error"
)

// Results returns all results in a fixed order.
func Results() []Result { return []Result{Opened, Raced, Denied, Unavailable, Failed} }

var (
	// errRaced means that a socket belongs to another namespace than expected.
	errRaced = errors.New("process moved to another network namespace")
	// errReused means that a namespace has ended, and another one has its inode number.
	errReused = errors.New("another network namespace has the inode number")
)

// resultOf classifies an error of opening a namespace.
func resultOf(err error) Result {
	if err == nil {
		return Opened
	}

	for _, rule := range resultTable {
		if errors.Is(err, rule.target) {
			return rule.result
		}
	}

	return Failed
}

// resultTable has the unavailable first: such an error may have any cause.
var resultTable = []struct {
	target error
	result Result
}{
	{ErrUnavailable, Unavailable},
	{errRaced, Raced},
	{errReused, Raced},
	{syscall.ENOENT, Raced},
	{syscall.ESRCH, Raced},
	{syscall.ESTALE, Raced},
	{syscall.EPERM, Denied},
	{syscall.EACCES, Denied},
}
