package judge

import "testing"

// TestLimitedReader: an application that limits its rate pauses for the longer the larger
// the kernel makes the buffer, which is no fault; a much longer pause is one.
func TestLimitedReader(t *testing.T) {
	th := DefaultThresholds()

	reader := func(received, unread uint64) (row, *following) {
		r := established(1)
		r.RecvQueue, r.Info.BytesReceived = uint32(unread), received
		r.Info.LastDataRecv, r.Info.RcvWnd = 2000, 10_000

		return r, newFollowing(t)
	}

	pause := func(f *following, r row, seconds int) (points int) {
		for range seconds {
			e := f.see(r)
			points, _ = level(unreadSeconds, &e, th, th.Steps[RecvQueueStuck])
		}

		return points
	}

	// It reads all of the buffer at once, at 200 kB/s on average, while the buffer grows.
	r, f := reader(200_000, 100_000)
	for _, seconds := range []int{1, 3, 5, 12, 30} {
		r.RecvQueue = uint32(200_000 * seconds)
		r.Info.BytesReceived += 200_000 * uint64(seconds)

		if got := pause(f, r, seconds); got > 2 {
			t.Errorf("a pause of %d s: %d points", seconds, got)
		}
	}

	for _, tc := range []struct{ seconds, want int }{{59, 2}, {70, 3}} {
		r.Info.BytesReceived += 1_000_000
		if got := pause(f, r, tc.seconds); got != tc.want {
			t.Errorf("then a pause of %d s: %d points, want %d", tc.seconds, got, tc.want)
		}
	}

	for _, tc := range []struct {
		name             string
		received, unread uint64
		seconds, want    int
	}{
		{"nothing was ever read", 2_000_000, 2_000_000, 19, 2},
		{"nothing was ever read", 2_000_000, 2_000_000, 22, 3},
		{"it read before the first sample, at an unknown rate", 9_000_000, 2_000_000, 59, 2},
		{"it read before the first sample, at an unknown rate", 9_000_000, 2_000_000, 62, 3},
	} {
		r, f := reader(tc.received, tc.unread)
		if got := pause(f, r, tc.seconds); got != tc.want {
			t.Errorf("%s: a pause of %d s: %d points, want %d", tc.name, tc.seconds, got, tc.want)
		}
	}

	r, f = reader(500_000_000, 1_000_000) // 100 MB/s
	pause(f, r, 1)

	for range 5 {
		r.Info.BytesReceived += 100_000_000
		pause(f, r, 1)
	}

	if got := pause(f, r, 22); got != 3 {
		t.Errorf("a fast reader stops: %d points, want 3", got)
	}
}
