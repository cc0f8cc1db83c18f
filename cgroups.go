package main

import (
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// cgroupPause is the least time between two walks through the hierarchy of
// cgroups, which may have thousands.
const cgroupPause = 10 * time.Second

// cgroupNames knows the paths of cgroups by their ids. It is not safe for
// concurrent use.
type cgroupNames struct {
	root   string
	paths  map[uint64]string
	walked time.Time
}

// name returns the path of a cgroup below the root, empty if there is none or if
// it is younger than the last walk.
func (n *cgroupNames) name(id uint64) string {
	path, known := n.paths[id]
	if known || time.Since(n.walked) < cgroupPause {
		return path
	}

	n.walk()
	n.walked = time.Now()

	return n.paths[id]
}

// walk looks at all cgroups of the hierarchy: the numbers of another one that is
// mounted below mean others. What vanishes meanwhile is left out.
func (n *cgroupNames) walk() {
	n.paths = make(map[uint64]string)

	var device uint64

	_ = filepath.WalkDir(n.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil //nolint:nilerr // the rest is of use without it
		}

		info, err := entry.Info()
		if err != nil {
			return nil //nolint:nilerr // the same
		}

		stat, ok := info.Sys().(*syscall.Stat_t)

		switch {
		case !ok:
			return nil
		case path == n.root:
			device = stat.Dev
		case stat.Dev != device:
			return fs.SkipDir
		}

		n.paths[stat.Ino] = "/" + strings.TrimPrefix(strings.TrimPrefix(path, n.root), "/")

		return nil
	})
}

// interfaceName returns the name of an interface, empty if there is none.
func interfaceName(index uint32) string {
	i, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return ""
	}

	return i.Name
}
