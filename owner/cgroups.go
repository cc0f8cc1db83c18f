package owner

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// startLimit is the maximum duration of the walk that [NewCgroups] waits for.
const startLimit = 2 * time.Second

// Cgroups maps cgroup ids to paths.
type Cgroups struct{ *lookup[uint64, string] }

// NewCgroups returns the cgroups below a mount of the cgroup v2 hierarchy. It reads
// them once; [Cgroups.Run] does it again when an id is unknown.
func NewCgroups(root string) *Cgroups { return newCgroups(root, startLimit) }

func newCgroups(root string, limit time.Duration) *Cgroups {
	deadline := time.Now().Add(limit)
	late := func() bool { return time.Now().After(deadline) }

	return &Cgroups{newLookup(false, late, func(stop func() bool) (map[uint64]string, bool) { return readCgroups(root, stop) })}
}

// Name returns the path of a cgroup below the root, empty if there is none, and
// reports whether that is known yet. It never waits for a walk.
func (c *Cgroups) Name(id uint64) (path string, known bool) { return c.of(id) }

// Run walks through the hierarchy when an id is unknown, until ctx is done.
func (c *Cgroups) Run(ctx context.Context) { c.run(ctx, shortestPause) }

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
