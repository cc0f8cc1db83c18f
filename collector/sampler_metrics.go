package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tcphealth_exporter/sampler"
)

// Names of the metrics about the sampler's own work.
const (
	nameDumpDuration     = namespace + "sampler_dump_duration_seconds"
	nameTickDuration     = namespace + "sampler_tick_duration_seconds"
	namePhases           = namespace + "sampler_phase_seconds_total"
	nameRecheckDuration  = namespace + "sampler_recheck_duration_seconds"
	nameRecheckedSockets = namespace + "sampler_rechecked_sockets_total"
	nameInterval         = namespace + "sampler_interval_seconds"
	nameConfigured       = namespace + "sampler_configured_interval_seconds"
	nameMissed           = namespace + "sampler_ticks_missed_total"
	nameLate             = namespace + "sampler_late_seconds_total"
	nameErrors           = namespace + "sampler_errors_total"
	nameFallback         = namespace + "sampler_fallback"
)

// samplerMetricTable is the part of the catalogue that [SamplerMetrics] serves.
var samplerMetricTable = []Metric{
	{Name: nameDumpDuration, Type: "histogram", Help: "Time of a dump, from the first request to the last byte decoded and tracked."},
	{Name: nameTickDuration, Type: "histogram", Help: "Time of a tick, from the first request to the published snapshot."},
	{Name: namePhases, Type: "counter", Labels: []string{"phase"}, Help: "Time of the sampling goroutine by phase: kernel (waiting for dumps), track (decoding, tracking and judging), publish, recheck."},
	{Name: nameRecheckDuration, Type: "histogram", Help: "Time of a round of rechecking between two samples, from the first request to the last connection judged."},
	{Name: nameRecheckedSockets, Type: "counter", Help: "Suspicious connections that were rechecked between two samples."},
	{Name: nameInterval, Type: "gauge", Help: "Time between two samples, as stretched by --sampler.max-cpu."},
	{Name: nameConfigured, Type: "gauge", Help: "Configured time between two samples, or that of a recording."},
	{Name: nameLate, Type: "counter", Help: "Cumulative delay of tick starts."},
	{Name: nameMissed, Type: "counter", Help: "Ticks dropped because the previous dump took too long."},
	{Name: nameErrors, Type: "counter", Labels: []string{"reason"}, Help: "Failures to open the netlink socket, or to complete a dump or a round of rechecking."},
	{Name: nameFallback, Type: "gauge", Help: "Whether sockets are read from procfs, because socket diagnostics are refused: losses and delays are unknown then."},
}

func helpOf(name string) string {
	for _, m := range samplerMetricTable {
		if m.Name == name {
			return m.Help
		}
	}

	return ""
}

// SamplerMetrics counts how the sampling goes. It implements
// [sampler.Observer] and prometheus.Collector.
type SamplerMetrics struct {
	bundle

	dump, tick, recheck prometheus.Histogram
	interval            prometheus.Gauge
	configured          prometheus.Gauge
	fallback            prometheus.Gauge
	missed, sockets     prometheus.Counter
	late                prometheus.Counter
	errors              *prometheus.CounterVec
	phases              phases
}

// NewSamplerMetrics returns metrics at zero, each reason of failure present.
func NewSamplerMetrics(interval time.Duration) *SamplerMetrics {
	m := &SamplerMetrics{
		dump:       durationHistogram(nameDumpDuration),
		tick:       durationHistogram(nameTickDuration),
		recheck:    durationHistogram(nameRecheckDuration),
		interval:   prometheus.NewGauge(prometheus.GaugeOpts{Name: nameInterval, Help: helpOf(nameInterval)}),
		configured: prometheus.NewGauge(prometheus.GaugeOpts{Name: nameConfigured, Help: helpOf(nameConfigured)}),
		fallback:   prometheus.NewGauge(prometheus.GaugeOpts{Name: nameFallback, Help: helpOf(nameFallback)}),
		missed:     prometheus.NewCounter(prometheus.CounterOpts{Name: nameMissed, Help: helpOf(nameMissed)}),
		late:       prometheus.NewCounter(prometheus.CounterOpts{Name: nameLate, Help: helpOf(nameLate)}),
		sockets:    prometheus.NewCounter(prometheus.CounterOpts{Name: nameRecheckedSockets, Help: helpOf(nameRecheckedSockets)}),
		phases:     newPhases(),
		errors: prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: nameErrors, Help: helpOf(nameErrors)}, []string{"reason"}),
	}
	m.bundle = bundle{m.dump, m.tick, m.recheck, m.sockets, m.interval, m.configured, m.missed, m.late, m.errors, m.fallback, m.phases.all}
	m.interval.Set(interval.Seconds())
	m.configured.Set(interval.Seconds())

	for _, reason := range sampler.Reasons() {
		m.errors.WithLabelValues(string(reason))
	}

	return m
}

// durationHistogram has classic buckets from 0.1 ms to 6.6 s and native ones.
func durationHistogram(name string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:                           name,
		Help:                           helpOf(name),
		Buckets:                        prometheus.ExponentialBuckets(0.0001, 2, 17),
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 100,
	})
}

// Ticked implements [sampler.Observer].
func (m *SamplerMetrics) Ticked(d sampler.Dump, took time.Duration) {
	m.dump.Observe(d.End.Sub(d.Start).Seconds())
	m.tick.Observe(took.Seconds())

	dumped := d.End.Sub(d.Start)
	m.phases.kernel.Add(d.Kernel.Seconds())
	m.phases.track.Add((dumped - d.Kernel).Seconds())
	m.phases.publish.Add(max(0, took-dumped).Seconds()) // a replay dumps in the time of its recording
}

// Rechecked implements [sampler.Observer].
func (m *SamplerMetrics) Rechecked(n int, took time.Duration) {
	m.recheck.Observe(took.Seconds())
	m.sockets.Add(float64(n))
	m.phases.recheck.Add(took.Seconds())
}

// Delayed implements [sampler.Observer].
func (m *SamplerMetrics) Delayed(by time.Duration) { m.late.Add(max(0, by).Seconds()) }

// Paced implements [sampler.Observer].
func (m *SamplerMetrics) Paced(interval time.Duration) { m.interval.Set(interval.Seconds()) }

// Missed implements [sampler.Observer].
func (m *SamplerMetrics) Missed(n int) { m.missed.Add(float64(n)) }

// Failed implements [sampler.Observer].
func (m *SamplerMetrics) Failed(err error, _ time.Duration) {
	m.errors.WithLabelValues(string(sampler.ReasonOf(err))).Inc()
}

// FellBack reports whether sockets are read from procfs.
func (m *SamplerMetrics) FellBack(yes bool) {
	m.fallback.Set(0)

	if yes {
		m.fallback.Set(1)
	}
}

// phases are the parts of a tick.
type phases struct {
	all                             *prometheus.CounterVec
	kernel, track, publish, recheck prometheus.Counter
}

func newPhases() phases {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{Name: namePhases, Help: helpOf(namePhases)}, []string{"phase"})

	return phases{
		all:     all,
		kernel:  all.WithLabelValues("kernel"),
		track:   all.WithLabelValues("track"),
		publish: all.WithLabelValues("publish"),
		recheck: all.WithLabelValues("recheck"),
	}
}
