package app

import (
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/sampler"
)

// reporter counts the progress of sampling, and logs each change once.
type reporter struct {
	*collector.SamplerMetrics
	logger   log.Logger
	recorder *sampler.Recorder
	// stats is nil in a replay, whose host is not this one.
	stats *netStats

	latest     *latest
	supervisor *supervisor

	sampled, failing, recordingFailed, stretched bool
}

// Ticked implements [sampler.Observer].
func (r *reporter) Ticked(d sampler.Dump, took time.Duration) {
	r.SamplerMetrics.Ticked(d, took)
	r.supervisor.moved(r.latest.pace())

	if r.stats != nil {
		r.stats.want()
	}

	if !r.sampled || r.failing {
		_ = level.Info(r.logger).Log("msg", "sampling", "sockets", d.Sockets, "took", took)
	}

	r.sampled, r.failing = true, false

	r.recorded()
}

// recorded logs the end of the recording.
func (r *reporter) recorded() {
	if r.recorder != nil && r.recorder.Err() != nil && !r.recordingFailed {
		r.recordingFailed = true
		_ = level.Error(r.logger).Log("msg", "recording stopped, sampling continues", "err", r.recorder.Err())
	}
}

// Paced implements [sampler.Observer]. Stretching of the interval is logged when it
// begins and when it ends.
func (r *reporter) Paced(interval time.Duration) {
	r.SamplerMetrics.Paced(interval)

	stretched := r.latest.setPace(interval)
	if stretched == r.stretched {
		return
	}

	r.stretched = stretched
	if stretched {
		_ = level.Warn(r.logger).Log("msg", "sampling exceeds --sampler.max-cpu, interval stretched", "interval", interval)
	} else {
		_ = level.Info(r.logger).Log("msg", "interval restored", "interval", interval)
	}
}

// Failed implements [sampler.Observer].
func (r *reporter) Failed(err error, retry time.Duration) {
	r.SamplerMetrics.Failed(err, retry)
	r.supervisor.moved(retry)
	r.recorded()

	if r.failing {
		return
	}

	r.failing = true
	reason := sampler.ReasonOf(err)
	fields := []any{"msg", "sampling failed, retrying with exponential backoff", "reason", string(reason), "err", err}

	if hint := reason.Hint(); hint != "" {
		fields = append(fields, "hint", hint)
	}

	_ = level.Error(r.logger).Log(fields...)
}
