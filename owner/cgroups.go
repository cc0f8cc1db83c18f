package owner

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// startLimit is the maximum duration of the reading that [NewCgroups] waits for.
	startLimit = 2 * time.Second
	// watchDelay is how long an event about a new cgroup may take.
	watchDelay = 100 * time.Millisecond
)

// Cgroups maps cgroup ids to paths. It watches the hierarchy for new cgroups, or walks through
// it where that is not possible.
type Cgroups struct {
	*lookup[uint64, string]

	watcher *watcher // nil for none
}

// NewCgroups returns the cgroups below a mount of the cgroup v2 hierarchy. It reads them
// once; [Cgroups.Run] finds new ones.
func NewCgroups(root string) *Cgroups { return newCgroups(root, startLimit, watchLimit()) }

func newCgroups(root string, limit time.Duration, watches int) *Cgroups {
	deadline := time.Now().Add(limit)
	late := func() bool { return time.Now().After(deadline) }
	watched := newTree()

	var kept memories

	read := func(stop func() bool) (map[uint64]string, bool) {
		names, complete := readCgroups(root, stop)
		if complete {
			kept.merge(names, time.Now())
		}

		return names, complete
	}

	c := &Cgroups{watcher: newWatcher(root, watched, watches, late)}
	if c.watcher != nil {
		late = func() bool { return true } // they have just been read
	}

	c.lookup = newLookup(false, late, read)
	c.also = watched.path

	return c
}

// Name returns the path of a cgroup below the root, empty if there is none, and
// reports whether that is known yet. It never waits for a reading.
func (c *Cgroups) Name(id uint64) (path string, known bool) { return c.of(id) }

// Run follows the hierarchy until ctx is done. It walks through it when an id is unknown;
// seldom while it is watched, because then the cgroup is gone.
func (c *Cgroups) Run(ctx context.Context) {
	if c.watcher != nil {
		watching, cancel := context.WithCancel(ctx)

		var group sync.WaitGroup

		group.Go(func() {
			c.watcher.run(ctx)
			cancel()
		})

		c.run(watching, watchDelay, longestPause)
		group.Wait()
	}

	c.run(ctx, 0, shortestPause)
}

// readCgroups returns the paths of all cgroups below a root by their ids, without
// those of other hierarchies that are mounted below. Cgroups that vanish meanwhile are
// left out. It reports whether it ended before stop returned true.
func readCgroups(root string, stop func() bool) (names map[uint64]string, complete bool) {
	names, complete = make(map[uint64]string), true

	var device uint64

	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if stop() {
			complete = false

			return fs.SkipAll
		}

		if err != nil || !entry.IsDir() {
			return nil //nolint:nilerr // the other cgroups can be read
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

	return names, complete
}
