package owner

import (
	"context"
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxWatches is the maximum number of cgroups that are watched; the kernel needs about
	// 1 KiB for each.
	maxWatches = 1 << 14
	// watchShare is the part of the user's watches that the exporter takes at most: other
	// programs of the user need some, too.
	watchShare = 4
	// watchMask selects the events. The watch of a cgroup does not end with it (kernfs), so
	// its end is taken from the watch of its parent.
	watchMask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW
)

var (
	errLate    = errors.New("not all cgroups were read in time")
	errTooMany = errors.New("too many cgroups to watch")
	errGone    = errors.New("the hierarchy is gone")
)

// watcher keeps a tree up to date by inotify. It is for one goroutine.
type watcher struct {
	root  string
	tree  *tree
	file  *os.File // the inotify instance, also fd
	fd    int
	limit int
	// cgroups are those that are watched, by watch descriptor; watches are the reverse.
	cgroups map[int32]cgroup
	watches map[string]int32
	device  uint64
	// complete: all cgroups were read.
	complete bool
}

type cgroup struct {
	id   uint64
	path string
}

// newWatcher watches the cgroups below a root, at most limit. It returns nil if they cannot
// be watched. If stop returns true, the others are read by run.
func newWatcher(root string, t *tree, limit int, stop func() bool) *watcher {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}

	w := &watcher{root: root, tree: t, file: os.NewFile(uintptr(fd), "inotify"), fd: fd, limit: limit}
	w.reset()

	err = w.scan("/", stop)
	if err == nil && len(w.cgroups) == 0 {
		err = errGone
	}

	w.complete = err == nil

	if !w.complete && !errors.Is(err, errLate) {
		_ = w.file.Close()

		return nil
	}

	return w
}

// watchLimit returns how many cgroups may be watched: see [maxWatches] and [watchShare].
func watchLimit() int {
	const smallest = 1 << 13 // of fs.inotify.max_user_watches, by default

	text, _ := os.ReadFile("/proc/sys/fs/inotify/max_user_watches")

	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		n = smallest
	}

	return min(n/watchShare, maxWatches)
}

// run processes events until ctx is done, or until there is a reason not to watch any more.
func (w *watcher) run(ctx context.Context) {
	defer w.file.Close()

	end := context.AfterFunc(ctx, func() { _ = w.file.SetReadDeadline(time.Now()) })
	defer end()

	stop := func() bool { return ctx.Err() != nil }
	if !w.complete && w.rescan(stop) != nil {
		return
	}

	const size = 16 << 10

	buffer := make([]byte, size)

	for {
		n, err := w.file.Read(buffer)
		if err != nil {
			return
		}

		for _, e := range parseEvents(buffer[:n]) {
			if w.handle(&e, stop) != nil {
				return
			}
		}
	}
}

// handle processes an event.
func (w *watcher) handle(e *event, stop func() bool) error {
	at, known := w.cgroups[e.watch]

	switch {
	case e.mask&unix.IN_Q_OVERFLOW != 0:
		return w.rescan(stop)
	case !known:
		return nil
	case e.mask&unix.IN_IGNORED != 0 && at.path == "/":
		return errGone
	case e.mask&unix.IN_ISDIR == 0:
		return nil
	case e.mask&unix.IN_DELETE != 0:
		w.remove(path.Join(at.path, e.name))
	case e.mask&unix.IN_CREATE != 0:
		return w.scan(path.Join(at.path, e.name), stop)
	}

	return nil
}

// reset forgets all cgroups.
func (w *watcher) reset() {
	w.cgroups, w.watches = make(map[int32]cgroup), make(map[string]int32)
}

// remove ends the watch of a cgroup that is gone.
func (w *watcher) remove(name string) {
	watch, known := w.watches[name]
	if !known {
		return
	}

	_, _ = unix.InotifyRmWatch(w.fd, uint32(watch))

	w.tree.remove(w.cgroups[watch].id, time.Now())
	delete(w.cgroups, watch)
	delete(w.watches, name)
}

// rescan reads all cgroups, because events were lost or those at the start were too many.
func (w *watcher) rescan(stop func() bool) error {
	before := w.cgroups
	w.reset()

	if err := w.scan("/", stop); err != nil {
		return err
	}

	for watch, c := range before {
		if w.cgroups[watch].id != c.id {
			_, _ = unix.InotifyRmWatch(w.fd, uint32(watch))

			w.tree.remove(c.id, time.Now())
		}
	}

	return nil
}

// scan watches a cgroup and those below it. It watches each before it lists what is below,
// so that one which appears meanwhile is in the list, or causes an event, or both. Cgroups
// that vanish meanwhile, or that may not be read, are left out.
func (w *watcher) scan(name string, stop func() bool) error {
	if stop() {
		return errLate
	}

	dir := path.Join(w.root, name)

	id, ok := w.inode(dir, name == "/")
	if !ok {
		return nil
	}

	if len(w.cgroups) >= w.limit {
		return errTooMany
	}

	watch, err := unix.InotifyAddWatch(w.fd, dir, watchMask)

	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EACCES):
		return nil
	case err != nil:
		return err
	}

	w.cgroups[int32(watch)], w.watches[name] = cgroup{id, name}, int32(watch)
	w.tree.add(id, name)

	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}

		if err := w.scan(path.Join(name, entry.Name()), stop); err != nil {
			return err
		}
	}

	return nil
}

// inode returns the inode of a directory, and reports whether it exists and is in the
// hierarchy: another one may be mounted below.
func (w *watcher) inode(dir string, isRoot bool) (uint64, bool) {
	var stat syscall.Stat_t
	if syscall.Lstat(dir, &stat) != nil {
		return 0, false
	}

	if isRoot {
		w.device = stat.Dev
	}

	return stat.Ino, stat.Dev == w.device
}
