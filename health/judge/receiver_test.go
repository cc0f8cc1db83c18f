package judge

import "testing"

// TestLimitedReader: an application that limits its rate pauses for the longer the larger
// the kernel makes the buffer, which is no fault; a much longer pause is one.
func TestLimitedReader(t *testing.T) {
	th := DefaultThresholds()
	f := newFollowing(t)
	r := established(1)
	r.RecvQueue, r.Info.BytesReceived, r.Info.LastDataRecv, r.Info.RcvWnd = 2_000_000, 2_000_000, 2000, 10_000

	pause := func(seconds int) (points int) {
		for range seconds {
			e := f.see(r)
			points, _ = level(unreadSeconds, &e, th, th.Steps[RecvQueueStuck])
		}

		r.Info.BytesReceived += 1_000_000 // as much was read

		return points
	}

	for _, seconds := range []int{1, 3, 5, 8, 12, 12, 20} {
		if got := pause(seconds); got > 2 {
			t.Errorf("a pause of %d s: %d points", seconds, got)
		}
	}

	for _, tc := range []struct{ seconds, want int }{{38, 2}, {200, 3}, {58, 2}, {70, 3}} {
		if got := pause(tc.seconds); got != tc.want {
			t.Errorf("a pause of %d s: %d points, want %d", tc.seconds, got, tc.want)
		}
	}

	for seconds, want := range map[int]int{12: 2, 22: 3} { // the first pause, of megabytes
		f = newFollowing(t)
		if got := pause(seconds); got != want {
			t.Errorf("a first pause of %d s: %d points, want %d", seconds, got, want)
		}
	}
}
