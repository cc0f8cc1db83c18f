package app

import "io"

// output is the standard output. It remembers the first error, which those who write to it
// ignore, or panic at.
type output struct {
	w   io.Writer
	err error
}

// Write implements [io.Writer] and never fails.
func (o *output) Write(b []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}

	return len(b), nil
}
