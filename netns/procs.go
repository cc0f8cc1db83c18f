package netns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/sampler/proctcp"
)

// tcpFile is the file below /proc/PID/net whose inode number each namespace has once.
const tcpFile = "tcp"

// procs reads processes below a mount of procfs.
type procs struct {
	path string
	// dir is a descriptor of the mount.
	dir int
	// own is the inode of the exporter's own namespace.
	own uint64
}

func newProcs(path string) (*procs, error) {
	dir, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", path, err)
	}

	p := &procs{path: path, dir: dir}
	if p.own, err = inodeAt(dir, "self/net/"+tcpFile); err != nil {
		return nil, errors.Join(fmt.Errorf("stat self/net/%s below %q: %w", tcpFile, path, err), unix.Close(dir))
	}

	return p, nil
}

func (p *procs) close() { _ = unix.Close(p.dir) }

// last returns the process id that the kernel gave last.
func (p *procs) last() (int, error) {
	text, err := os.ReadFile(filepath.Join(p.path, "loadavg"))
	if err != nil {
		return 0, err
	}

	return parseLastPID(text)
}

// parseLastPID returns the last field of /proc/loadavg.
func parseLastPID(text []byte) (int, error) {
	fields := bytes.Fields(text)
	if len(fields) != 5 {
		return 0, fmt.Errorf("parse loadavg %q: %d fields, want 5", text, len(fields))
	}

	last, err := strconv.Atoi(string(fields[4]))
	if err != nil {
		return 0, fmt.Errorf("parse loadavg %q: %w", text, err)
	}

	return last, nil
}

// list returns the ids of all processes.
func (p *procs) list() (pids []int, err error) {
	dir, err := os.Open(p.path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()

	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			if pid, err := strconv.Atoi(name); err == nil {
				pids = append(pids, pid)
			}
		}

		if errors.Is(err, io.EOF) {
			return pids, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// inode returns the inode of the network namespace of a process, zero if it has none or
// is hidden.
func (p *procs) inode(pid int) uint64 {
	inode, err := inodeAt(p.dir, strconv.Itoa(pid)+"/net/"+tcpFile)
	if err != nil {
		return 0
	}

	return inode
}

// hidden reports whether processes of others are hidden. Process 1 always exists.
func (p *procs) hidden() bool { return p.inode(1) == 0 }

// openNet opens the directory /proc/PID/net, which does not keep the process nor its
// namespace.
func (p *procs) openNet(pid int) (int, error) {
	fd, err := unix.Openat(p.dir, strconv.Itoa(pid)+"/net", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)

	return fd, os.NewSyscallError("openat", err)
}

// inodeAt returns the inode number of a file below a directory.
func inodeAt(dir int, name string) (uint64, error) {
	var s unix.Stat_t
	if err := unix.Fstatat(dir, name, &s, 0); err != nil {
		return 0, os.NewSyscallError("fstatat", err)
	}

	return s.Ino, nil
}

// readInuse returns the number of TCP sockets in the namespace of a directory
// /proc/PID/net, see [proctcp.InUse]. The error is ENOENT if the process has ended. buf is for
// reading.
func readInuse(dir int, buf []byte) (int, error) {
	v4, err := readAt(dir, "sockstat", buf)
	if err != nil {
		return 0, err
	}

	v6, err := readAt(dir, "sockstat6", buf)
	if errors.Is(err, unix.ENOENT) { // the kernel has no IPv6
		err = nil
	}

	return v4 + v6, err
}

func readAt(dir int, name string, buf []byte) (int, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("openat", err)
	}

	n, err := unix.Read(fd, buf)
	_ = unix.Close(fd)

	if err != nil {
		return 0, os.NewSyscallError("read", err)
	}

	inuse, ok := proctcp.InUse(buf[:n])
	if !ok {
		return 0, fmt.Errorf("parse %s: no TCP sockets in %q", name, buf[:n])
	}

	return inuse, nil
}
