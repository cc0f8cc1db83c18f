package lab

import (
	"io"
	"net"
	"sync"
	"time"
)

const messageSize = 300

// readers lets a scene stop those that read, as a stopped process would.
type readers struct {
	mu      sync.Mutex
	changed *sync.Cond
	stopped map[*net.TCPConn]bool
	over    bool
}

func (r *readers) start() {
	r.changed = sync.NewCond(&r.mu)
	r.stopped = map[*net.TCPConn]bool{}
}

func (r *readers) stop() { r.change(func() { r.over = true }) }

func (r *readers) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	r.changed.Broadcast()
}

// wait waits while reading from c is stopped.
func (r *readers) wait(c *net.TCPConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.stopped[c] && !r.over {
		r.changed.Wait()
	}
}

// Stop keeps the application at one end from reading.
func (s *Scene) Stop(c *net.TCPConn) { s.readers.change(func() { s.readers.stopped[c] = true }) }

// Resume lets the application at one end read again.
func (s *Scene) Resume(c *net.TCPConn) { s.readers.change(func() { s.readers.stopped[c] = false }) }

// stoppable reads from a connection unless that is stopped.
type stoppable struct {
	c *net.TCPConn
	r *readers
}

func (r stoppable) Read(b []byte) (int, error) {
	r.r.wait(r.c)
	return r.c.Read(b)
}

func (s *Scene) reader(c *net.TCPConn) io.Reader { return stoppable{c, &s.readers} }

// stutter has the reader of a connection stop and go on in turns, until the fault is mended.
func (s *Scene) stutter(c *net.TCPConn, stopped, reading time.Duration) {
	for !s.mended.Load() {
		s.Stop(c)
		s.Sleep(stopped)
		s.Resume(c)
		if !s.Sleep(reading) {
			return
		}
	}
}

// Drain reads all that comes to one end.
func (s *Scene) Drain(c *net.TCPConn) { s.Go(func() { _, _ = io.Copy(io.Discard, s.reader(c)) }) }

// Serve answers each request of messageSize bytes after some time with a reply.
func (s *Scene) Serve(c *net.TCPConn, reply func() (size int, after time.Duration)) {
	s.Go(func() {
		request, in := make([]byte, messageSize), s.reader(c)
		for {
			if _, err := io.ReadFull(in, request); err != nil {
				return
			}
			size, after := reply()
			if !s.Sleep(after) {
				return
			}
			if _, err := c.Write(make([]byte, size)); err != nil {
				return
			}
		}
	})
}

// Ask sends a request each period, once the last one is answered.
func (s *Scene) Ask(c *net.TCPConn, period time.Duration, size func() int) {
	s.Go(func() {
		for next := time.Now(); s.Sleep(time.Until(next)); {
			if next = next.Add(period); next.Before(time.Now()) {
				next = time.Now()
			}
			if _, err := c.Write(make([]byte, messageSize)); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, s.reader(c), int64(size())); err != nil {
				return
			}
		}
	})
}

// RequestResponse has the near end ask and the far one answer at once, so many times a second.
func (s *Scene) RequestResponse(hz float64) {
	s.Serve(s.Server, func() (int, time.Duration) { return messageSize, 0 })
	s.Ask(s.Client, time.Duration(float64(time.Second)/hz), func() int { return messageSize })
}

// Push writes to one end each period, whether or not anybody answers.
func (s *Scene) Push(c *net.TCPConn, size int, period time.Duration) {
	s.Go(func() {
		for next := time.Now(); s.Sleep(time.Until(next)); next = next.Add(period) {
			if _, err := c.Write(make([]byte, size)); err != nil {
				return
			}
		}
	})
}

// Flood writes to one end as fast as it takes it.
func (s *Scene) Flood(c *net.TCPConn) {
	s.Go(func() {
		for b := make([]byte, 64<<10); ; {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
}

// slowly reads from one end whose reader is stopped so many bytes each period, until the fault is mended.
func (s *Scene) slowly(c *net.TCPConn, size int, period time.Duration) {
	s.Go(func() {
		for b := make([]byte, size); !s.mended.Load() && s.Sleep(period); {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
		}
	})
}

// ReadBursts reads what has come to one end, then rests.
func (s *Scene) ReadBursts(c *net.TCPConn, rest time.Duration) {
	s.Go(func() {
		for b := make([]byte, 4<<20); s.Sleep(rest); {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	})
}
