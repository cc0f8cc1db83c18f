package regular

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOthersAreRefused: other files are refused without blocking.
func TestOthersAreRefused(t *testing.T) {
	dir := t.TempDir()
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")

	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.Symlink("/proc/kmsg", link)); err != nil {
		t.Fatal(err)
	}

	for _, path := range []string{fifo, dir, "/dev/zero", "/dev/null", "/proc/kmsg", "/proc/self/maps", link} {
		if file, err := Open(path); !errors.Is(err, ErrNotRegular) || file != nil {
			t.Errorf("Open(%q): %v", path, err)
		}

		if err := CheckConfig(path); !errors.Is(err, ErrNotRegular) {
			t.Errorf("CheckConfig(%q): %v", path, err)
		}
	}
}

// TestRegular: regular files are opened, also through a symbolic link; a missing file is
// reported as missing.
func TestRegular(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")

	if err := errors.Join(os.WriteFile(path, []byte("text"), 0o600), os.Symlink("file", link)); err != nil {
		t.Fatal(err)
	}

	for _, p := range []string{path, link} {
		if err := CheckConfig(p); err != nil {
			t.Error(err)
		}

		file, err := Open(p)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()

		if text, err := io.ReadAll(file); string(text) != "text" || err != nil {
			t.Errorf("read %q, %v", text, err)
		}
	}

	missing := filepath.Join(dir, "missing")
	if _, err := Open(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}

	if err := CheckConfig(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestTooLarge: the size is checked before a byte is read. It does not matter for Open.
func TestTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, MaxConfigBytes+1)); err != nil {
		t.Fatal(err)
	}

	if err := CheckConfig(path); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}

	file, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}

	if err := errors.Join(file.Close(), os.Truncate(path, MaxConfigBytes), CheckConfig(path)); err != nil {
		t.Error(err)
	}
}
