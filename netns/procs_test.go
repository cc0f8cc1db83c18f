package netns

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// procfsOf makes files as in procfs.
func procfsOf(t *testing.T, files ...string) string {
	t.Helper()

	root := t.TempDir()

	for _, name := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("1 1 1 1/1 17\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}

	return root
}

// TestProcs reads a directory that looks like procfs.
func TestProcs(t *testing.T) {
	p, err := newProcs(procfsOf(t, "self/net/tcp", "1/net/tcp", "20/net/tcp", "30/stat", "loadavg", "sys/net/tcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()

	pids, err := p.list()
	slices.Sort(pids)

	if !slices.Equal(pids, []int{1, 20, 30}) || err != nil {
		t.Errorf("processes %v, %v", pids, err)
	}

	if last, err := p.last(); last != 17 || err != nil {
		t.Errorf("last process id %d, %v", last, err)
	}

	if p.own == 0 || p.inode(1) == 0 || p.inode(1) == p.own || p.inode(30) != 0 || p.inode(99) != 0 {
		t.Errorf("own inode %d, that of 1: %d, of 30: %d, of 99: %d", p.own, p.inode(1), p.inode(30), p.inode(99))
	}

	if p.hidden() {
		t.Error("hidden, though there is process 1")
	}
}

// TestProcsHidden: without process 1, the processes of others are hidden.
func TestProcsHidden(t *testing.T) {
	p, err := newProcs(procfsOf(t, "self/net/tcp", "20/net/tcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()

	if !p.hidden() {
		t.Error("not hidden")
	}
}

// TestProcsMissing: what is no procfs is refused.
func TestProcsMissing(t *testing.T) {
	for _, root := range []string{procfsOf(t, "1/net/tcp"), filepath.Join(t.TempDir(), "missing")} {
		if _, err := New(Config{Procfs: root}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", root, err)
		}
	}
}

func TestParseLastPID(t *testing.T) {
	if last, err := parseLastPID([]byte("4.51 3.70 2.52 3/154 11953\n")); last != 11953 || err != nil {
		t.Errorf("last process id %d, %v", last, err)
	}

	for _, text := range []string{"", "4.51 3.70 2.52 3/154\n", "4.51 3.70 2.52 3/154 x\n"} {
		if last, err := parseLastPID([]byte(text)); err == nil {
			t.Errorf("%q: last process id %d, want an error", text, last)
		}
	}
}
