package logging

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

const (
	// queuedLines is the number of lines that may wait to be written.
	queuedLines = 4096
	// FlushLimit is how long [Queue.Close] waits for them.
	FlushLimit = 200 * time.Millisecond
)

// Queue writes lines in the background, so that a reader of the log that has stopped
// stops nothing else: when the queue is full, lines are dropped.
type Queue struct {
	lines   chan []byte
	dropped atomic.Uint64
	// written is closed when all lines have been.
	written chan struct{}
}

// NewQueue returns a queue of lines to w.
func NewQueue(w io.Writer) *Queue {
	q := &Queue{lines: make(chan []byte, queuedLines), written: make(chan struct{})}

	go q.write(w)

	return q
}

// Write implements [io.Writer] and never fails.
func (q *Queue) Write(line []byte) (int, error) {
	select {
	case q.lines <- bytes.Clone(line):
	default:
		q.dropped.Add(1)
	}

	return len(line), nil
}

// Dropped returns the number of lines that were dropped or could not be written.
func (q *Queue) Dropped() uint64 { return q.dropped.Load() }

// write writes until it receives nil.
func (q *Queue) write(w io.Writer) {
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

// Close waits until all lines are written, for a limited time. Later ones are dropped.
func (q *Queue) Close() {
	limit := time.After(FlushLimit)

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
