package faults

import (
	"golang.org/x/sys/unix"
)

// call is a kind of system call.
type call struct {
	name string
	// errno is the error it fails with.
	errno unix.Errno
	// file is the index of the argument that is a file descriptor, path that of a path; -1
	// for none.
	file, path int
}

// calls returns the system calls to fail, by number. Calls that fail only if the program
// passes invalid arguments, such as fcntl and getsockname, are left out.
func calls() map[int32]call {
	return map[int32]call{
		unix.SYS_OPENAT:        {"openat", unix.EMFILE, -1, 1},
		unix.SYS_READ:          {"read", unix.EIO, 0, -1},
		unix.SYS_PREAD64:       {"pread64", unix.EIO, 0, -1},
		unix.SYS_WRITE:         {"write", unix.ENOSPC, 0, -1},
		unix.SYS_GETDENTS64:    {"getdents64", unix.EIO, 0, -1},
		unix.SYS_READLINKAT:    {"readlinkat", unix.EIO, -1, 1},
		unix.SYS_NEWFSTATAT:    {"newfstatat", unix.EIO, -1, 1},
		unix.SYS_FSTAT:         {"fstat", unix.EIO, 0, -1},
		unix.SYS_STATFS:        {"statfs", unix.EIO, -1, 0},
		unix.SYS_FSTATFS:       {"fstatfs", unix.EIO, 0, -1},
		unix.SYS_SOCKET:        {"socket", unix.EMFILE, -1, -1},
		unix.SYS_BIND:          {"bind", unix.ENOMEM, 0, -1},
		unix.SYS_LISTEN:        {"listen", unix.ENOMEM, 0, -1},
		unix.SYS_ACCEPT4:       {"accept4", unix.EMFILE, 0, -1},
		unix.SYS_SETSOCKOPT:    {"setsockopt", unix.ENOMEM, 0, -1},
		unix.SYS_GETSOCKOPT:    {"getsockopt", unix.ENOMEM, 0, -1},
		unix.SYS_RECVFROM:      {"recvfrom", unix.ENOBUFS, 0, -1},
		unix.SYS_SENDTO:        {"sendto", unix.ENOBUFS, 0, -1},
		unix.SYS_EPOLL_CREATE1: {"epoll_create1", unix.EMFILE, -1, -1},
		unix.SYS_EPOLL_CTL:     {"epoll_ctl", unix.ENOMEM, 2, -1},
		unix.SYS_EVENTFD2:      {"eventfd2", unix.EMFILE, -1, -1},
		unix.SYS_PIPE2:         {"pipe2", unix.EMFILE, -1, -1},
		unix.SYS_MMAP:          {"mmap", unix.ENOMEM, -1, -1},
		unix.SYS_CLONE:         {"clone", unix.EAGAIN, -1, -1},
	}
}
