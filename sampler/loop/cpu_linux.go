package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// ThreadCPU returns the processor time of the calling thread, user and system, zero
// if the kernel does not provide it (getrusage(2), RUSAGE_THREAD).
func ThreadCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		return 0
	}

	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
