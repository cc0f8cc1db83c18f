package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"tcphealth_exporter/api"
	"tcphealth_exporter/collector"
	"tcphealth_exporter/docs/runbooks"
)

// Limits of the server: no request of ours is large, and none takes long.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	maxBodyBytes      = 4 << 10
)

type webServer struct {
	server *http.Server
	// listening is closed once a socket accepts connections.
	listening chan struct{}
	// giveUp ends the requests that wait for an answer.
	giveUp context.CancelFunc
	flags  *web.FlagConfig
	logger *slog.Logger
}

func newWebServer(e *exporter) (*webServer, error) {
	handler, err := newHandler(e)
	if err != nil {
		return nil, err
	}

	var once sync.Once

	listening := make(chan struct{})
	base, giveUp := context.WithCancel(context.Background())

	return &webServer{
		listening: listening,
		giveUp:    giveUp,
		server: &http.Server{
			BaseContext: func(net.Listener) context.Context {
				once.Do(func() { close(listening) })

				return base
			},
			Handler:           http.MaxBytesHandler(handler, maxBodyBytes),
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          stdlog.New(log.NewStdlibAdapter(level.Debug(e.logger)), "", 0),
		},
		flags:  e.opts.web,
		logger: e.slog,
	}, nil
}

// serve serves until stop is called; then it returns nil.
func (s *webServer) serve() error {
	err := web.ListenAndServe(s.server, s.flags, s.logger)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}

	return err
}

// stop ends the server; requests that run have until ctx is done.
func (s *webServer) stop(ctx context.Context) {
	s.giveUp()

	if err := s.server.Shutdown(ctx); err != nil {
		_ = s.server.Close()
	}
}

// newHandler routes the requests.
func newHandler(e *exporter) (http.Handler, error) {
	landing, err := newLandingPage(e.opts.telemetryPath)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("GET "+e.opts.telemetryPath, newMetricsHandler(e))
	mux.Handle("GET /{$}", landing)
	mux.Handle(api.Prefix, api.New(api.Config{Tracker: e.tracker, Questions: e.questions, ParseFilter: selectBy}))
	mux.Handle("GET /runbooks/{alert}", runbooks.Handler("alert"))
	mux.Handle("GET /-/healthy", probe(e.latest.healthy, "Healthy", "No sample for three intervals"))
	mux.Handle("GET /-/ready", probe(e.latest.ready, "Ready", "No sample yet"))

	reload := newReloadHandler(e)
	mux.Handle("POST /-/reload", reload)
	mux.Handle("PUT /-/reload", reload)

	return mux, nil
}

// probe answers 200 while ok, else 503.
func probe(ok func() bool, yes, no string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")

		answer := yes
		if !ok() {
			answer = no

			w.WriteHeader(http.StatusServiceUnavailable)
		}

		_, _ = io.WriteString(w, answer+".\n")
	})
}

// newGatherer returns what gathers all metrics, and the registry of those that are
// not from a snapshot.
func newGatherer(e *exporter) (*prometheus.Registry, prometheus.TransactionalGatherer) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(versioncollector.NewCollector(program), e.metrics, e.kernel.metrics)

	if e.opts.configFile != "" {
		registry.MustRegister(e.reloader.metrics)
	}

	if !e.opts.hideOwnMetrics {
		registry.MustRegister(
			collectors.NewGoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		)
	}

	return registry, prometheus.NewMultiTRegistry(
		prometheus.ToTransactionalGatherer(registry),
		collector.NewGatherer(collector.Config{Latest: e.latest.snapshot.Load, Sets: e.opts.sets}),
	)
}

// newMetricsHandler returns the handler of the scrapes.
func newMetricsHandler(e *exporter) http.Handler {
	registry, gatherer := newGatherer(e)
	handlerOpts := promhttp.HandlerOpts{
		ErrorLog:            scrapeLog{e.logger},
		MaxRequestsInFlight: e.opts.maxRequests,
		EnableOpenMetrics:   true,
	}
	if e.opts.hideOwnMetrics {
		return promhttp.HandlerForTransactional(gatherer, handlerOpts)
	}

	handlerOpts.Registry = registry

	return promhttp.InstrumentMetricHandler(registry, promhttp.HandlerForTransactional(gatherer, handlerOpts))
}

// scrapeLog takes what goes wrong in scrapes. Clients that hang up are the
// most of it, so it is a warning; promhttp_metric_handler_errors_total counts.
type scrapeLog struct{ logger log.Logger }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(v ...any) {
	_ = level.Warn(l.logger).Log("msg", "scrape failed", "err", strings.TrimSpace(fmt.Sprintln(v...)))
}

func newLandingPage(telemetryPath string) (http.Handler, error) {
	return web.NewLandingPage(web.LandingConfig{
		Name:        "TCP Health Exporter",
		Description: "Health of every TCP connection of this host",
		Version:     version.Info(),
		Profiling:   "false",
		Links: []web.LandingLinks{
			{Address: strings.TrimPrefix(telemetryPath, "/"), Text: "Metrics"},
			{Address: "api/v1/connections", Text: "Connections", Description: "with their verdicts, the worst first"},
			{Address: "-/healthy", Text: "Healthy", Description: "samples keep coming"},
			{Address: "-/ready", Text: "Ready", Description: "the first sample was taken"},
		},
	})
}
