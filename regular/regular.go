// Package regular opens regular files and refuses all others: opening or reading a FIFO, a
// device, or a file of the kernel such as /proc/kmsg may never end.
package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotRegular means that a file is not a regular one.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a file for reading. The error matches [ErrNotRegular] if it is not regular.
func Open(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}

	info, err := file.Stat()
	if err == nil {
		err = check(path, info, func(fs *unix.Statfs_t) error { return unix.Fstatfs(int(file.Fd()), fs) })
	}

	if err != nil {
		_ = file.Close()

		return nil, err
	}

	return file, nil
}

// Check reports an error if a file is missing, is not regular (which matches
// [ErrNotRegular]), or has more than limit bytes. It does not open the file.
func Check(path string, limit int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}

	if info.Mode().IsRegular() && info.Size() > limit {
		return &fs.PathError{Op: "read", Path: path, Err: TooLarge(limit)}
	}

	return check(path, info, func(fs *unix.Statfs_t) error { return unix.Statfs(path, fs) })
}

// TooLarge returns the error about a file of more than limit bytes, which are whole MiB.
func TooLarge(limit int64) error { return fmt.Errorf("larger than %d MiB", limit>>20) }

// check checks a file that exists; stat returns its file system.
func check(path string, info fs.FileInfo, stat func(*unix.Statfs_t) error) error {
	var system unix.Statfs_t

	regular := info.Mode().IsRegular()

	if stat(&system) == nil {
		switch system.Type {
		case unix.PROC_SUPER_MAGIC, unix.TRACEFS_MAGIC, unix.DEBUGFS_MAGIC:
			regular = false // files of the kernel look regular, but some block when they are read
		}
	}

	if !regular {
		return &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}

	return nil
}
