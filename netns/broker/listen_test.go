package broker

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestListenMode: the group may connect, others may not, whatever the umask is.
func TestListenMode(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o077} {
		before := unix.Umask(mask)
		path := socketPath(t)

		listener, err := Listen(path)
		after := unix.Umask(before)

		must(t, err)
		t.Cleanup(func() { _ = listener.Close() })

		info, err := os.Lstat(path)
		must(t, err)

		if info.Mode() != fs.ModeSocket|0o660 || after != mask {
			t.Errorf("umask %o: mode %v, umask %o afterwards", mask, info.Mode(), after)
		}
	}
}

// TestListenStale replaces the socket of a broker that has crashed, and nothing else.
func TestListenStale(t *testing.T) {
	stale := socketPath(t)
	crashed, err := Listen(stale)
	must(t, err)
	crashed.SetUnlinkOnClose(false)
	must(t, crashed.Close())

	listener, err := Listen(stale)
	must(t, err)

	defer listener.Close()

	if _, err := Listen(stale); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("in use: %v", err)
	}

	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, []byte("text"), 0o600))

	for _, path := range []string{file, dir} {
		if _, err := Listen(path); !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("%s: %v", path, err)
		}
	}

	if text, err := os.ReadFile(file); string(text) != "text" || err != nil {
		t.Errorf("the file has %q, %v", text, err)
	}

	if _, err := Listen(filepath.Join(dir, "none", "socket")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
}

// TestListenOtherSocket leaves a socket of another type alone, whose process is gone.
func TestListenOtherSocket(t *testing.T) {
	path := socketPath(t)
	other, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)

	defer other.Close()

	if _, err := Listen(path); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("socket of another program: %v", err)
	}
}

// TestListenRefuses: abstract sockets have no permissions, relative paths depend on where the
// broker was started.
func TestListenRefuses(t *testing.T) {
	for _, path := range []string{"@abstract", "\x00abstract", "socket", "./socket", ""} {
		if listener, err := Listen(path); err == nil {
			t.Errorf("%q: listening at %v", path, listener.Addr())
		}
	}
}
