package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestCgroupNames(t *testing.T) {
	root := t.TempDir()
	names := &cgroupNames{root: root}
	makeCgroup := func(path string) uint64 {
		dir := filepath.Join(root, path)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}

		return inode(t, dir)
	}

	top, web := makeCgroup("/"), makeCgroup("/system.slice/web.service")

	// A file is no cgroup, whatever its inode.
	procs := filepath.Join(root, "cgroup.procs")
	writeFile(t, procs, "")

	for id, want := range map[uint64]string{top: "/", web: "/system.slice/web.service", inode(t, procs): "", 1 << 60: ""} {
		if got := names.name(id); got != want {
			t.Errorf("%d is called %q, want %q", id, got, want)
		}
	}

	// A new one is found at the next walk, which does not come at once.
	late := makeCgroup("/late")
	if got := names.name(late); got != "" {
		t.Errorf("found %q without a walk", got)
	}

	names.walked = names.walked.Add(-cgroupPause)
	if got := names.name(late); got != "/late" {
		t.Errorf("found %q", got)
	}

	if age := time.Since(names.walked); age > patience {
		t.Errorf("the last walk was %v ago", age)
	}
}

// TestCgroupNamesOfThisHost asks for the id that the filter language finds.
func TestCgroupNamesOfThisHost(t *testing.T) {
	id, found := cgroupID("/")
	if !found {
		t.Skip("no cgroup v2")
	}

	if got := (&cgroupNames{root: cgroupRoot}).name(id); got != "/" {
		t.Errorf("the root is called %q", got)
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()

	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	return info.Sys().(*syscall.Stat_t).Ino
}
