package web

import (
	"context"
	"net"
	"net/http"
	"time"
)

// streamGrace is how long a write to an HTTP/2 stream may take after its deadline until
// its connection is closed.
const streamGrace = time.Second

// connKey is the key of the connection in the context of a request.
type connKey struct{}

// withConn adds the connection to the context of its requests.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection of a request, nil if it is unknown.
func connOf(r *http.Request) net.Conn {
	c, _ := r.Context().Value(connKey{}).(net.Conn)

	return c
}

// closeNow closes a connection without the close_notify alert of TLS, which takes 5 s if
// the peer does not read.
func closeNow(c net.Conn) {
	if secure, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = secure.NetConn()
	}

	_ = c.Close()
}

// watchdog ends writes of an answer that take too long. It closes the connection: with a
// deadline of the write, net/http would first send a close_notify alert. An HTTP/2 stream
// is reset; its connection is closed only if the reset cannot be sent, either.
type watchdog struct {
	timer *time.Timer
	// stream is nil for HTTP/1.
	stream *http.ResponseController
}

func newWatchdog(w http.ResponseWriter, r *http.Request) *watchdog {
	d := &watchdog{}

	if c := connOf(r); c != nil {
		d.timer = time.AfterFunc(writeTimeout, func() { closeNow(c) })
	}

	if r.ProtoMajor == 2 {
		d.stream = http.NewResponseController(w)
	}

	return d
}

// set sets the deadline of the next write.
func (d *watchdog) set(deadline time.Time) {
	left := time.Until(deadline)

	if d.stream != nil {
		_ = d.stream.SetWriteDeadline(deadline) // as far as w supports it
		left += streamGrace
	}

	if d.timer != nil {
		d.timer.Reset(left)
	}
}

func (d *watchdog) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
