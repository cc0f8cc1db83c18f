package web

import (
	"context"
	"crypto/tls"
	"errors"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// Limits of the server: no request is large, and none takes long.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	maxBodyBytes      = 4 << 10
)

// Server serves a handler on the addresses, and with the TLS and authentication, that
// the flags of exporter-toolkit configure. Requests have their connection in the context,
// so that the handler of scrapes can close it.
type Server struct {
	server    *http.Server
	listening chan struct{}
	// giveUp ends the requests that wait for an answer.
	giveUp context.CancelFunc
	flags  *toolkit.FlagConfig
	logger *slog.Logger
	watch  *configWatch
}

// NewServer returns a server that does not listen yet. Errors of single connections
// are logged at level debug, and an invalid web configuration as a warning.
func NewServer(handler http.Handler, flags *toolkit.FlagConfig, logger log.Logger, toolkitLogger *slog.Logger) *Server {
	var once sync.Once

	listening := make(chan struct{})
	base, giveUp := context.WithCancel(context.Background())
	s := &Server{listening: listening, giveUp: giveUp, flags: flags}
	s.watch = &configWatch{check: s.checkConfig, interval: checkInterval, logger: logger}
	s.logger = slog.New(toolkitLog{toolkitLogger.Handler(), s.watch})
	s.server = &http.Server{
		BaseContext: func(net.Listener) context.Context {
			if *flags.WebConfigFile != "" { // exporter-toolkit has just set its handler
				s.server.Handler = guard{s.server.Handler, *flags.WebConfigFile, s.watch}
			}

			once.Do(func() { close(listening) })

			return base
		},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if unreadable(checkFiles(*flags.WebConfigFile)) {
				s.watch.failed()
				closeNow(c) // the handshake would read the files
			}

			return withConn(ctx, c)
		},
		Handler:           http.MaxBytesHandler(handler, maxBodyBytes),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: stallTimeout},
		ErrorLog:          stdlog.New(errorLog{log.NewStdlibAdapter(level.Debug(logger)), s.watch}, "", 0),
	}

	return s
}

// checkConfig returns why requests fail because of the web configuration. With TLS it
// asks what handshakes ask: a file without TLS is valid, but not for them.
func (s *Server) checkConfig() error {
	if err := ValidateConfig(*s.flags.WebConfigFile); err != nil {
		return err
	}

	if cfg := s.server.TLSConfig; cfg != nil && cfg.GetConfigForClient != nil {
		_, err := cfg.GetConfigForClient(new(tls.ClientHelloInfo))

		return err
	}

	return nil
}

// Listening returns a channel that is closed once a socket accepts connections.
func (s *Server) Listening() <-chan struct{} { return s.listening }

// Serve serves until Stop is called; then it returns nil.
func (s *Server) Serve() error {
	err := toolkit.ListenAndServe(s.server, s.flags, s.logger)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}

	return err
}

// Stop ends the server. Requests in progress may finish until ctx is done.
func (s *Server) Stop(ctx context.Context) {
	s.giveUp()
	s.watch.stop()

	if err := s.server.Shutdown(ctx); err != nil {
		_ = s.server.Close()
	}
}
