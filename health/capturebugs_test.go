package health

import (
	"testing"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// The tests of this file are like those of bugs_test.go. T numbers the mistakes of
// a program that captured packets.

// TestWindowsAreScaledBytes (T6): a window in tcp_info has been scaled already,
// whatever scale the connection has.
func TestWindowsAreScaledBytes(t *testing.T) {
	for _, scale := range []uint8{0, 7, 14} {
		r := established(1)
		r.Info.Options, r.Info.Wscale = sampler.OptionWScale, scale<<4|scale
		r.Timer, r.Info.NotsentBytes, r.SendQueue = sampler.TimerProbe, 5000, 5000

		for window, want := range map[uint32]bool{0: true, 64: true, 1447: true, 1448: false, 65_536: false} {
			r.Info.SndWnd = window

			s := &diagtest.Decode(t, r)[0]
			if s.Info.SndWnd() != window || atZeroWindow(s) != want {
				t.Errorf("a window of %d bytes, scale %d: %d, closed %v", window, scale, s.Info.SndWnd(), atZeroWindow(s))
			}
		}
	}
}

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

		if got := w.snapshot.FlagEvents[ZeroWindow]; got != uint64(times+1) {
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

	if got := w.tick(r).shown(1); got.Flags.Has(ZeroWindow) {
		t.Errorf("a socket that was reset has %s", flagNames(got.Flags))
	}

	w.tick()

	if got := w.tick().FlagEvents[ZeroWindow]; got != 3 {
		t.Errorf("counted %d after the reset", got)
	}
}
