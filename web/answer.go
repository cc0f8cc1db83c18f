package web

import (
	"net"
	"net/http"
	"slices"
	"time"
)

// chunkSize is the unit in which memory is taken and answers are sent, in bytes.
const chunkSize = 64 << 10

type chunk [chunkSize]byte

// stage is where an answer is between its first request and its last byte.
type stage int

const (
	waiting stage = iota
	rendering
	ready
)

// answer is the rendered answer to the scrapes that share it. It implements
// http.ResponseWriter for the handler that renders it.
type answer struct {
	key      string
	request  *http.Request
	renderer *renderer
	// after is closed once the previous answer with the same key is rendered, nil
	// if there is none.
	after <-chan struct{}
	// abandoned is closed if no one wants the answer before it is rendered.
	abandoned chan struct{}
	// done is closed once it is rendered, and what follows does not change anymore.
	done   chan struct{}
	header http.Header
	status int
	chunks []*chunk // full ones, except the last
	size   int

	// The renderer's mutex guards these.
	stage stage
	// users is the number of requests that wait for the answer or send it.
	users int
	// clients are the connections it is being sent on.
	clients []net.Conn
	// progressed is when a part of it was last sent on any of them.
	progressed time.Time
	// cut reports whether its connections were closed because its memory is needed.
	cut bool
	// leaked reports whether a failed write may still use the memory.
	leaked bool
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter. It waits for memory.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)

	for rest := p; len(rest) > 0; {
		used := a.size % chunkSize
		if used == 0 {
			a.chunks = append(a.chunks, a.renderer.take(a))
		}

		n := copy(a.chunks[len(a.chunks)-1][used:], rest)
		a.size += n
		rest = rest[n:]
	}

	return len(p), nil
}

// part returns the bytes of the chunk with this index.
func (a *answer) part(i int) []byte {
	return a.chunks[i][:min(chunkSize, a.size-i*chunkSize)]
}

// drop closes the connections that the answer is being sent on.
func (a *answer) drop() {
	a.cut = true

	for _, c := range a.clients {
		closeNow(c)
	}
}

// forget removes one use of a connection.
func (a *answer) forget(c net.Conn) {
	if i := slices.Index(a.clients, c); i >= 0 {
		a.clients = slices.Delete(a.clients, i, i+1)
	}
}
