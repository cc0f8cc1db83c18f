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

// Write implements [io.Writer]. It fails, too, if somebody else has truncated or deleted
// the file, of which the operating system says nothing: the write would leave a hole.
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
