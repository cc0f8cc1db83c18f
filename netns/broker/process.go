package broker

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// procPath is where procfs is mounted.
const procPath = "/proc"

// process is a process, by a descriptor of its directory in procfs. If its id is used
// again, that does not lead to the other process. It keeps no namespace.
type process struct{ dir int }

// openProcess returns a process, or ESRCH.
func openProcess(pid int32) (*process, error) {
	dir, err := unix.Open(procPath+"/"+strconv.Itoa(int(pid)), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, gone(err)
	}

	return &process{dir}, nil
}

func (p *process) close() { _ = unix.Close(p.dir) }

// openAt opens a file of the process. The error is ESRCH if the process has ended.
func (p *process) openAt(name string, flags int) (int, error) {
	fd, err := unix.Openat(p.dir, name, flags|unix.O_CLOEXEC, 0)

	return fd, gone(err)
}

// statAt returns the status of a file of the process, as openAt does.
func (p *process) statAt(name string) (unix.Stat_t, error) {
	var stat unix.Stat_t

	return stat, gone(unix.Fstatat(p.dir, name, &stat, 0))
}

// gone turns the error for a file that does not exist, since its process has ended, into
// ESRCH.
func gone(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return unix.ESRCH
	}

	return err
}

// comm returns the name of the process.
func (p *process) comm() (string, error) {
	fd, err := p.openAt("comm", unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)

	b := make([]byte, ReplySize-repComm)

	n, err := unix.Read(fd, b)
	if err != nil {
		return "", gone(err)
	}

	return strings.TrimSuffix(string(b[:n]), "\n"), nil
}

// has reports whether the process has a file open, by the text of its link in /proc/PID/fd,
// unless stop returns true before it is found.
func (p *process) has(link string, stop func() bool) (bool, error) {
	fd, err := p.openAt("fd", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return false, err
	}

	dir := os.NewFile(uintptr(fd), "fd")
	defer dir.Close()

	b := make([]byte, len(link)+1)

	for !stop() {
		names, err := dir.Readdirnames(namesAtOnce)
		if len(names) == 0 {
			return false, endOf(err)
		}

		for _, name := range names {
			n, err := unix.Readlinkat(fd, name, b)

			switch {
			case err == nil && string(b[:n]) == link:
				return true, nil
			case errors.Is(err, unix.EACCES):
				return false, err
			}
		}
	}

	return false, nil
}
