package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// MetricsConfig configures the handler of scrapes.
type MetricsConfig struct {
	Gatherer prometheus.TransactionalGatherer
	// Own registers the metrics about the handler itself, nil to hide them.
	Own prometheus.Registerer
	// MaxRequests is the maximum number of parallel scrapes, zero for no limit.
	MaxRequests int
	Logger      log.Logger
}

// NewMetricsHandler returns the handler of scrapes.
func NewMetricsHandler(cfg MetricsConfig) http.Handler {
	opts := promhttp.HandlerOpts{
		ErrorLog:            scrapeLog{cfg.Logger},
		MaxRequestsInFlight: cfg.MaxRequests,
		EnableOpenMetrics:   true,
	}

	if cfg.Own == nil {
		return promhttp.HandlerForTransactional(cfg.Gatherer, opts)
	}

	opts.Registry = cfg.Own

	return promhttp.InstrumentMetricHandler(cfg.Own, promhttp.HandlerForTransactional(cfg.Gatherer, opts))
}

// scrapeLog logs failed scrapes as warnings, since most of them are clients that hang
// up; promhttp_metric_handler_errors_total counts them.
type scrapeLog struct{ logger log.Logger }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(v ...any) {
	_ = level.Warn(l.logger).Log("msg", "scrape failed", "err", strings.TrimSpace(fmt.Sprintln(v...)))
}
