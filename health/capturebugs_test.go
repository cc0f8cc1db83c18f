package health

import (
	"testing"

	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// TestZeroWindowsAreCountedOnce (T7): as often as the window closed, however
// often that was seen; and a reset is no closed window.
func TestZeroWindowsAreCountedOnce(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	r := established(1)
	shut := func(closed bool) {
		r.Timer, r.Info.SndWnd, r.Info.NotsentBytes, r.SendQueue = sampler.TimerNone, 64_000, 0, 0
		if closed {
			r.Timer, r.Info.SndWnd, r.Info.NotsentBytes, r.SendQueue = sampler.TimerProbe, 0, 5000, 5000
			r.Info.LastAckRecv = 100
		}
	}

	for times := range 3 {
		for range 15 {
			shut(true)
			w.tick(r)
		}

		if got := w.snapshot.FlagEvents[judge.ZeroWindow]; got != uint64(times+1) {
			t.Errorf("closed %d times, counted %d", times+1, got)
		}

		for range 5 {
			shut(false)
			r.Info.BytesAcked += 5000
			w.tick(r)
		}
	}

	// Reset by its peer: the socket has no window any more, and nothing to send.
	r.State, r.Info.SndWnd = sampler.StateClose, 0

	if got := w.tick(r).shown(1); got.Flags.Has(judge.ZeroWindow) {
		t.Errorf("a socket that was reset has %s", flagNames(got.Flags))
	}

	w.tick()

	if got := w.tick().FlagEvents[judge.ZeroWindow]; got != 3 {
		t.Errorf("counted %d after the reset", got)
	}
}
