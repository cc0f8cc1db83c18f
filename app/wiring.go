package app

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"tcphealth_exporter/api"
	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/collector"
	"tcphealth_exporter/owner"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/web"
)

// handler returns what the web server serves.
func (e *exporter) handler() (http.Handler, error) {
	registry, gatherer := e.gatherer()

	return e.handlerOf(registry, gatherer)
}

// handlerOf returns what the web server serves, with the metrics that gatherer
// gathers. Those about the handler of scrapes are added to the registry.
func (e *exporter) handlerOf(registry *prometheus.Registry, gatherer prometheus.TransactionalGatherer) (http.Handler, error) {
	metrics := web.MetricsConfig{Gatherer: gatherer, MaxRequests: e.opts.maxRequests, Meter: e.answers, Logger: e.logger}

	if !e.opts.hideOwnMetrics {
		metrics.Own = registry
	}

	apiConfig := api.Config{Tracker: e.tracker, Questions: e.questions, ParseFilter: e.opts.selectBy, UserID: e.userID}
	if e.broker != nil {
		apiConfig.Process = e.processOf
	}

	if e.owners != nil {
		apiConfig.Owner = ownerJSON(e.owners)
	}

	cfg := web.Config{
		TelemetryPath: e.opts.telemetryPath,
		Metrics:       web.NewMetricsHandler(metrics),
		API:           api.New(apiConfig),
		APIPrefix:     api.Prefix,
		Healthy:       e.latest.healthy,
		Ready:         e.latest.ready,
		Profiling:     e.opts.profiling,
	}

	if e.opts.lifecycle {
		cfg.Reload = func() error {
			if err := e.reloader.reload(); err != nil {
				return errors.New(oneLine(err))
			}

			return nil
		}
	}

	return web.NewHandler(cfg)
}

// errNoCgroup is why no process is searched for: the owner of the socket is known otherwise.
var errNoCgroup = errors.New("the kernel reports no cgroup of the socket")

// processOf returns the process that has a socket open, see [api.Config].
func (e *exporter) processOf(inode uint32, cgroup uint64) (*v1.Process, error) {
	if !owner.IsCgroup(cgroup) {
		return nil, errNoCgroup
	}

	found, err := e.broker.Process(uint64(inode), cgroup)

	return &v1.Process{PID: found.PID, Command: found.Comm}, err
}

// gatherer returns what gathers all metrics, and the registry of those that are not
// from a snapshot.
func (e *exporter) gatherer() (*prometheus.Registry, prometheus.TransactionalGatherer) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(versioncollector.NewCollector(program), e.metrics, e.stats.metrics, e.answers,
		collector.NewLogMetrics(e.lines.Dropped))

	if e.recording != nil {
		registry.MustRegister(collector.NewRecordingMetrics(e.recording.written.Load, e.recording.failed.Load))
	}

	if e.namespaces != nil {
		registry.MustRegister(collector.NewNetnsMetrics(e.netnsStats), e.counters)
	}

	if e.opts.configFile != "" {
		registry.MustRegister(e.reloader.metrics)
	}

	if !e.opts.hideOwnMetrics {
		registry.MustRegister(
			collectors.NewGoCollector(),
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		)
	}

	cfg := collector.Config{Latest: e.latest.snapshot.Load, Sets: e.opts.sets, UserID: e.userID}
	if e.owners != nil {
		cfg.Owner = ownerLabels(e.owners)
	}

	return registry, prometheus.NewMultiTRegistry(prometheus.ToTransactionalGatherer(registry), collector.NewGatherer(cfg))
}

// reporter returns the observer of the sampling; recorder may be nil.
func (e *exporter) reporter(recorder *sampler.Recorder) *reporter {
	return &reporter{SamplerMetrics: e.metrics, logger: e.logger, recorder: recorder, latest: &e.latest, supervisor: e.supervisor}
}
