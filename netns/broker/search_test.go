package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// hierarchy creates directories with a cgroup.procs file each, and returns their root.
func hierarchy(t *testing.T, procs map[string]string) string {
	t.Helper()

	root := t.TempDir()

	for name, list := range procs {
		dir := filepath.Join(root, name)
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(list), 0o600))
	}

	return root
}

// listenInode returns the inode number of a socket of this process.
func listenInode(t *testing.T) uint64 {
	t.Helper()

	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })

	raw, err := listener.SyscallConn()
	must(t, err)

	var stat unix.Stat_t

	must(t, raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &stat) }))
	must(t, err)

	return stat.Ino
}

// TestFindHolder searches for a socket of this process in cgroups made of plain files.
func TestFindHolder(t *testing.T) {
	self, socket := os.Getpid(), listenInode(t)
	root := hierarchy(t, map[string]string{
		"a":       "",
		"a/deep":  fmt.Sprintf("0\n2147483647\n%d\nx\n", self),
		"b":       "2147483647\n",
		"b/child": fmt.Sprintln(self),
	})
	id := func(name string) uint64 { return inodeOf(t, filepath.Join(root, name)) }
	goOn := func() bool { return false }

	comm, err := os.ReadFile("/proc/self/comm")
	must(t, err)

	pid, name, err := findHolder(root, id("a/deep"), socket, goOn)
	if pid != int32(self) || name+"\n" != string(comm) || err != nil {
		t.Errorf("found %d %q, %v; want %d %q", pid, name, err, self, comm)
	}

	for name, ids := range map[string]struct{ cgroup, socket uint64 }{
		"no process":     {id("a"), socket},
		"in a child":     {id("b"), socket},
		"another socket": {id("a/deep"), socket + 1<<40},
		"no such cgroup": {1 << 60, socket},
		"a file":         {id("a/deep/cgroup.procs"), socket},
	} {
		if pid, comm, err := findHolder(root, ids.cgroup, ids.socket, goOn); pid != 0 || comm != "" || !errors.Is(err, unix.ENOENT) {
			t.Errorf("%s: %d %q, %v", name, pid, comm, err)
		}
	}

	if _, _, err := findHolder(filepath.Join(root, "none"), id("a"), socket, goOn); !errors.Is(err, unix.ENOENT) {
		t.Errorf("no hierarchy: %v", err)
	}
}

// TestFindHolderStops: whenever the time is up, the search ends there.
func TestFindHolderStops(t *testing.T) {
	root := hierarchy(t, map[string]string{"a/deep": fmt.Sprintf("%d\n%d\n", os.Getpid(), os.Getpid())})
	cgroup := inodeOf(t, filepath.Join(root, "a/deep"))
	calls, end := 0, 0
	stop := func() bool { calls++; return calls >= end }

	for end = 1; ; end++ {
		calls = 0

		_, _, err := findHolder(root, cgroup, 1<<60, stop)
		if errors.Is(err, unix.ENOENT) {
			break
		}

		if !errors.Is(err, unix.ETIMEDOUT) || calls > end+1 { // also asks why it found nothing
			t.Errorf("stop %d of %d: %v", end, calls, err)
		}
	}

	if end < 8 { // three directories, and for each process before and after its descriptors
		t.Errorf("the search asked only %d times whether to stop", end-1)
	}
}

func TestParsePIDs(t *testing.T) {
	for list, want := range map[string][]int32{
		"":                             nil,
		"30\n4\n":                      {4, 30},
		"0\n-1\n2147483648\n7":         {7},
		"12 x\n99999999999999999999\n": {12},
	} {
		if got := parsePIDs(list); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", list, got, want)
		}
	}
}
