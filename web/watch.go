package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// checkInterval is the minimum time between two checks of the web configuration.
const checkInterval = 10 * time.Second

// The beginnings of the lines that net/http and exporter-toolkit log if accepting a
// connection fails, a handshake fails, or a request fails because of the web configuration,
// which exporter-toolkit reads again for each request.
const (
	acceptFailed    = "http: Accept error: "
	handshakeFailed = "http: TLS handshake error from "
	requestFailed   = "Unable to parse configuration"
)

// configWatch checks the web configuration after requests have failed, and logs each
// cause once. Handshakes can fail because of the client, too; these are no cause.
type configWatch struct {
	check    func() error
	interval time.Duration
	logger   log.Logger

	mu      sync.Mutex
	stopped bool
	// pending reports whether a check is running or scheduled.
	pending bool
	checked time.Time
	// cause is the error of the last check, empty for none.
	cause string
}

// failed starts a check, or schedules it if the last one was a moment ago.
func (w *configWatch) failed() {
	w.mu.Lock()
	defer w.mu.Unlock()

	if !w.pending {
		w.schedule(time.Until(w.checked.Add(w.interval)))
	}
}

// schedule runs a check after a while.
func (w *configWatch) schedule(after time.Duration) {
	w.pending = !w.stopped
	if w.pending {
		time.AfterFunc(after, w.run)
	}
}

// run checks the configuration, and again after an interval until it is valid.
func (w *configWatch) run() {
	err := w.check() // reads files, which may take long

	w.mu.Lock()
	defer w.mu.Unlock()

	w.checked = time.Now()
	w.pending = false
	previous := w.cause
	w.cause = ""

	switch {
	case w.stopped:
	case err != nil:
		w.cause = err.Error()
		w.schedule(w.interval)

		if w.cause != previous {
			_ = level.Warn(w.logger).Log("msg", "web configuration is invalid, requests fail", "err", err)
		}
	case previous != "":
		_ = level.Info(w.logger).Log("msg", "web configuration is valid again")
	}
}

// stop ends the checks.
func (w *configWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()

	w.stopped = true
}

// errorLog passes on the lines of the server's error log. It also reports failed handshakes
// to watch, and logs failures to accept connections as warnings.
type errorLog struct {
	io.Writer

	watch *configWatch
}

// Write implements io.Writer.
func (l errorLog) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte(handshakeFailed)) {
		l.watch.failed()
	}

	if cause, ok := bytes.CutPrefix(line, []byte(acceptFailed)); ok {
		return len(line), level.Warn(l.watch.logger).Log("msg", "accepting connections failed", "err", string(bytes.TrimSpace(cause)))
	}

	return l.Writer.Write(line)
}

// toolkitLog passes on the records of exporter-toolkit, except those of failed requests:
// there is one for each.
type toolkitLog struct {
	slog.Handler

	watch *configWatch
}

// Handle implements slog.Handler.
func (l toolkitLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == requestFailed {
		l.watch.failed()

		return nil
	}

	return l.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (l toolkitLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return toolkitLog{l.Handler.WithAttrs(attrs), l.watch}
}

// WithGroup implements slog.Handler.
func (l toolkitLog) WithGroup(name string) slog.Handler {
	return toolkitLog{l.Handler.WithGroup(name), l.watch}
}
