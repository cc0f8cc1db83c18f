package netlab

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	stallLimit = 50 * time.Millisecond // What the lab may be late.
	laneBeat   = 20 * time.Millisecond // The longest sleep, so that a stall shows without a packet that is late.
	maxPacket  = 1 << 16
)

// lane forwards the packets of one direction.
type lane struct {
	from io.Reader // Returns a packet a call.
	to   io.Writer // Takes a packet a call.

	mu     sync.Mutex
	shaper *shaper

	wake   chan struct{} // Holds one token if there is news for deliver.
	done   chan struct{} // Closed to end deliver.
	stalls atomic.Int64
}

// newLane returns a lane whose goroutines, receive and deliver, are for the caller to start.
func newLane(from io.Reader, to io.Writer) *lane {
	return &lane{from: from, to: to, shaper: newShaper(), wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// set changes the conditions.
func (l *lane) set(c Conditions) {
	l.mu.Lock()
	l.shaper.set(time.Now(), c)
	l.mu.Unlock()
	l.notify()
}

// counters returns what became of the packets.
func (l *lane) counters() Counters {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shaper.counters
}

// notify has deliver look again.
func (l *lane) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// receive takes packets until the reader is closed.
func (l *lane) receive() error {
	buf := make([]byte, maxPacket)
	for {
		n, err := l.from.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if isMulticast(buf[:n]) {
			continue
		}
		l.mu.Lock()
		taken := l.shaper.admit(time.Now(), buf[:n])
		l.mu.Unlock()
		if taken {
			l.notify()
		}
	}
}

// isMulticast reports whether an IP packet goes to a multicast address.
func isMulticast(data []byte) bool {
	switch {
	case len(data) >= 40 && data[0]>>4 == 6:
		return data[24] == 0xff
	case len(data) >= 20 && data[0]>>4 == 4:
		return data[16]>>4 == 0xe
	}
	return false
}

// deliver hands packets on when they are due, until done is closed.
func (l *lane) deliver() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake := l.flush()
		timer.Reset(time.Until(wake))
		select {
		case <-l.done:
			return
		case <-l.wake:
		case <-timer.C:
		}
		l.check(wake)
	}
}

// check notes a stall if the time has long passed.
func (l *lane) check(due time.Time) {
	if time.Since(due) > stallLimit {
		l.stalls.Add(1)
	}
}

// flush hands on what is due and returns when to call it again.
func (l *lane) flush() time.Time {
	for {
		now := time.Now()
		l.mu.Lock()
		p, ok := l.shaper.pop(now)
		next, more := l.shaper.next()
		l.mu.Unlock()
		if ok {
			l.hand(p)
			continue
		}
		if wake := now.Add(laneBeat); !more || next.After(wake) {
			return wake
		}
		return next
	}
}

// hand hands a packet on and counts it.
func (l *lane) hand(p packet) {
	_, err := l.to.Write(p.data)
	l.check(p.due)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.shaper.counters.DroppedDevice.add(len(p.data))
		return
	}
	l.shaper.counters.Forwarded.add(len(p.data))
}
