package main

import (
	"fmt"
	"io"
	"io/fs"
)

// archive writes an initramfs: a cpio archive of the format "newc", as the kernel's
// Documentation/driver-api/early-userspace/buffer-format.rst describes it. Errors stick, and close returns the first.
type archive struct {
	w     io.Writer
	inode int
	err   error
}

// trailer is the name of the entry that ends an archive.
const trailer = "TRAILER!!!"

// directory adds a directory. Its parent comes first.
func (a *archive) directory(name string) {
	a.entry(name, fs.ModeDir|0o755, nil)
}

// file adds a file. Its directory comes first.
func (a *archive) file(name string, mode fs.FileMode, content []byte) {
	a.entry(name, mode, content)
}

// close ends the archive, not the writer.
func (a *archive) close() error {
	a.entry(trailer, 0, nil)
	return a.err
}

// entry adds an entry: a header of 13 hexadecimal numbers, the name with a zero byte, and the content. The last two
// are filled up with zero bytes to a multiple of four.
func (a *archive) entry(name string, mode fs.FileMode, content []byte) {
	const header = 110
	a.inode++
	a.printf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.inode, unixMode(mode), 0, 0, // The inode, mode, owner and group,
		1, 0, len(content), // number of links, modification time, size,
		0, 0, 0, 0, // device the file is on, device it is,
		len(name)+1, 0) // size of the name and checksum, which this format has not.
	a.printf("%s\x00%s", name, padding(header+len(name)+1))
	a.printf("%s%s", content, padding(len(content)))
}

// printf writes to the archive unless that has failed before.
func (a *archive) printf(format string, args ...any) {
	if a.err == nil {
		_, a.err = fmt.Fprintf(a.w, format, args...)
	}
}

// padding is what fills up the size to a multiple of four.
func padding(size int) string {
	return "\x00\x00\x00"[:-size&3]
}

// unixMode is the mode as stat(2) has it: here, of a directory or a regular file.
func unixMode(mode fs.FileMode) uint32 {
	const directory, regular = 0o040000, 0o100000
	switch {
	case mode.IsDir():
		return directory | uint32(mode.Perm())
	case mode == 0: // The trailer.
		return 0
	}
	return regular | uint32(mode.Perm())
}
