package health

import (
	"math"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// TestWindowFoundClosed is SUSPECT at first sight if it has been closed for long.
func TestWindowFoundClosed(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	r.SendQueue, r.Info.SndWnd, r.Info.NotsentBytes, r.Info.Probes = 9000, 0, 9000, 0
	r.Timer, r.Info.RTO, r.Info.Backoff, r.Expires = sampler.TimerProbe, 250_000, 2, 400

	if got := w.tick(r).shown(1); got.Status != judge.Suspect || got.Cause != judge.CausePeerReceiver {
		t.Errorf("%v because of %v, %s", got.Status, got.Cause, flagNames(got.Flags))
	}
}

// TestHeldStatusHasAReason: no status but HEALTHY goes without a word.
func TestHeldStatusHasAReason(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	w.tick(unhealthy(1, 3))
	w.now = w.now.Add(time.Second)
	w.tick(established(1))

	f := w.ask(Query{Cookie: 1, Limit: 1}, nil).Found[0]
	if want := []string{"no flag is active, STALE is held until the better status has lasted"}; f.Flags != 0 || !slices.Equal(f.Reasons, want) {
		t.Errorf("%v with %s: %q", f.Status, flagNames(f.Flags), f.Reasons)
	}

	for range 4 {
		w.tick(established(1))
	}

	if f := w.ask(Query{Cookie: 1, Limit: 1}, nil).Found[0]; f.Status != judge.Healthy || f.Reasons != nil {
		t.Errorf("%v: %q", f.Status, f.Reasons)
	}
}

// TestTrendOfFirstSight guards against zeros where nothing is known yet.
func TestTrendOfFirstSight(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})

	got := w.tick(established(1)).shown(1).Trend
	if got.Samples != 1 || !math.IsNaN(got.Loss) || !math.IsNaN(got.RTTDrift) || !near(got.Jitter, 0.1) {
		t.Errorf("the trend of the first sample: %+v", got)
	}

	late := newWatch(t, Config{Export: export.Config{Max: 1, MinAge: 3 * time.Second}})
	late.tick()

	for range 3 {
		late.tick(established(1))
	}

	if got := late.tick(established(1)).shown(1).Trend; got.Samples != 4 || got.Span != 3 {
		t.Errorf("the trend when it is shown first: %+v", got)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 || math.IsNaN(a) && math.IsNaN(b) }
