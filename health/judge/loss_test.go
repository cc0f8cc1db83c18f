package judge

import (
	"math/rand/v2"
	"testing"
)

// TestBBRSearches: while the window holds few round trips, what BBR loses is no lossy path.
func TestBBRSearches(t *testing.T) {
	th := DefaultThresholds()

	for _, tc := range []struct {
		bbr, queued bool
		srtt        float64
		want        int
	}{
		{true, false, 0.1, 6},
		{true, true, 0.1, 2},
		{true, false, 0.2, 2},
		{false, true, 0.2, 6},
	} {
		e := calm()
		lossy(&e, 0.5)
		e.bbr, e.queued, e.queue.now, e.srtt, e.baseline, e.windowSpan = tc.bbr, tc.queued, 1, tc.srtt, tc.srtt, 10

		if got, _ := level(lossShare, &e, th, th.Steps[LossHigh]); got != tc.want {
			t.Errorf("BBR %v, a queue %v, RTT %v s: %d points, want %d", tc.bbr, tc.queued, tc.srtt, got, tc.want)
		}
	}
}

// TestQueueOfALongPath: all that was waiting may be in flight before it is acknowledged.
func TestQueueOfALongPath(t *testing.T) {
	for rtt, want := range map[uint32]bool{100_000: false, 600_000: true} {
		f := newFollowing(t)
		r := established(1)
		r.Info.RTT, r.Info.Unacked, r.SendQueue, r.Info.NotsentBytes = rtt, 50, 100_000, 20_000
		f.see(r)

		r.Info.NotsentBytes = 0
		f.see(r)

		if e := f.see(r); e.bulk() != want {
			t.Errorf("an RTT of %d µs, two seconds after a queue: bulk %v", rtt, e.bulk())
		}
	}
}

// TestChanceIsNoLossyPath has a connection on a path that loses one segment in 150 for 5
// hours, then one in five: what is lost by chance within seconds is no reason for more than
// CAUTION, and the change is seen within five seconds.
func TestChanceIsNoLossyPath(t *testing.T) {
	const (
		perSecond = 14
		size      = 100
	)

	th := DefaultThresholds()
	random := rand.New(rand.NewPCG(1, 1))
	f := newFollowing(t)
	r := established(1)

	next := func(loss float64) (points int) {
		for range perSecond {
			r.Info.DataSegsOut++
			r.Info.BytesSent += size
			r.Info.Delivered++

			if random.Float64() < loss {
				r.Info.DataSegsOut++
				r.Info.BytesSent += size
				r.Info.BytesRetrans += size
				r.Info.TotalRetrans++
			}
		}

		e := f.see(r)
		points, _ = level(lossShare, &e, th, th.Steps[LossHigh])

		return points
	}

	mild := 0

	for second := range 5 * 3600 {
		switch points := next(1. / 150); {
		case points > 2:
			t.Fatalf("%d points after %d s", points, second)
		case points == 2:
			mild++
		}
	}

	if mild == 0 {
		t.Error("no losses were high by chance")
	}

	for second := 1; next(1./5) < 4; second++ {
		if second == 5 {
			t.Fatal("a loss of 20 % is not seen within 5 s")
		}
	}
}
