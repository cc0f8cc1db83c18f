package app

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

const (
	// queuedLines is the number of lines that may wait to be written.
	queuedLines = 4096
	// flushLimit is how long the shutdown waits for them. The sum of flushLimit and
	// shutdownLimit is less than endLimit.
	flushLimit = 200 * time.Millisecond
)

// logQueue writes lines in the background, so that a reader of the log that has stopped
// stops nothing else: when the queue is full, lines are dropped.
type logQueue struct {
	lines   chan []byte
	dropped atomic.Uint64
	// written is closed when all lines have been.
	written chan struct{}
}

func newLogQueue(w io.Writer) *logQueue {
	q := &logQueue{lines: make(chan []byte, queuedLines), written: make(chan struct{})}

	go q.write(w)

	return q
}

// Write implements [io.Writer] and never fails.
func (q *logQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- bytes.Clone(line):
	default:
		q.dropped.Add(1)
	}

	return len(line), nil
}

// write writes until it receives nil.
func (q *logQueue) write(w io.Writer) {
	defer close(q.written)

	for line := range q.lines {
		if line == nil {
			return
		}

		if _, err := w.Write(line); err != nil {
			q.dropped.Add(1)
		}
	}
}

// close waits until all lines are written, for a limited time. Later ones are dropped.
func (q *logQueue) close() {
	limit := time.After(flushLimit)

	select {
	case q.lines <- nil:
	case <-limit:
		return
	}

	select {
	case <-q.written:
	case <-limit:
	}
}
