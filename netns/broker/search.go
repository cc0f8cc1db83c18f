package broker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// searchLimit is the maximum duration of a search, less than a client waits.
	searchLimit = 500 * time.Millisecond
	// namesAtOnce is the number of directory entries that are read at once.
	namesAtOnce = 256
)

// findHolder returns the process with the lowest id in a cgroup that has a socket open, and
// its name. Child cgroups are not searched. The error is ENOENT if there is none, EACCES if
// there is none among those whose descriptors may be read, and ETIMEDOUT if stop returned
// true.
func findHolder(root string, cgroup, socket uint64, stop func() bool) (int32, string, error) {
	dir, err := findCgroup(root, cgroup, stop)
	if err != nil {
		return 0, "", err
	}

	list, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return 0, "", err
	}

	link := fmt.Sprintf("socket:[%d]", socket)
	missing := error(unix.ENOENT)

	for _, pid := range parsePIDs(string(list)) {
		comm, err := commOfHolder(pid, link, stop)

		switch {
		case stop():
			return 0, "", unix.ETIMEDOUT
		case err == nil:
			return pid, comm, nil
		case errors.Is(err, unix.EACCES):
			missing = unix.EACCES
		}
	}

	return 0, "", missing
}

// commOfHolder returns the name of a process if it has a file open, by its link, else
// ENOENT.
func commOfHolder(pid int32, link string, stop func() bool) (string, error) {
	p, err := openProcess(pid)
	if err != nil {
		return "", err
	}
	defer p.close()

	found, err := p.has(link, stop)
	if err != nil {
		return "", err
	}

	if !found {
		return "", unix.ENOENT
	}

	return p.comm()
}

// parsePIDs returns the ids in a cgroup.procs file, ascending and without zero, which
// stands for processes outside of the PID namespace.
func parsePIDs(list string) (pids []int32) {
	for field := range strings.FieldsSeq(list) {
		if pid, err := strconv.ParseInt(field, 10, 32); err == nil && pid > 0 {
			pids = append(pids, int32(pid))
		}
	}

	slices.Sort(pids)

	return pids
}

// findCgroup returns the directory of a cgroup below a mount of the cgroup v2 hierarchy, or
// ENOENT, or ETIMEDOUT if stop returned true. Other file systems mounted below are skipped.
func findCgroup(root string, id uint64, stop func() bool) (dir string, err error) {
	var device uint64

	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if stop() {
			return unix.ETIMEDOUT
		}

		if err != nil || !entry.IsDir() {
			return nil //nolint:nilerr // the other cgroups can be read
		}

		stat, ok := statOf(entry)

		switch {
		case !ok:
			return nil
		case path == root:
			device = stat.Dev
		case stat.Dev != device:
			return fs.SkipDir
		}

		if stat.Ino == id {
			dir = path

			return fs.SkipAll
		}

		return nil
	})
	if err == nil && dir == "" {
		err = unix.ENOENT
	}

	return dir, err
}

func statOf(entry fs.DirEntry) (*syscall.Stat_t, bool) {
	info, err := entry.Info()
	if err != nil {
		return nil, false
	}

	stat, ok := info.Sys().(*syscall.Stat_t)

	return stat, ok
}

// endOf returns the error of a directory that ended, none at its regular end.
func endOf(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}

	return gone(err)
}
