package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// socketMask leaves the mode 0660: the group of the socket's file may connect.
const socketMask = 0o117

// CheckPath returns an error if the broker may not listen at a path. Only sockets with a
// file have permissions, so abstract ones are not allowed.
func CheckPath(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("expected an absolute path, found %q", path)
	}

	return nil
}

// Listen returns a listener at a path, with mode 0660, in place of a socket that no process
// listens on any more. If path is empty, it returns the listener that the service manager
// passes (sd_listen_fds(3)). It sets the umask of the process for a moment.
func Listen(path string) (*net.UnixListener, error) {
	if path == "" {
		return activated()
	}

	if err := CheckPath(path); err != nil {
		return nil, err
	}

	if err := removeStale(path); err != nil {
		return nil, err
	}

	mask := unix.Umask(socketMask)
	defer unix.Umask(mask)

	return net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
}

// removeStale removes a socket that no process listens on.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return nil //nolint:nilerr // listening reports what is wrong
	}

	conn, err := net.DialUnix(network, nil, &net.UnixAddr{Name: path, Net: network})

	switch {
	case err == nil:
		_ = conn.Close()

		return fmt.Errorf("listen at %s: %w", path, unix.EADDRINUSE)
	case errors.Is(err, unix.ECONNREFUSED):
		return os.Remove(path)
	default:
		return nil
	}
}

// activated returns the listener that the service manager passes.
func activated() (*net.UnixListener, error) {
	files := activation.Files(true)
	defer closeFiles(files)

	if len(files) != 1 {
		return nil, fmt.Errorf("expected a path to listen at, or one socket of the service manager, found %d", len(files))
	}

	listener, err := net.FileListener(files[0])
	if err != nil {
		return nil, fmt.Errorf("socket of the service manager: %w", err)
	}

	own, ok := listener.(*net.UnixListener)
	if !ok || own.Addr().Network() != network || CheckPath(own.Addr().String()) != nil {
		err := fmt.Errorf("socket of the service manager: expected ListenSequentialPacket with an absolute path, found %s %s",
			listener.Addr().Network(), listener.Addr())

		return nil, errors.Join(err, listener.Close())
	}

	return own, nil
}

func closeFiles(files []*os.File) {
	for _, file := range files {
		_ = file.Close()
	}
}
