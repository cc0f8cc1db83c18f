package app

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"tcphealth_exporter/regular"
)

const (
	// settleTime is for how long a file must not have been written to when it is loaded
	// again.
	settleTime = 100 * time.Millisecond
	// readLimit is how long reading may take: a network file system may hang.
	readLimit = 5 * time.Second
)

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
		text, err = regular.ReadConfig(f.path, settled)

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
