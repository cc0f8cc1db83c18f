package app

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/sampler"
)

// limitedWriter fails with err after some bytes.
type limitedWriter struct {
	room int
	err  error
}

func (w *limitedWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.room)
	if w.room -= n; n < len(b) {
		return n, w.err
	}

	return n, nil
}

// TestReportOfRecording logs the end of a recording once, whether samples succeed or
// fail.
func TestReportOfRecording(t *testing.T) {
	for name, report := range map[string]func(*reporter){
		"ticked": func(r *reporter) { r.Ticked(sampler.Dump{}, time.Millisecond) },
		"failed": func(r *reporter) { r.Failed(sampler.ErrOverrun, time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			recorder, err := sampler.NewRecorder(&limitedWriter{1000, errors.New("no space left on device")}, "6.1", time.Second, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}

			var text bytes.Buffer

			l := &latest{interval: time.Second, started: time.Now()}
			r := &reporter{
				SamplerMetrics: collector.NewSamplerMetrics(1), logger: log.NewLogfmtLogger(&text), recorder: recorder,
				latest: l, supervisor: newSupervisor(l, log.NewNopLogger()),
			}

			const want = `msg="recording stopped, sampling continues" err="write recording: no space left on device"`

			report(r)

			if strings.Contains(text.String(), "recording") {
				t.Errorf("before the failure: %s", &text)
			}

			recorder.Datagram(time.Unix(1, 0), make([]byte, 1000))
			recorder.Failed(time.Unix(1, 0), sampler.ReasonOverrun)
			report(r)
			report(r)

			if n := strings.Count(text.String(), want); n != 1 {
				t.Errorf("%d lines, want 1: %s", n, &text)
			}
		})
	}
}
