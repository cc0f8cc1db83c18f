package health

import (
	"testing"
	"time"

	"tcphealth_exporter/health/judge"
)

// ticks judges samples that are so many ms apart.
func ticks(c *clock, apart ...int64) (now judge.Stamp, afterGap bool) {
	at := max(c.first, start.UnixMilli())

	for _, ms := range append([]int64{0}, apart...) {
		at += ms
		c.begin()
		now, afterGap = c.judge(at)
	}

	return now, afterGap
}

func TestClockStandsStillInGaps(t *testing.T) {
	begin := judge.Stamp(start.UnixMilli())

	for _, tc := range []struct {
		name     string
		apart    []int64
		want     int64 // ms that passed on the judging clock
		afterGap bool
	}{
		{"steady", []int64{1000, 1000, 1000}, 3000, false},
		{"two intervals are none", []int64{1000, 2000}, 3000, false},
		{"more than two intervals are one", []int64{1000, 2001}, 2000, true},
		{"a pause", []int64{1000, 1000, 60_000}, 3000, true},
		{"the sample after the next", []int64{1000, 1000, 60_000, 1000}, 4000, false},
		{"two pauses in a row", []int64{1000, 1000, 5000, 8000}, 4000, true},
		{"always late", []int64{4000, 4000, 4000, 4000, 4000}, 1000 + 1000 + 3*4000, false},
		{"always late, then a pause", []int64{4000, 4000, 4000, 4000, 9000}, 1000 + 1000 + 3*4000, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := clock{interval: 1000}
			if now, gap := ticks(&c, tc.apart...); int64(now-begin) != tc.want || gap != tc.afterGap {
				t.Errorf("got %d ms and a gap %v, want %d and %v", now-begin, gap, tc.want, tc.afterGap)
			}
		})
	}
}

func TestClockOfRowsWithinOneTick(t *testing.T) {
	c := clock{interval: 1000}
	at := start.UnixMilli()
	ticks(&c)
	c.begin()
	first, gap := c.judge(at + 10_000)
	second, sameGap := c.judge(at + 10_300)

	if second-first != 300 || !gap || !sameGap {
		t.Errorf("two rows of one dump are %d ms apart, after a gap %v and %v", second-first, gap, sameGap)
	}

	if got := c.tickLength(); got != 10*time.Second {
		t.Errorf("the tick took %v", got)
	}

	c.begin()

	if got := c.tickLength(); got != 0 {
		t.Errorf("a tick without a row took %v", got)
	}
}

func TestClockIgnoresStepsOfTheWallClock(t *testing.T) {
	var c times

	now := time.Now()
	at := c.read(now)
	later := c.read(now.Add(1500 * time.Millisecond))

	if later-at != 1500 || at != now.UnixMilli() {
		t.Errorf("read %d, and 1.5 s later %d", at, later)
	}

	// A time without a monotonic reading has the wall clock alone, as a
	// recording has: nothing of it is a step.
	c = times{}
	at = c.read(start)

	if got := c.wall(c.read(start.Add(time.Hour))); !got.Equal(start.Add(time.Hour)) || at != start.UnixMilli() {
		t.Errorf("an hour after %v it was %v", start, got)
	}

	c.step = 3_600_000
	if got := c.wall(at); !got.Equal(start.Add(time.Hour)) {
		t.Errorf("after a step of an hour %v became %v", start, got)
	}
}

// TestTimestampsAreOfOneClock: after the clock of the host was set back by an hour, what
// happened before it is an hour earlier, too.
func TestTimestampsAreOfOneClock(t *testing.T) {
	const back = time.Hour

	w := newWatch(t, Config{Export: showAll, Retention: time.Hour})
	for range 3 {
		w.tick(established(1), established(2))
	}

	w.tick(established(1)) // two samples without the other one: it has ended
	w.tick(established(1))
	w.sample(unhealthy(1, 3))
	w.tracker.times.step -= back.Milliseconds()

	s := w.tracker.snapshot(w.now.UnixMilli())
	if c := s.shown(1); !c.FirstSeen.Equal(start.Add(-back)) || !c.StatusSince.Equal(w.now.Add(-back)) {
		t.Errorf("seen since %v, %v since %v", c.FirstSeen, c.Status, c.StatusSince)
	}

	if c := s.shown(2); !c.FirstSeen.Equal(start.Add(-back)) || !c.Ended.Equal(start.Add(2*time.Second-back)) {
		t.Errorf("seen from %v to %v", c.FirstSeen, c.Ended)
	}

	for f, last := range s.LastActivated {
		if !last.At.IsZero() && !last.At.Equal(w.now.Add(-back)) {
			t.Errorf("%v became active at %v", judge.Flag(f), last.At)
		}
	}
}
