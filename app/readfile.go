package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxConfigBytes is the maximum size of a configuration file.
	maxConfigBytes = 16 << 20
	// settleTime is for how long a file must not have been written to when it is loaded
	// again, settleLimit how long to wait for that.
	settleTime  = 100 * time.Millisecond
	settleLimit = 2 * time.Second
	// readLimit is how long reading may take: a network file system may hang.
	readLimit = 5 * time.Second
)

var (
	errNotRegular = errors.New("not a regular file")
	errWritten    = errors.New("is being written: write another file and rename it")
)

// openRegular opens a file for reading. It refuses what is not a regular file: opening or
// reading a FIFO or a device may never end.
func openRegular(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}

	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}

	if err != nil {
		_ = file.Close()

		return nil, err
	}

	return file, nil
}

// checkRegular reports an error if a file cannot be opened or is not a regular one.
func checkRegular(path string) error {
	file, err := openRegular(path)
	if err != nil {
		return err
	}

	return file.Close()
}

// readConfig reads a configuration file that was not written to for some time.
func readConfig(path string, settled time.Duration) ([]byte, error) {
	for deadline := time.Now().Add(settleLimit); ; time.Sleep(settleTime / 4) {
		text, err := readOnce(path, settled)
		if !errors.Is(err, errWritten) || time.Now().After(deadline) {
			return text, err
		}
	}
}

// readOnce returns an error that matches errWritten if the file changed meanwhile, or too
// recently.
func readOnce(path string, settled time.Duration) ([]byte, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	// What looks like a regular file may block, such as /proc/kmsg. Most regular files
	// have no deadline, and need none.
	_ = file.SetReadDeadline(time.Now().Add(settleLimit))

	before, err := file.Stat()
	if err != nil {
		return nil, err
	}

	text, err := io.ReadAll(io.LimitReader(file, maxConfigBytes+1))
	if err != nil {
		return nil, err
	}

	if len(text) > maxConfigBytes {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d MiB", maxConfigBytes>>20)}
	}

	after, err := os.Stat(path)
	if err != nil {
		return nil, err
	}

	age := time.Since(after.ModTime()) // negative if the clock was set back
	same := os.SameFile(before, after) && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime())

	if !same || age >= 0 && age < settled {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errWritten}
	}

	return text, nil
}

// configFile is a configuration file that is read again and again.
type configFile struct {
	path string
	// reading: it is being read.
	reading atomic.Bool
}

// read returns the contents, or an error after a limited time, whatever happens to the
// file. While an attempt hangs, others fail at once.
func (f *configFile) read() ([]byte, error) {
	if !f.reading.CompareAndSwap(false, true) {
		return nil, &fs.PathError{Op: "read", Path: f.path, Err: errors.New("the last attempt has not ended")}
	}

	var (
		text []byte
		err  error
	)

	done := make(chan struct{})

	go func() {
		text, err = readConfig(f.path, settleTime)

		f.reading.Store(false)
		close(done)
	}()

	select {
	case <-done:
	case <-time.After(readLimit):
		return nil, &fs.PathError{Op: "read", Path: f.path, Err: os.ErrDeadlineExceeded}
	}

	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		err = &fs.PathError{Op: "read", Path: f.path, Err: errors.New("empty")}
	}

	return text, err
}
