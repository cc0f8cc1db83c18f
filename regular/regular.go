// Package regular opens regular files and refuses all others: opening or reading a FIFO, a
// device or a kernel file such as /proc/kmsg may block forever.
package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotRegular indicates that a file is not a regular file, or that it is in procfs,
// tracefs or debugfs.
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

// Check returns an error if a file is missing, is not regular (the error matches
// [ErrNotRegular]), or is larger than limit bytes. It does not open the file.
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

// TooLarge returns the error for a file larger than limit bytes, a multiple of 1 MiB.
func TooLarge(limit int64) error { return fmt.Errorf("larger than %d MiB", limit>>20) }

// check returns an error if a file is not regular; stat fills in its file system.
func check(path string, info fs.FileInfo, stat func(*unix.Statfs_t) error) error {
	var system unix.Statfs_t

	regular := info.Mode().IsRegular()

	if stat(&system) == nil {
		switch system.Type {
		case unix.PROC_SUPER_MAGIC, unix.TRACEFS_MAGIC, unix.DEBUGFS_MAGIC:
			regular = false // kernel files appear regular, but reading some of them blocks
		}
	}

	if !regular {
		return &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}

	return nil
}
