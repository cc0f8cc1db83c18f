package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// deaths waits for the end of processes.
type deaths struct {
	epoll int
	// wake is an eventfd that interrupts the waiting.
	wake   int
	events [64]unix.EpollEvent
}

func newDeaths() (*deaths, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}

	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(os.NewSyscallError("eventfd", err), unix.Close(epoll))
	}

	d := &deaths{epoll: epoll, wake: wake}
	if err := d.add(wake); err != nil {
		d.close()

		return nil, err
	}

	return d, nil
}

func (d *deaths) close() {
	_ = unix.Close(d.epoll)
	_ = unix.Close(d.wake)
}

// add has wait return the descriptor when it is readable, until it is closed.
func (d *deaths) add(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}

	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(d.epoll, unix.EPOLL_CTL_ADD, fd, &event))
}

// interrupt makes wait return.
func (d *deaths) interrupt() {
	one := binary.NativeEndian.AppendUint64(nil, 1)
	_, _ = unix.Write(d.wake, one)
}

// wait returns the readable descriptors, none after the timeout or an interruption.
func (d *deaths) wait(timeout time.Duration) (fds []int, err error) {
	// Rounded up, so that the timeout is over.
	ms := int((max(timeout, 0) + time.Millisecond - 1) / time.Millisecond)

	n, err := unix.EpollWait(d.epoll, d.events[:], ms)
	if errors.Is(err, unix.EINTR) {
		return nil, nil
	} else if err != nil {
		return nil, os.NewSyscallError("epoll_wait", err)
	}

	for _, e := range d.events[:n] {
		if int(e.Fd) != d.wake {
			fds = append(fds, int(e.Fd))

			continue
		}

		var count [8]byte
		_, _ = unix.Read(d.wake, count[:])
	}

	return fds, nil
}

// openProcess returns a descriptor that is readable when the process has ended, -1 before
// Linux 5.3 and where a policy forbids it.
func openProcess(pid int) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)

	switch {
	case errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM):
		return -1, nil
	case err != nil:
		return -1, fmt.Errorf("open process %d: %w", pid, os.NewSyscallError("pidfd_open", err))
	default:
		return fd, nil
	}
}
