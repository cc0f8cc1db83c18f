package app

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"tcphealth_exporter/regular"
)

const (
	// settleTime is for how long a file must not have been written to when it is loaded
	// again, settleLimit how long to wait for that.
	settleTime  = 100 * time.Millisecond
	settleLimit = 2 * time.Second
	// readLimit is how long reading may take: a network file system may hang.
	readLimit = 5 * time.Second
)

var errWritten = errors.New("is being written: write another file and rename it")

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
	file, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	before, err := file.Stat()
	if err != nil {
		return nil, err
	}

	text, err := io.ReadAll(io.LimitReader(file, regular.MaxConfigBytes+1))
	if err != nil {
		return nil, err
	}

	if len(text) > regular.MaxConfigBytes {
		return nil, &fs.PathError{Op: "read", Path: path, Err: regular.ErrTooLarge}
	}

	after, err := os.Stat(path)
	if err != nil {
		return nil, err
	}

	age := time.Since(after.ModTime()) // negative if the clock was set back
	if !unchanged(before, after) || age >= 0 && age < settled {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errWritten}
	}

	return text, nil
}

// unchanged reports whether both are of the same file with the same size and modification
// time.
func unchanged(before, after fs.FileInfo) bool {
	return os.SameFile(before, after) && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime())
}

// configFile is a configuration file that is read again and again.
type configFile struct {
	path string
	// reading: it is being read.
	reading atomic.Bool
}

// load reads the file at startup.
func (f *configFile) load() ([]byte, error) { return f.read(0) }

// reload reads the file while the program runs. It refuses an empty file, which is
// probably about to be written.
func (f *configFile) reload() ([]byte, error) {
	text, err := f.read(settleTime)
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		err = &fs.PathError{Op: "read", Path: f.path, Err: errors.New("empty")}
	}

	return text, err
}

// read returns the contents, or an error after a limited time, whatever happens to the
// file. While an attempt hangs, others fail at once.
func (f *configFile) read(settled time.Duration) ([]byte, error) {
	if !f.reading.CompareAndSwap(false, true) {
		return nil, &fs.PathError{Op: "read", Path: f.path, Err: errors.New("the last attempt has not ended")}
	}

	var (
		text []byte
		err  error
	)

	done := make(chan struct{})

	go func() {
		text, err = readConfig(f.path, settled)

		f.reading.Store(false)
		close(done)
	}()

	select {
	case <-done:
		return text, err
	case <-time.After(readLimit):
		return nil, &fs.PathError{Op: "read", Path: f.path, Err: os.ErrDeadlineExceeded}
	}
}
