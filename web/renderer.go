package web

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Meter records what happens to the answers to scrapes.
type Meter interface {
	// Memory records the size of the answers in memory, in bytes.
	Memory(bytes int)
	// Aborted records an answer that was not sent completely.
	Aborted(reason string)
}

// renderer renders answers into memory and keeps them until they are sent.
//
// Requests that want the same share an answer. A request that comes while one is being
// rendered gets the next one, so an answer is never older than a request for it.
//
// The memory is limited. When there is none left, the answer that has made no progress
// for the longest time loses its connections. If all memory belongs to answers that are
// being rendered, the oldest of these may exceed the limit, so that it ends.
type renderer struct {
	handler http.Handler
	// slots limits the answers that are rendered at the same time, nil for no limit.
	slots chan struct{}
	limit int // bytes
	meter Meter
	log   scrapeLog
	pool  sync.Pool // of *chunk

	mu sync.Mutex
	// next are the answers whose rendering has not begun, current those being
	// rendered, by key.
	next, current map[string]*answer
	// order has the answers being rendered, the oldest first.
	order []*answer
	// sending are the answers that are rendered and in use.
	sending map[*answer]struct{}
	used    int // bytes
	// changed is closed when memory is released or order changes, and replaced.
	changed chan struct{}
}

func newRenderer(handler http.Handler, slots, limit int, meter Meter, log scrapeLog) *renderer {
	r := &renderer{
		handler: handler, limit: limit, meter: meter, log: log,
		pool:    sync.Pool{New: func() any { return new(chunk) }},
		next:    make(map[string]*answer),
		current: make(map[string]*answer),
		sending: make(map[*answer]struct{}),
		changed: make(chan struct{}),
	}

	if slots > 0 {
		r.slots = make(chan struct{}, slots)
	}

	return r
}

// join returns the next answer to requests with the key, of which request is one. The
// caller leaves it when it no longer needs it.
func (r *renderer) join(key string, request *http.Request) *answer {
	r.mu.Lock()
	defer r.mu.Unlock()

	a := r.next[key]
	if a == nil {
		a = &answer{
			key: key, request: request, renderer: r, header: make(http.Header),
			abandoned: make(chan struct{}), done: make(chan struct{}),
		}
		if previous := r.current[key]; previous != nil {
			a.after = previous.done
		}

		r.next[key] = a

		go r.produce(a)
	}

	a.users++

	return a
}

// leave ends one use of the answer.
func (r *renderer) leave(a *answer) {
	r.mu.Lock()
	defer r.mu.Unlock()

	a.users--

	switch {
	case a.users > 0:
	case a.stage == waiting:
		delete(r.next, a.key)
		close(a.abandoned)
	case a.stage == ready:
		r.release(a)
	}
}

// produce renders the answer when it is its turn.
func (r *renderer) produce(a *answer) {
	if !r.begin(a) {
		return
	}

	defer r.end(a)
	defer func() {
		if v := recover(); v != nil { // net/http does so only for its own goroutines
			r.log.Println("panic:", v)
			r.reset(a)
			http.Error(a, fmt.Sprint("panic: ", v), http.StatusInternalServerError)
		}
	}()

	r.handler.ServeHTTP(a, a.request)
}

// reset discards what was rendered of an answer.
func (r *renderer) reset(a *answer) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.account(-len(a.chunks) * chunkSize)
	a.header, a.status, a.chunks, a.size = make(http.Header), 0, nil, 0
	r.change()
}

// begin waits for the previous answer and for a slot. It reports whether the answer is
// still wanted.
func (r *renderer) begin(a *answer) bool {
	if a.after != nil {
		select {
		case <-a.after:
		case <-a.abandoned:
			return false
		}
	}

	if r.slots != nil {
		select {
		case r.slots <- struct{}{}:
		case <-a.abandoned:
			return false
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()

	if a.users == 0 {
		r.freeSlot()

		return false
	}

	delete(r.next, a.key)
	r.current[a.key] = a
	r.order = append(r.order, a)
	a.stage = rendering

	return true
}

func (r *renderer) freeSlot() {
	if r.slots != nil {
		<-r.slots
	}
}

// end makes a rendered answer available.
func (r *renderer) end(a *answer) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.freeSlot()
	delete(r.current, a.key)
	r.order = slices.DeleteFunc(r.order, func(other *answer) bool { return other == a })
	a.stage = ready
	a.progressed = time.Now()
	a.request = nil

	if a.users > 0 {
		r.sending[a] = struct{}{}
	} else {
		r.release(a)
	}

	r.change()
	close(a.done)
}

// send records that an answer is about to be sent on a connection, which may be nil. It
// reports whether the answer may be sent.
func (r *renderer) send(a *answer, c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()

	if a.cut {
		return false
	}

	a.progressed = time.Now()

	if c != nil {
		a.clients = append(a.clients, c)
	}

	return true
}

// progress records that a part of an answer was sent.
func (r *renderer) progress(a *answer, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()

	a.progressed = now
}

// sent records that an answer is no longer sent on a connection. It reports whether the
// answer was cut.
func (r *renderer) sent(a *answer, c net.Conn, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()

	a.forget(c)
	a.leaked = a.leaked || err != nil

	return a.cut
}
