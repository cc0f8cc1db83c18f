package collector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/sampler"
)

// failures are errors for each reason, in the order of [sampler.Reasons].
func failures() []error {
	return []error{
		fmt.Errorf("probe: %w", syscall.ENOENT),
		fmt.Errorf("open netlink socket: %w", os.NewSyscallError("socket", syscall.EPERM)),
		os.NewSyscallError("recvfrom", syscall.ENOBUFS),
		fmt.Errorf("receive: %w", context.DeadlineExceeded),
		fmt.Errorf("dump: %w", sampler.ErrInterrupted),
		fmt.Errorf("dump: %w", sampler.ErrMalformed),
		fmt.Errorf("open netlink socket: %w", os.NewSyscallError("socket", syscall.EMFILE)),
		os.NewSyscallError("sendto", syscall.ENOMEM),
		errors.New("the moon is full"),
	}
}

// errorCounts reads the failures back, by reason.
func errorCounts(tb testing.TB, m *collector.SamplerMetrics) map[string]float64 {
	tb.Helper()

	families, err := pedantic(tb, m).Gather()
	if err != nil {
		tb.Fatal(err)
	}

	counts := make(map[string]float64)

	for _, f := range families {
		if f.GetName() != "tcphealth_sampler_errors_total" {
			continue
		}

		for _, series := range f.GetMetric() {
			counts[series.GetLabel()[0].GetValue()] = series.GetCounter().GetValue()
		}
	}

	return counts
}

func TestEveryReasonIsThereFromTheStart(t *testing.T) {
	want := make(map[string]float64)
	for _, r := range sampler.Reasons() {
		want[string(r)] = 0
	}

	m := collector.NewSamplerMetrics(time.Second)
	if diff := cmp.Diff(want, errorCounts(t, m)); diff != "" {
		t.Errorf("at start (-want +got):\n%s", diff)
	}

	for i, err := range failures() {
		for range i + 1 {
			m.Failed(err, time.Second)
		}

		want[string(sampler.Reasons()[i])] = float64(i + 1)
	}

	if diff := cmp.Diff(want, errorCounts(t, m)); diff != "" {
		t.Errorf("after failures (-want +got):\n%s", diff)
	}
}

// TestForeignReason shows that what a recording calls a reason can't add a
// series: the set of reasons is closed.
func TestForeignReason(t *testing.T) {
	var (
		file    bytes.Buffer
		failure error
	)

	recorder, err := sampler.NewRecorder(&file, "7.0.0", time.Second, sampledAt)
	if err != nil {
		t.Fatal(err)
	}

	recorder.Failed(sampledAt, "moon\nphase")

	replay, err := sampler.NewReplay(&file)
	if err != nil {
		t.Fatal(err)
	}

	if _, failure = replay.Dump(nil); failure == nil {
		t.Fatal("no failure was played")
	}

	m := collector.NewSamplerMetrics(time.Second)
	m.Failed(failure, 0)

	want := make(map[string]float64)
	for _, r := range sampler.Reasons() {
		want[string(r)] = 0
	}

	want[string(sampler.ReasonOther)] = 1

	if diff := cmp.Diff(want, errorCounts(t, m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSamplerMetrics(t *testing.T) {
	families, err := pedantic(t, busySampler()).Gather()
	if err != nil {
		t.Fatal(err)
	}

	// sums are seconds; 10 s and 11 s are beyond the last classic bucket.
	sums := map[string]float64{
		"tcphealth_sampler_dump_duration_seconds":    10.003,
		"tcphealth_sampler_tick_duration_seconds":    11.005,
		"tcphealth_sampler_recheck_duration_seconds": 0.004,
	}

	// within is how many of the two are below the last classic bound.
	within := map[string]uint64{
		"tcphealth_sampler_dump_duration_seconds":    1,
		"tcphealth_sampler_tick_duration_seconds":    1,
		"tcphealth_sampler_recheck_duration_seconds": 2,
	}

	for _, f := range families {
		sum, ok := sums[f.GetName()]
		if !ok {
			continue
		}

		delete(sums, f.GetName())

		h := f.GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 2 || h.GetSampleSum() != sum {
			t.Errorf("%s: count %d, sum %g, expected 2 and %g", f.GetName(), h.GetSampleCount(), h.GetSampleSum(), sum)
		}

		classic := h.GetBucket()
		if len(classic) != 17 || classic[0].GetUpperBound() != 0.0001 || classic[16].GetCumulativeCount() != within[f.GetName()] {
			t.Errorf("%s: classic buckets %v", f.GetName(), classic)
		}

		if h.Schema == nil || len(h.GetPositiveSpan()) == 0 || len(h.GetPositiveDelta()) != 2 {
			t.Errorf("%s: no native buckets: schema %v, spans %v, deltas %v",
				f.GetName(), h.Schema, h.GetPositiveSpan(), h.GetPositiveDelta())
		}
	}

	if len(sums) != 0 {
		t.Errorf("not gathered: %v", sums)
	}
}
