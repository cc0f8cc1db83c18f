package owner

import (
	"context"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// startLimit is the maximum duration of the walk that [NewCgroups] waits for.
	startLimit = 2 * time.Second
	// walkPause is the minimum time between two walks through the hierarchy of cgroups,
	// which may have thousands.
	walkPause = 10 * time.Second
	// maxUnknown is the maximum number of ids to look up, and of those not found.
	maxUnknown = 1 << 14
)

// Cgroups maps cgroup ids to paths.
type Cgroups struct {
	root   string
	wanted chan struct{}
	// found is replaced by each walk.
	found atomic.Pointer[found]

	mutex sync.Mutex // held for a single access to asked
	// asked are the ids that were unknown since the last walk began.
	asked map[uint64]struct{}
}

// found is the result of the walks. It is not modified.
type found struct {
	names map[uint64]string
	// absent are ids that a walk has not found.
	absent map[uint64]struct{}
}

// NewCgroups returns the cgroups below a mount of the cgroup v2 hierarchy. It reads
// them once; [Cgroups.Run] does it again when an id is unknown.
func NewCgroups(root string) *Cgroups { return newCgroups(root, startLimit) }

func newCgroups(root string, limit time.Duration) *Cgroups {
	c := &Cgroups{root: root, wanted: make(chan struct{}, 1), asked: make(map[uint64]struct{})}
	deadline := time.Now().Add(limit)
	names, _ := readCgroups(root, func() bool { return time.Now().After(deadline) })
	c.found.Store(&found{names: names})

	return c
}

// Name returns the path of a cgroup below the root, empty if there is none, and
// reports whether that is known yet. It never waits for a walk.
func (c *Cgroups) Name(id uint64) (path string, known bool) {
	if path, known = c.found.Load().name(id); known {
		return path, true
	}

	c.mutex.Lock()
	full := len(c.asked) >= maxUnknown

	if !full {
		c.asked[id] = struct{}{}
	}

	c.mutex.Unlock()

	select {
	case c.wanted <- struct{}{}:
	default:
	}

	return "", full
}

func (f *found) name(id uint64) (path string, known bool) {
	if path, known = f.names[id]; known {
		return path, true
	}

	_, known = f.absent[id]

	return "", known
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

		if !c.update(ctx) {
			continue
		}

		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// update reads all cgroups, unless the ids have become known meanwhile, and reports
// whether it did.
func (c *Cgroups) update(ctx context.Context) bool {
	before := c.found.Load()

	c.mutex.Lock()
	absent := c.asked
	c.asked = make(map[uint64]struct{})
	c.mutex.Unlock()

	maps.DeleteFunc(absent, func(id uint64, _ struct{}) bool { _, known := before.name(id); return known })

	if len(absent) == 0 {
		return false
	}

	names, complete := readCgroups(c.root, func() bool { return ctx.Err() != nil })
	if !complete {
		return false
	}

	if len(before.absent) < maxUnknown {
		maps.Copy(absent, before.absent)
	}

	maps.DeleteFunc(absent, func(id uint64, _ struct{}) bool { _, exists := names[id]; return exists })
	c.found.Store(&found{names, absent})

	return true
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
