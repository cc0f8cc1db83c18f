package owner

import (
	"context"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// walkPause is the minimum time between two walks through the hierarchy of cgroups,
	// which may have thousands.
	walkPause = 10 * time.Second
	// maxUnknown bounds the ids that were looked up and not found.
	maxUnknown = 1 << 14
)

// Cgroups maps cgroup ids to paths.
type Cgroups struct {
	root   string
	wanted chan struct{}

	mutex sync.Mutex // never held while reading files
	names map[uint64]string
	// asked are the unknown ids since the last walk began, absent those that no walk
	// has found.
	asked, absent map[uint64]struct{}
}

// NewCgroups returns the cgroups below a mount of the cgroup v2 hierarchy. It reads
// them once; [Cgroups.Run] does it again when an id is unknown.
func NewCgroups(root string) *Cgroups {
	c := &Cgroups{
		root:   root,
		wanted: make(chan struct{}, 1),
		asked:  make(map[uint64]struct{}),
		absent: make(map[uint64]struct{}),
	}
	c.walk()

	return c
}

// Name returns the path of a cgroup below the root, empty if there is none, and
// reports whether that is known yet. It never blocks.
func (c *Cgroups) Name(id uint64) (path string, known bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	if path, known = c.names[id]; known {
		return path, true
	}

	if _, known = c.absent[id]; known || len(c.asked) >= maxUnknown {
		return "", true
	}

	c.asked[id] = struct{}{}

	select {
	case c.wanted <- struct{}{}:
	default:
	}

	return "", false
}

// Run reads the cgroups whenever an id is unknown, at most every ten seconds, until
// ctx is done.
func (c *Cgroups) Run(ctx context.Context) { c.run(ctx, walkPause) }

func (c *Cgroups) run(ctx context.Context, pause time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wanted:
		}

		c.walk()

		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// walk reads all cgroups.
func (c *Cgroups) walk() {
	c.mutex.Lock()
	asked := c.asked
	c.asked = make(map[uint64]struct{})
	c.mutex.Unlock()

	names := readCgroups(c.root)

	c.mutex.Lock()
	defer c.mutex.Unlock()

	if len(c.absent) >= maxUnknown {
		clear(c.absent)
	}

	maps.Copy(c.absent, asked)
	maps.DeleteFunc(c.absent, func(id uint64, _ struct{}) bool { _, found := names[id]; return found })

	c.names = names
}

// readCgroups returns the paths of all cgroups below a root by their ids, without
// those of other hierarchies that are mounted below. What vanishes meanwhile is left
// out.
func readCgroups(root string) map[uint64]string {
	names := make(map[uint64]string)

	var device uint64

	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
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
		case path == root:
			device = stat.Dev
		case stat.Dev != device:
			return fs.SkipDir
		}

		names[stat.Ino] = "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")

		return nil
	})

	return names
}
