package web

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/go-kit/log"
)

// TestServerTimeouts: every phase of a request has a timeout.
func TestServerTimeouts(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), nil, log.NewNopLogger(), slog.New(slog.DiscardHandler)).server
	if s.ReadHeaderTimeout <= 0 || s.ReadHeaderTimeout > 10*time.Second || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 {
		t.Errorf("header %v, read %v, write %v, idle %v", s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout)
	}
}
