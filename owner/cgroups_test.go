package owner

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// hierarchy is a directory that stands for a mount of cgroups.
type hierarchy struct {
	t    *testing.T
	root string
}

// add makes a cgroup and returns its id.
func (h *hierarchy) add(path string) uint64 {
	h.t.Helper()

	dir := filepath.Join(h.root, path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}

	return h.inode(dir)
}

func (h *hierarchy) inode(path string) uint64 {
	h.t.Helper()

	info, err := os.Stat(path)
	if err != nil {
		h.t.Fatal(err)
	}

	return info.Sys().(*syscall.Stat_t).Ino
}

func TestCgroupNames(t *testing.T) {
	h := &hierarchy{t, t.TempDir()}
	top, web := h.add("/"), h.add("/system.slice/web.service")

	// A file is no cgroup, whatever its inode.
	procs := filepath.Join(h.root, "cgroup.procs")
	if err := os.WriteFile(procs, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	c := NewCgroups(h.root)
	file := h.inode(procs)

	for id, want := range map[uint64]string{top: "/", web: "/system.slice/web.service"} {
		if got, known := c.Name(id); got != want || !known {
			t.Errorf("%d is named %q, known %v, want %q", id, got, known, want)
		}
	}

	for _, id := range []uint64{file, 1 << 60} {
		if got, known := c.Name(id); got != "" || known {
			t.Errorf("%d is named %q, known %v before a walk", id, got, known)
		}
	}

	c.update(t.Context())

	for _, id := range []uint64{file, 1 << 60} {
		if got, known := c.Name(id); got != "" || !known {
			t.Errorf("%d is named %q, known %v, though it does not exist", id, got, known)
		}
	}
}

// TestCgroupsAppear: an id that is looked up too early is known later, without a walk
// by the caller.
func TestCgroupsAppear(t *testing.T) {
	h := &hierarchy{t, t.TempDir()}
	c := NewCgroups(h.root)

	go c.run(t.Context(), 0, time.Millisecond)

	requireAppears(t, h, c)
}

// TestSlowStart: what the walk at the start does not reach in time is known later.
func TestSlowStart(t *testing.T) {
	h := &hierarchy{t, t.TempDir()}
	id := h.add("/system.slice")
	c := newCgroups(h.root, -1, 0)

	if name, known := c.Name(id); name != "" || known {
		t.Errorf("%d is named %q, known %v, without time for a walk", id, name, known)
	}

	go c.run(t.Context(), 0, time.Millisecond)

	requireAppears(t, h, c)
}

// requireAppears adds cgroups and waits until their names are known.
func requireAppears(t *testing.T, h *hierarchy, c *Cgroups) {
	t.Helper()

	for _, path := range []string{"/early", "/late.slice/web.service"} {
		id := h.add(path)

		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if name, known := c.Name(id); known {
				if name != path {
					t.Errorf("%d is named %q, want %q", id, name, path)
				}

				break
			}

			if time.Now().After(deadline) {
				t.Fatalf("%s is not known", path)
			}
		}
	}
}

// TestUnknownCgroupsAreBounded: ids that do not exist cannot fill the memory.
func TestUnknownCgroupsAreBounded(t *testing.T) {
	c := NewCgroups(t.TempDir())

	for id := range uint64(3 * maxUnknown) {
		c.Name(1<<50 + id)
	}

	if len(c.asked) > maxUnknown {
		t.Errorf("%d ids asked", len(c.asked))
	}

	for range 3 {
		c.update(t.Context())

		for id := range uint64(maxUnknown) {
			c.Name(1<<51 + id)
		}
	}

	if n := len(c.found.Load().absent); n > 2*maxUnknown {
		t.Errorf("%d absent ids", n)
	}
}

// TestNoNeedlessWalk: known ids need no walk.
func TestNoNeedlessWalk(t *testing.T) {
	h := &hierarchy{t, t.TempDir()}
	c := NewCgroups(h.root)
	id := h.add("/early")
	c.Name(id)

	if !c.update(t.Context()) {
		t.Error("no walk for an unknown id")
	}

	c.asked[id] = struct{}{} // by a look-up while the walk was on its way

	if c.update(t.Context()) {
		t.Error("a walk for a known id")
	}
}

// TestCgroupsOfThisHost looks up the root, whose id is the inode of its directory.
func TestCgroupsOfThisHost(t *testing.T) {
	const root = "/sys/fs/cgroup"

	if _, err := os.Stat(root); err != nil {
		t.Skip("no cgroups")
	}

	id := (&hierarchy{t, root}).inode(root)
	if got, known := NewCgroups(root).Name(id); got != "/" || !known {
		t.Errorf("the root is named %q, known %v", got, known)
	}
}
