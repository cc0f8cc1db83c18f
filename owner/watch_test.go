package owner

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// awaitName waits until a cgroup has a name.
func awaitName(t *testing.T, c *Cgroups, id uint64, want string) {
	t.Helper()

	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		if name, known := c.also(id); known {
			if name != want {
				t.Errorf("%d is named %q, want %q", id, name, want)
			}

			return
		}

		if time.Now().After(deadline) {
			t.Fatalf("%s is not known", want)
		}
	}
}

// noWalks makes any walk an error.
func noWalks(t *testing.T, c *Cgroups) {
	t.Helper()

	c.read = func(func() bool) (map[uint64]string, bool) {
		t.Error("a walk")

		return nil, true
	}
}

// watched returns the cgroups of a hierarchy that are watched without walks.
func watched(t *testing.T, h *hierarchy) *Cgroups {
	t.Helper()

	c := NewCgroups(h.root)
	if c.watcher == nil {
		t.Fatal("not watched")
	}

	noWalks(t, c)

	var group sync.WaitGroup

	group.Go(func() { c.Run(t.Context()) })
	t.Cleanup(group.Wait)

	return c
}

// TestWatch: cgroups that exist and that appear are known without a walk, also those that
// appear below a new one before it is watched.
func TestWatch(t *testing.T) {
	h := &hierarchy{t, t.TempDir()}
	old := h.add("/system.slice/web.service")
	c := watched(t, h)

	awaitName(t, c, old, "/system.slice/web.service")

	const (
		makers = 4
		each   = 100
	)

	var group sync.WaitGroup

	ids := make([][each]uint64, makers)

	for m := range ids {
		group.Go(func() {
			for n := range ids[m] {
				ids[m][n] = h.add(fmt.Sprintf("/%d.slice/%d/a/b/c", m, n))
			}
		})
	}

	group.Wait()

	for m := range ids {
		for n, id := range ids[m] {
			awaitName(t, c, id, fmt.Sprintf("/%d.slice/%d/a/b/c", m, n))
		}
	}
}

// TestWatchOfCgroups: the same in the hierarchy of this host.
func TestWatchOfCgroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}

	root := cgroupRoot(t)
	name := fmt.Sprintf("/tcphealth-test-%d.slice", os.Getpid())
	dir := filepath.Join(root, name)

	t.Cleanup(func() { _ = errors.Join(os.Remove(dir+"/web.service"), os.Remove(dir)) })

	h := &hierarchy{t, root}
	c := watched(t, h)
	id := h.add(name + "/web.service")
	awaitName(t, c, id, name+"/web.service")

	if err := errors.Join(os.Remove(dir+"/web.service"), os.Remove(dir)); err != nil {
		t.Fatal(err)
	}

	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		c.watcher.tree.mutex.Lock()
		_, gone := c.watcher.tree.gone[id]
		c.watcher.tree.mutex.Unlock()

		if gone {
			break
		}

		if time.Now().After(deadline) {
			t.Fatal("the removal is not known")
		}
	}

	awaitName(t, c, id, name+"/web.service") // its sockets may remain
}

// cgroupRoot returns the mount of the cgroup v2 hierarchy.
func cgroupRoot(tb testing.TB) string {
	tb.Helper()

	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return dir
		}
	}

	tb.Skip("no cgroup v2")

	return ""
}

// TestLostEvents: after an overflow, all cgroups are read again.
func TestLostEvents(t *testing.T) {
	h := &hierarchy{t, t.TempDir()}
	gone := h.add("/a/gone")
	c := NewCgroups(h.root)

	if err := syscall.Rmdir(filepath.Join(h.root, "a/gone")); err != nil {
		t.Fatal(err)
	}

	fresh := h.add("/b/new")

	if err := c.watcher.handle(&event{watch: -1, mask: unix.IN_Q_OVERFLOW}, func() bool { return false }); err != nil {
		t.Fatal(err)
	}

	awaitName(t, c, fresh, "/b/new")

	if g := c.watcher.tree.gone; len(g) != 1 || g[gone].IsZero() {
		t.Errorf("gone are %v, want %d", g, gone)
	}

	// An event of a watch that has ended is ignored.
	if err := c.watcher.handle(&event{watch: 999, mask: unix.IN_IGNORED}, nil); err != nil {
		t.Error(err)
	}
}

// TestNoWatch: where there are too many cgroups, at the start or later, walks find them.
func TestNoWatch(t *testing.T) {
	for name, tc := range map[string]struct {
		limit   int
		watched bool
	}{"at the start": {2, false}, "later": {5, true}} {
		t.Run(name, func(t *testing.T) {
			h := &hierarchy{t, t.TempDir()}
			old := h.add("/a/b")
			c := newCgroups(h.root, startLimit, tc.limit)

			if (c.watcher != nil) != tc.watched {
				t.Fatalf("watched: %v", c.watcher != nil)
			}

			go c.Run(t.Context())

			if path, known := c.Name(old); path != "/a/b" || !known {
				t.Errorf("%q, known %v", path, known)
			}

			requireAppears(t, h, c)
		})
	}

	if c := NewCgroups(filepath.Join(t.TempDir(), "none")); c.watcher != nil {
		t.Error("a directory that does not exist is watched")
	}
}

// TestGoneHierarchy: watching ends with the root.
func TestGoneHierarchy(t *testing.T) {
	h := &hierarchy{t, filepath.Join(t.TempDir(), "root")}
	h.add("/")

	c := NewCgroups(h.root)
	if err := syscall.Rmdir(h.root); err != nil {
		t.Fatal(err)
	}

	c.watcher.run(t.Context()) // returns
}

func TestMemory(t *testing.T) {
	start := time.Unix(1e9, 0)
	watched := newTree()

	for id, path := range map[uint64]string{1: "/a", 2: "/b", 3: "/c", 4: "/d"} {
		watched.add(id, path)
	}

	// It was another one, with the same path.
	watched.remove(4, start)
	watched.add(4, "/d")

	var walked memories

	walked.merge(map[uint64]string{1: "/a", 2: "/b", 3: "/c"}, start)

	walk := func(at time.Time, paths map[uint64]string) map[uint64]string {
		walked.merge(paths, at)

		return paths
	}

	for _, tc := range []struct {
		after   time.Duration
		gone    uint64
		present map[uint64]string
		want    map[uint64]bool
	}{
		{0, 1, map[uint64]string{2: "/b", 3: "/c"}, map[uint64]bool{1: true, 2: true, 3: true}},
		{memory, 2, map[uint64]string{3: "/c"}, map[uint64]bool{1: true, 2: true, 3: true}},
		{memory + 1, 3, map[uint64]string{}, map[uint64]bool{1: false, 2: true, 3: true}},
		{3 * memory, 5, map[uint64]string{}, map[uint64]bool{1: false, 2: false, 3: false}},
	} {
		watched.remove(tc.gone, start.Add(tc.after))
		names := walk(start.Add(tc.after), tc.present)

		for id, want := range tc.want {
			if _, known := watched.path(id); known != want {
				t.Errorf("after %v, %d is known: %v, while watched", tc.after, id, known)
			}

			if _, known := names[id]; known != want {
				t.Errorf("after %v, %d is known: %v, by walks", tc.after, id, known)
			}
		}
	}

	if _, known := watched.path(4); !known || len(watched.paths) != 1 {
		t.Errorf("%v are known, want the one that exists", watched.paths)
	}
}

// encodeEvent is the reverse of parseEvents.
func encodeEvent(e event) []byte {
	size := (len(e.name) + 1 + 15) / 16 * 16
	if e.name == "" {
		size = 0
	}

	b := binary.NativeEndian.AppendUint32(nil, uint32(e.watch))
	b = binary.NativeEndian.AppendUint32(b, e.mask)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(size))

	return append(b, append([]byte(e.name), make([]byte, size-len(e.name))...)...)
}

func TestParseEvents(t *testing.T) {
	all := []event{{1, unix.IN_CREATE | unix.IN_ISDIR, "web.service"}, {-1, unix.IN_Q_OVERFLOW, ""}, {2, unix.IN_IGNORED, ""}, {3, 1, "0123456789abcde"}}

	var b []byte
	for _, e := range all {
		b = append(b, encodeEvent(e)...)
	}

	if got := parseEvents(b); !slices.Equal(got, all) {
		t.Errorf("%+v, want %+v", got, all)
	}

	if got := parseEvents(b[:len(b)-1]); !slices.Equal(got, all[:3]) {
		t.Errorf("without the last byte: %+v", got)
	}

	if got := parseEvents(b[:15]); got != nil {
		t.Errorf("without a header: %+v", got)
	}
}

// FuzzParseEvents: names are within the bytes and without a zero.
func FuzzParseEvents(f *testing.F) {
	f.Add(encodeEvent(event{1, unix.IN_CREATE, "a"}))
	f.Add(make([]byte, 40))

	f.Fuzz(func(t *testing.T, b []byte) {
		size := 0

		for _, e := range parseEvents(b) {
			size += unix.SizeofInotifyEvent + len(e.name)

			if slices.Contains([]byte(e.name), 0) {
				t.Errorf("%q", e.name)
			}
		}

		if size > len(b) {
			t.Errorf("%d bytes of events in %d", size, len(b))
		}
	})
}

// thousand makes a thousand cgroups, and returns the hierarchy. Tests of cost need root.
func thousand(b *testing.B) *hierarchy {
	b.Helper()

	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}

	root := filepath.Join(cgroupRoot(b), fmt.Sprintf("tcphealth-test-%d.slice", os.Getpid()))
	dirs := []string{root}

	for n := range 1000 {
		dirs = append(dirs, filepath.Join(root, fmt.Sprintf("%d.service", n)))
	}

	b.Cleanup(func() {
		for _, dir := range slices.Backward(dirs) {
			_ = os.Remove(dir)
		}
	})

	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
	}

	return &hierarchy{root: root}
}

// BenchmarkWalk is the cost of one unknown id among a thousand cgroups without watches.
func BenchmarkWalk(b *testing.B) {
	h := thousand(b)

	for b.Loop() {
		if names, _ := readCgroups(h.root, func() bool { return false }); len(names) != 1001 {
			b.Fatalf("%d cgroups", len(names))
		}
	}
}

// BenchmarkWatchStart is the cost of watching a thousand cgroups.
func BenchmarkWatchStart(b *testing.B) {
	h := thousand(b)

	for b.Loop() {
		w := newWatcher(h.root, newTree(), maxWatches, func() bool { return false })
		if w == nil || len(w.cgroups) != 1001 {
			b.Fatal("not watched")
		}

		_ = w.file.Close()
	}
}

// BenchmarkWatchNew is the time from the creation of a cgroup until its path is known, among a
// thousand others, with its creation and removal.
func BenchmarkWatchNew(b *testing.B) {
	h := thousand(b)
	watched := newTree()
	w := newWatcher(h.root, watched, maxWatches, func() bool { return false })

	go w.run(b.Context())

	dir := filepath.Join(h.root, "new.service")

	var total time.Duration

	for b.Loop() {
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}

		began := time.Now()

		var stat syscall.Stat_t
		if err := syscall.Lstat(dir, &stat); err != nil {
			b.Fatal(err)
		}

		for known := false; !known; _, known = watched.path(stat.Ino) {
			time.Sleep(time.Microsecond)
		}

		total += time.Since(began)

		if err := os.Remove(dir); err != nil {
			b.Fatal(err)
		}
	}

	b.ReportMetric(float64(total.Microseconds())/float64(b.N), "us/known")
}
