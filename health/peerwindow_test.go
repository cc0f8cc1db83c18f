package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// TestWindowShrinks: only a right edge that moves back is a shrinking window.
func TestWindowShrinks(t *testing.T) {
	const (
		scale    = 7
		wrapping = 1<<32 - 500
	)

	type look struct {
		acked uint64
		wnd   uint32
	}

	for _, tc := range []struct {
		name  string
		looks []look
		want  uint64
	}{
		{"steady", []look{{1000, 64_000}, {1000, 64_000}, {2000, 64_000}}, 0},
		{"smaller as data arrives", []look{{1000, 64_000}, {31_000, 34_000}, {65_000, 0}}, 0},
		{"less by what the scale can't show", []look{{1000, 64_000}, {1001, 64_000 - 128}}, 0},
		{"taken back", []look{{1000, 64_000}, {1000, 64_000 - 128}}, 1},
		{"closed at once", []look{{1000, 64_000}, {1000, 0}}, 1},
		{"taken back twice", []look{{1000, 64_000}, {1000, 32_000}, {33_000, 64_000}, {33_000, 1024}}, 2},
		{"opened again", []look{{1000, 0}, {1000, 64_000}}, 0},
		{"past 4 GiB", []look{{wrapping, 64_000}, {wrapping + 32_000, 32_000}, {wrapping + 32_000, 64_000}}, 0},
		{"the SYN's window gives way", []look{{1, 65_535}, {1, 64_256}}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWatch(t, Config{Export: export.Config{Max: 1}})
			r := established(1)
			r.Info.Options, r.Info.Wscale = sampler.OptionWScale, scale

			var s *Snapshot

			for _, l := range tc.looks {
				r.Info.BytesAcked, r.Info.SndWnd = l.acked, l.wnd
				s = w.tick(r)
			}

			if got := s.Connections[0].Windows.Shrunk; got != tc.want || s.Totals.Windows.Shrunk != tc.want || !s.Totals.EdgeKnown {
				t.Errorf("shrunk %d times, all together %d times, want %d", got, s.Totals.Windows.Shrunk, tc.want)
			}
		})
	}
}

// TestWindowShrinksOnOldKernels: without a window there is nothing to shrink.
func TestWindowShrinksOnOldKernels(t *testing.T) {
	const before54 = 224

	w := newWatch(t, Config{})
	r := established(1)
	r.InfoSize = before54
	r.Info.BytesAcked = 1000

	w.tick(r)

	r.Info.SndWnd = 0
	if s := w.tick(r); s.Totals.EdgeKnown || s.Totals.Windows.Shrunk != 0 {
		t.Errorf("%+v, known %v", s.Totals.Windows, s.Totals.EdgeKnown)
	}
}

// TestZeroWindowEvents counts episodes, not looks (as T7 did packets).
func TestZeroWindowEvents(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 1}})
	open := established(1)
	open.Info.BytesAcked, open.Info.SndWnd = 1000, 64_000

	shut := open
	shut.SendQueue, shut.Timer, shut.Info.SndWnd, shut.Info.NotsentBytes = 9000, sampler.TimerProbe, 0, 9000

	again := shut
	again.Info.BytesAcked = 5000

	for n, step := range []struct {
		row  row
		want uint64
	}{{open, 0}, {shut, 1}, {shut, 1}, {shut, 1}, {again, 2}, {again, 2}, {open, 2}, {shut, 3}} {
		s := w.tick(step.row)

		var groups uint64
		for i := range s.Groups {
			groups += s.Groups[i].Windows.Zero
		}

		if s.Connections[0].Windows.Zero != step.want || s.Totals.Windows.Zero != step.want || groups != step.want {
			t.Errorf("look %d: %d events, in all %d, in groups %d, want %d", n, s.Connections[0].Windows.Zero, s.Totals.Windows.Zero, groups, step.want)
		}
	}
}

// TestZeroWindowAtFirstSight is counted for the group that the connection joins.
func TestZeroWindowAtFirstSight(t *testing.T) {
	w := newWatch(t, Config{})
	w.tick(established(2))

	shut := established(1)
	shut.SendQueue, shut.Timer, shut.Info.SndWnd, shut.Info.NotsentBytes = 9000, sampler.TimerProbe, 0, 9000

	if s := w.tick(established(2), shut); s.Totals.Windows.Zero != 1 {
		t.Errorf("%d events", s.Totals.Windows.Zero)
	}

	w.now = w.now.Add(100 * time.Millisecond)
	w.tracker.Rechecked(w.now, diagtest.Decode(t, shut))

	if s := w.tick(established(2), shut); s.Totals.Windows.Zero != 1 {
		t.Errorf("%d events when it was looked at again", s.Totals.Windows.Zero)
	}
}
