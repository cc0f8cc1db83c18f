package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// MetricsConfig configures the handler of scrapes.
type MetricsConfig struct {
	Gatherer prometheus.TransactionalGatherer
	// Own registers the metrics about the handler itself, nil to hide them.
	Own prometheus.Registerer
	// MaxRequests is the maximum number of answers that are rendered at the same
	// time, zero for no limit.
	MaxRequests int
	Meter       Meter
	Logger      log.Logger
}

// maxAnswerBytes is the maximum memory of all answers that are rendered or being sent.
const maxAnswerBytes = 64 << 20

// NewMetricsHandler returns the handler of scrapes. Slow clients do not delay others:
// see [Server] for what it needs from the server.
func NewMetricsHandler(cfg MetricsConfig) http.Handler {
	return newScrapes(cfg, maxAnswerBytes).instrumented(cfg.Own)
}

// newScrapes returns the handler with a limit of memory in bytes.
func newScrapes(cfg MetricsConfig, limit int) *scrapes {
	errs := scrapeLog{cfg.Logger}
	opts := promhttp.HandlerOpts{ErrorLog: errs, EnableOpenMetrics: true}
	nothing := promhttp.HandlerForTransactional(emptyGatherer{}, opts)

	if cfg.Own != nil {
		opts.Registry = cfg.Own
	}

	return &scrapes{
		nothing:  nothing,
		renderer: newRenderer(promhttp.HandlerForTransactional(cfg.Gatherer, opts), cfg.MaxRequests, limit, cfg.Meter, errs),
		meter:    cfg.Meter,
		logger:   cfg.Logger,
		stall:    stallTimeout,
		maxWait:  maxWait,
	}
}

// instrumented returns the handler with its own metrics registered.
func (s *scrapes) instrumented(own prometheus.Registerer) http.Handler {
	if own == nil {
		return s
	}

	return promhttp.InstrumentMetricHandler(own, s)
}

// emptyGatherer gathers nothing.
type emptyGatherer struct{}

// Gather implements prometheus.TransactionalGatherer.
func (emptyGatherer) Gather() ([]*dto.MetricFamily, func(), error) { return nil, func() {}, nil }

// scrapeLog logs failures to gather or to encode as warnings;
// promhttp_metric_handler_errors_total counts them.
type scrapeLog struct{ logger log.Logger }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(v ...any) {
	_ = level.Warn(l.logger).Log("msg", "scrape failed", "err", strings.TrimSpace(fmt.Sprintln(v...)))
}
