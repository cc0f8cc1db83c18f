package judge

import (
	"testing"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

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
