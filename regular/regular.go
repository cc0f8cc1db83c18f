// Package regular opens regular files and refuses all others: opening or reading a FIFO, a
// device or a kernel file such as /proc/kmsg may block forever.
package regular

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// MaxConfigBytes is the maximum size of a configuration file.
const MaxConfigBytes = 16 << 20

var (
	// ErrNotRegular indicates that a file is not a regular file, or that it is in procfs,
	// tracefs, debugfs or securityfs.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge indicates that a file is larger than [MaxConfigBytes].
	ErrTooLarge = errors.New("larger than 16 MiB")
)

// Open opens a file for reading. The error matches [ErrNotRegular] if it is not regular.
func Open(path string) (*os.File, error) {
	if _, err := check(path); errors.Is(err, ErrNotRegular) {
		return nil, err // opening a device may have an effect
	}

	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}

	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}

	if err != nil {
		_ = file.Close()

		return nil, err
	}

	return file, nil
}

// CheckConfig returns an error if a configuration file is missing, is not regular, or is
// larger than [MaxConfigBytes]. The error matches [ErrNotRegular] or [ErrTooLarge]. It does
// not open the file.
func CheckConfig(path string) error {
	info, err := check(path)
	if err == nil && info.Size() > MaxConfigBytes {
		err = &fs.PathError{Op: "read", Path: path, Err: ErrTooLarge}
	}

	return err
}

// check returns an error if a file is missing or not regular.
func check(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}

	var system unix.Statfs_t

	regular := info.Mode().IsRegular()

	if unix.Statfs(path, &system) == nil {
		switch system.Type {
		case unix.PROC_SUPER_MAGIC, unix.TRACEFS_MAGIC, unix.DEBUGFS_MAGIC, unix.SECURITYFS_MAGIC:
			regular = false // kernel files appear regular, but reading some of them blocks
		}
	}

	if !regular {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}

	return info, nil
}
