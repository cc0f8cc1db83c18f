package main

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	sloggokit "github.com/tjhop/slog-gokit"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// newLogger returns the program's logger, and one for libraries that want slog
// and stamp the time themselves. Both write the same lines.
func newLogger(w io.Writer, minimum, format string) (log.Logger, *slog.Logger) {
	w = log.NewSyncWriter(w)

	logger := log.NewLogfmtLogger(w)
	if format == "json" {
		logger = log.NewJSONLogger(w)
	}

	logger = level.NewFilter(logger, level.Allow(level.ParseDefault(minimum, level.InfoValue())))

	return log.With(logger, "time", log.DefaultTimestampUTC),
		slog.New(sloggokit.NewGoKitHandler(logger, slog.LevelDebug))
}

// reporter counts how the sampling goes, and logs each change of it once.
type reporter struct {
	*collector.SamplerMetrics
	logger   log.Logger
	recorder *sampler.Recorder
	// kernel is nil in a replay, whose host is not this one.
	kernel *netStats

	latest     *latest
	supervisor *supervisor

	sampled, failing, recordingFailed, stretched bool
}

func newReporter(e *exporter) *reporter {
	return &reporter{SamplerMetrics: e.metrics, logger: e.logger, recorder: e.recorder, latest: &e.latest, supervisor: e.supervisor}
}

// Ticked implements [sampler.Observer].
func (r *reporter) Ticked(d sampler.Dump, took time.Duration) {
	r.SamplerMetrics.Ticked(d, took)
	r.supervisor.moved(r.latest.pace())

	if r.kernel != nil {
		r.kernel.want()
	}

	if !r.sampled || r.failing {
		_ = level.Info(r.logger).Log("msg", "sampling", "sockets", d.Sockets, "took", took)
	}

	r.sampled, r.failing = true, false

	if r.recorder != nil && r.recorder.Err() != nil && !r.recordingFailed {
		r.recordingFailed = true
		_ = level.Error(r.logger).Log("msg", "recording stopped, sampling goes on", "err", r.recorder.Err())
	}
}

// Paced implements [sampler.Observer]. That the interval is stretched is logged when
// it begins and when it ends.
func (r *reporter) Paced(interval time.Duration) {
	r.SamplerMetrics.Paced(interval)

	stretched := r.latest.setPace(interval)
	if stretched == r.stretched {
		return
	}

	r.stretched = stretched
	if stretched {
		_ = level.Warn(r.logger).Log("msg", "sampling takes more than --sampler.max-cpu, the interval is stretched", "interval", interval)
	} else {
		_ = level.Info(r.logger).Log("msg", "the interval is no longer stretched", "interval", interval)
	}
}

// Failed implements [sampler.Observer].
func (r *reporter) Failed(err error, retry time.Duration) {
	r.SamplerMetrics.Failed(err, retry)
	r.supervisor.moved(retry)

	if r.failing {
		return
	}

	r.failing = true
	reason := sampler.ReasonOf(err)
	fields := []any{"msg", "sampling failed, trying again with growing pauses", "reason", string(reason), "err", err}

	if hint := reason.Hint(); hint != "" {
		fields = append(fields, "hint", hint)
	}

	_ = level.Error(r.logger).Log(fields...)
}

// latest holds the newest snapshot and when it came.
type latest struct {
	interval  time.Duration
	stretched atomic.Int64 // the present interval in ns, zero for interval
	started   time.Time
	replaying bool

	snapshot atomic.Pointer[health.Snapshot]
	at       atomic.Int64 // ms since started
	finished atomic.Bool
}

func (l *latest) set(s *health.Snapshot) {
	l.snapshot.Store(s)
	l.at.Store(time.Since(l.started).Milliseconds())
}

// pace returns the present interval.
func (l *latest) pace() time.Duration { return max(l.interval, time.Duration(l.stretched.Load())) }

// setPace takes in the present interval and tells whether it is stretched.
func (l *latest) setPace(interval time.Duration) bool {
	l.stretched.Store(int64(interval))

	return interval > l.interval
}

// finish tells that a replay has been played to its end.
func (l *latest) finish() { l.finished.Store(true) }

// ready tells whether there is a sample; in a replay, whether it is the last one.
func (l *latest) ready() bool {
	return l.snapshot.Load() != nil && (!l.replaying || l.finished.Load())
}

const (
	// healthyIntervals is how many intervals may pass without a sample.
	healthyIntervals = 3
	// leastHealthy keeps short intervals from making a hiccup an illness.
	leastHealthy = time.Second
)

// healthy tells whether samples keep coming. A replay has no clock to be late on.
func (l *latest) healthy() bool {
	limit := max(healthyIntervals*l.pace(), leastHealthy)
	age := time.Since(l.started) - time.Duration(l.at.Load())*time.Millisecond

	return l.replaying || age <= limit
}
