package regular

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// ErrWritten indicates that a file is being written.
var ErrWritten = errors.New("is being written: write another file and rename it")

// ReadConfig reads a configuration file once it was not written to for some time, which it
// waits for, two seconds at most. The error matches [ErrNotRegular], [ErrTooLarge] or
// [ErrWritten].
func ReadConfig(path string, settled time.Duration) ([]byte, error) {
	const limit, pause = 2 * time.Second, 25 * time.Millisecond

	for deadline := time.Now().Add(limit); ; time.Sleep(pause) {
		text, err := readOnce(path, settled)
		if !errors.Is(err, ErrWritten) || time.Now().After(deadline) {
			return text, err
		}
	}
}

// readOnce returns an error that matches ErrWritten if the file changed meanwhile, or too
// recently.
func readOnce(path string, settled time.Duration) ([]byte, error) {
	file, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	before, err := file.Stat()
	if err != nil {
		return nil, err
	}

	text, err := io.ReadAll(io.LimitReader(file, MaxConfigBytes+1))
	if err != nil {
		return nil, err
	}

	if len(text) > MaxConfigBytes {
		return nil, &fs.PathError{Op: "read", Path: path, Err: ErrTooLarge}
	}

	after, err := os.Stat(path)
	if err != nil {
		return nil, err
	}

	age := time.Since(after.ModTime()) // negative if the clock was set back
	if !unchanged(before, after) || age >= 0 && age < settled {
		return nil, &fs.PathError{Op: "read", Path: path, Err: ErrWritten}
	}

	return text, nil
}

// unchanged reports whether both are of the same file with the same size and modification
// time.
func unchanged(before, after fs.FileInfo) bool {
	return os.SameFile(before, after) && before.Size() == after.Size() && before.ModTime().Equal(after.ModTime())
}
