package faults

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Point identifies a system call: the n-th call (from 1) of a kind in a phase.
type Point struct {
	Phase, Call string
	N           int
}

// Injector decides which system call of a program fails. In the zero value, none does.
type Injector struct {
	// Fail is the call that fails; the zero value is none.
	Fail Point

	calls    map[int32]call
	listener int

	mutex sync.Mutex
	phase string
	count map[Point]int // by phase and call; N is 0
	// failed is the call that failed, nil for none so far.
	failed *Failure
}

// Failure is a call that failed.
type Failure struct {
	Point

	// File is the path that was passed to the call, or the target of its file descriptor, if
	// known.
	File string
	// Error is the name of the error number.
	Error string
}

// String describes the failure on one line.
func (f *Failure) String() string {
	return fmt.Sprintf("%s %d of %s, %s: %s", f.Call, f.N, f.Phase, f.File, f.Error)
}

// Phase begins a phase. Calls before the first phase have an empty Phase.
func (in *Injector) Phase(name string) {
	in.mutex.Lock()
	defer in.mutex.Unlock()

	in.phase = name
}

// Points returns all calls so far, in no order across kinds.
func (in *Injector) Points() []Point {
	in.mutex.Lock()
	defer in.mutex.Unlock()

	var all []Point

	for p, n := range in.count {
		for i := range n {
			all = append(all, Point{p.Phase, p.Call, i + 1})
		}
	}

	return all
}

// Failed returns the call that failed, or nil if none has.
func (in *Injector) Failed() *Failure {
	in.mutex.Lock()
	defer in.mutex.Unlock()

	return in.failed
}

// notification is struct seccomp_notif, response struct seccomp_notif_resp.
type (
	notification struct {
		id     uint64
		pid    uint32
		flags  uint32
		number int32
		arch   uint32
		ip     uint64
		args   [6]uint64
	}

	response struct {
		id    uint64
		value int64
		errno int32
		flags uint32
	}
)

// run answers notifications until the program has ended.
func (in *Injector) run() {
	defer unix.Close(in.listener)

	for {
		ready := []unix.PollFd{{Fd: int32(in.listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == unix.EINTR {
			continue
		} else if err != nil || ready[0].Revents&unix.POLLIN == 0 {
			return
		}

		var asked notification
		if !in.ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&asked)) {
			continue // the thread has ended
		}

		answer := response{id: asked.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if errno := in.decide(&asked); errno != 0 {
			answer.errno, answer.flags = -int32(errno), 0
		}

		in.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer))
	}
}

func (in *Injector) ioctl(request uintptr, argument unsafe.Pointer) bool {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(in.listener), request, uintptr(argument))

	return errno == 0
}

// decide counts a call and returns the error that it fails with, or zero to allow it.
func (in *Injector) decide(asked *notification) unix.Errno {
	c := in.calls[asked.number]

	in.mutex.Lock()
	defer in.mutex.Unlock()

	if in.count == nil {
		in.count = make(map[Point]int)
	}

	point := Point{Phase: in.phase, Call: c.name}
	in.count[point]++
	point.N = in.count[point]

	if point != in.Fail {
		return 0
	}

	in.failed = &Failure{point, c.subject(asked), unix.ErrnoName(c.errno)}

	return c.errno
}

// subject returns the file that a call refers to, or an empty string if unknown.
func (c call) subject(asked *notification) string {
	switch {
	case c.file >= 0:
		link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", asked.pid, int32(asked.args[c.file])))

		return link
	case c.path >= 0:
		memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", asked.pid))
		if err != nil {
			return ""
		}
		defer memory.Close()

		text := make([]byte, 256)
		n, _ := memory.ReadAt(text, int64(asked.args[c.path]))
		path, _, _ := bytes.Cut(text[:n], []byte{0})

		return string(path)
	default:
		return ""
	}
}
