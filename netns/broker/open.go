package broker

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// open opens a socket in the network namespace of a process, whose /proc/PID/net/tcp has
// the inode number, or any if that is zero. It returns the descriptor, and the inode number
// of the namespace in nsfs.
func (s *server) open(pid int32, inode uint64) (fd int, nsInode uint64, err error) {
	p, err := openProcess(pid)
	if err != nil {
		return -1, 0, err
	}
	defer p.close()

	namespace, err := p.openAt("ns/net", unix.O_RDONLY)
	if err != nil {
		return -1, 0, err
	}
	defer unix.Close(namespace)

	fd, err = s.thread.open(namespace)
	if err != nil {
		return -1, 0, err
	}

	if nsInode, err = p.confirm(namespace, inode); err != nil {
		return -1, 0, errors.Join(err, unix.Close(fd))
	}

	return fd, nsInode, nil
}

// confirm returns the inode number of an open network namespace in nsfs if the process
// still exists and is in it, and its /proc/PID/net/tcp has the inode number, or any if that
// is zero; otherwise ESRCH or ESTALE.
func (p *process) confirm(namespace int, inode uint64) (uint64, error) {
	var opened unix.Stat_t
	if err := unix.Fstat(namespace, &opened); err != nil {
		return 0, err
	}

	table, err := p.statAt("net/tcp")
	if err != nil {
		return 0, err
	}

	current, err := p.statAt("ns/net")
	if err != nil {
		return 0, err
	}

	if inode != 0 && table.Ino != inode || current.Ino != opened.Ino {
		return 0, fmt.Errorf("%w: network namespace changed", unix.ESTALE)
	}

	return opened.Ino, nil
}
