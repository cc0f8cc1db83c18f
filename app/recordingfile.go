package app

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
)

// recordingFile is a recording that is being written.
type recordingFile struct {
	file *os.File
	// written are the bytes written, failed the failures. Both are read by scrapes.
	written, failed atomic.Uint64
}

// createRecording creates a file that must not exist yet. It is opened with O_APPEND, so
// that after a truncation between check and write it is shorter than expected, which the
// next check detects.
func createRecording(path string) (*recordingFile, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}

	return &recordingFile{file: file}, nil
}

// Write implements [io.Writer]. It also fails if another process has truncated or deleted
// the file; the write itself would succeed. A renamed file continues under its new name.
func (f *recordingFile) Write(b []byte) (n int, err error) {
	if err = f.check(); err == nil {
		n, err = f.file.Write(b)
		f.written.Add(uint64(n))
	}

	if err != nil {
		f.failed.Add(1)
	}

	return n, err
}

func (f *recordingFile) check() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}

	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Nlink == 0 {
		return errors.New("the file was deleted")
	}

	if want := int64(f.written.Load()); info.Size() < want {
		return fmt.Errorf("the file was truncated from %d to %d bytes", want, info.Size())
	}

	return nil
}

// close closes the file and, unless keep is set, removes it. It does not remove a file that
// another process has put in its place.
func (f *recordingFile) close(keep bool) {
	defer f.file.Close()

	if keep {
		return
	}

	own, err := f.file.Stat()
	if err != nil {
		return
	}

	if there, err := os.Lstat(f.file.Name()); err == nil && os.SameFile(own, there) {
		_ = os.Remove(f.file.Name())
	}
}
