package health

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// watched returns the cookies of the connections that are to be read again.
func (w *watch) watched() []uint64 {
	var cookies []uint64
	for _, target := range w.tracker.Suspicious() {
		cookies = append(cookies, target.Cookie)
	}

	return cookies
}

// recheck takes a round of rechecking so long after the last sample or round.
func (w *watch) recheck(after time.Duration, rows ...row) {
	w.tb.Helper()

	w.now = w.now.Add(after)
	w.tracker.Rechecked(w.now, diagtest.Decode(w.tb, rows...))
	w.tracker.Settle(w.now)
}

// waiting returns the row of a connection whose request is unanswered for so
// many ms and timeouts.
func waiting(cookie uint64, ms uint32, timeouts uint8) row {
	r := diagtest.Outstanding(ms, 3_600_000)
	r.Cookie, r.Local, r.Remote = cookie, established(cookie).Local, established(cookie).Remote
	r.Info.Retransmits, r.Info.Backoff = timeouts, timeouts
	r.Info.RTO = 220_000 << timeouts

	return r
}

func TestWatchListChooses(t *testing.T) {
	w := newWatch(t, Config{})
	slow := established(6)
	slow.Info.LastDataSent, slow.Info.RTT = 10, 1_200_000
	w.tick(slow)
	slow.Info.BytesAcked += 100

	fin := established(7)
	fin.InfoSize, fin.State = diagtest.NoInfo, sampler.StateFinWait2

	shut := established(9)
	shut.SendQueue, shut.Timer, shut.Info.SndWnd, shut.Info.NotsentBytes = 9000, sampler.TimerProbe, 0, 9000

	w.sample(established(1), waiting(2, 290, 0), waiting(3, 310, 0), unhealthy(4, 1), unhealthy(5, 3), slow, fin, listener(8, "[::]:80", 0, 9), shut)

	if got := w.watched(); !slices.Equal(got, []uint64{3, 4, 6, 9, 5}) {
		t.Errorf("watched %v, want who waits for more than 300 ms or for a window, who is SUSPECT or worse, and the dead last", got)
	}

	if got := w.watched(); len(got) != 0 {
		t.Errorf("asked again, %v", got)
	}
}

func TestWatchListNamesSockets(t *testing.T) {
	w := newWatch(t, Config{})
	r := unanswered(linkLocal(5, 3), 1)
	w.sample(r)

	want := diagtest.Decode(t, r)[0].Target()
	if got := w.tracker.Suspicious(); len(got) != 1 || got[0] != want {
		t.Errorf("watched %+v, want %+v", got, want)
	}
}

func TestWatchListIsBounded(t *testing.T) {
	w := newWatch(t, Config{Recheck: RecheckConfig{Max: 4}})

	dead := []row{unhealthy(1, 3), unhealthy(2, 3), unhealthy(3, 3), unhealthy(4, 3), unhealthy(5, 3), unhealthy(6, 3)}
	doubt := []row{unhealthy(7, 1), unhealthy(8, 1), unhealthy(9, 1), unhealthy(10, 1), unhealthy(11, 1)}

	for name, tc := range map[string]struct {
		rows []row
		want []uint64
	}{
		"the dead have what room is left": {append(slices.Clone(dead), doubt[:3]...), []uint64{7, 8, 9, 1}},
		"no room for the dead":            {append(slices.Clone(dead), doubt...), []uint64{7, 8, 9, 10}},
		"the dead alone":                  {dead, []uint64{1, 2, 3, 4}},
		"none":                            {nil, nil},
	} {
		w.tick(tc.rows...)

		if got := w.watched(); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// TestWatchedAfterARound: who is still suspicious is read again, who is not is
// left alone until the next sample.
func TestWatchedAfterARound(t *testing.T) {
	w := newWatch(t, Config{})
	w.sample(waiting(1, 400, 0), waiting(2, 400, 0), waiting(3, 400, 0))

	if got := w.watched(); len(got) != 3 {
		t.Fatalf("watched %v", got)
	}

	answered := established(2)
	answered.Info.BytesAcked += 300
	w.recheck(250*time.Millisecond, waiting(1, 650, 1), answered) // 3 is gone

	if got := w.watched(); !slices.Equal(got, []uint64{1}) {
		t.Errorf("watched %v, want the one that waits on", got)
	}

	if got := w.watched(); len(got) != 0 {
		t.Errorf("asked again, %v", got)
	}
}

// TestRecheckJudges finds a dead path between two samples, and publishes only
// what changes a verdict.
func TestRecheckJudges(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})
	alive := established(2)
	alive.Info.LastDataSent = 10
	w.tick(established(1), alive)
	sampled := w.now
	before := w.sample(waiting(1, 750, 1), alive)

	if before.shown(1).Status != judge.Healthy && before.shown(1).Status != judge.Caution {
		t.Fatalf("%v at once", before.shown(1).Status)
	}

	w.watched()
	w.recheck(100*time.Millisecond, waiting(1, 850, 1))

	if w.snapshot != before {
		t.Error("published though nothing changed")
	}

	w.recheck(500*time.Millisecond, waiting(1, 1350, 2))

	s := w.snapshot
	if s == before {
		t.Fatal("nothing was published")
	}

	c := s.shown(1)
	if c.Status != judge.Stale || !c.Flags.Has(judge.HalfOpenConfirmed) || !c.StatusSince.Equal(w.now) || !s.At.Equal(sampled) {
		t.Errorf("%v since %v with %s, sampled at %v", c.Status, c.StatusSince, flagNames(c.Flags), s.At)
	}

	if c.Row.Info.LastDataSent() != 1350 || s.Tracker.Suspicious != 1 {
		t.Errorf("the row is of %d ms, %d watched", c.Row.Info.LastDataSent(), s.Tracker.Suspicious)
	}

	if before.shown(1).Status == judge.Stale {
		t.Error("a snapshot that was published has changed")
	}
}

// TestRecheckKeepsCounts: a connection counts once for what it is now.
func TestRecheckKeepsCounts(t *testing.T) {
	const connections = 40

	random := rand.New(rand.NewPCG(9, 10))
	w := newWatch(t, Config{Interval: time.Second, Export: showAll})
	events := 0

	for range 200 {
		rows := make([]row, connections)
		for i := range rows {
			rows[i] = anyOf(random, uint64(i+1))
		}

		w.sample(rows...)
		requireCounts(t, w)

		for range 3 {
			w.watched()

			var again []row

			for range random.IntN(connections) {
				again = append(again, anyOf(random, uint64(random.IntN(connections+5)+1)))
			}

			w.recheck(250*time.Millisecond, again...)
			requireCounts(t, w)
			requireSound(t, w.tracker)
		}

		w.now = w.now.Add(250 * time.Millisecond)

		for f, n := range w.tracker.events.counts {
			events += int(n) * (f + 1)
		}
	}

	if events == 0 {
		t.Error("nothing happened")
	}
}

// anyOf returns a connection in any condition.
func anyOf(random *rand.Rand, cookie uint64) row {
	switch random.IntN(4) {
	case 0:
		return established(cookie)
	case 1:
		return unhealthy(cookie, uint8(random.IntN(5)))
	case 2:
		r := established(cookie)
		r.Info.LastDataSent, r.Info.TotalRetrans = 10, random.Uint32N(9)

		return r
	default:
		return waiting(cookie, random.Uint32N(4000), uint8(random.IntN(4)))
	}
}

// requireCounts fails unless the counts of the tick are those of its connections.
func requireCounts(tb testing.TB, w *watch) {
	tb.Helper()

	var want counts

	for _, i := range indexed(w.tracker) {
		v := w.tracker.slab.conn(i).judged.Verdict()
		if w.tracker.slab.conn(i).missed > 0 || w.tracker.slab.conn(i).endedAt != 0 {
			continue
		}

		want.statuses[v.Status]++

		for f := range v.Flags.All() {
			want.flags[f]++
		}

		if v.Idle {
			want.idle++
		}
	}

	if got := &w.tracker.counts; got.statuses != want.statuses || got.flags != want.flags || got.idle != want.idle {
		tb.Fatalf("counted %v, %v, %d idle; there are %v, %v, %d", got.statuses, got.flags, got.idle, want.statuses, want.flags, want.idle)
	}
}

// TestRecheckOfWhatIsNotFollowed changes nothing, whatever the kernel answers.
func TestRecheckOfWhatIsNotFollowed(t *testing.T) {
	w := newWatch(t, Config{Export: showAll, Retention: time.Hour})
	w.tick(unhealthy(1, 1), unhealthy(2, 1), unhealthy(3, 1))
	w.tick(unhealthy(2, 1), unhealthy(3, 1))
	w.tick(unhealthy(2, 1), unhealthy(3, 1)) // 1 has ended
	before := w.sample(unhealthy(3, 1))

	if before.Tracker.Ended != 1 || before.Tracker.Live != 2 {
		t.Fatalf("%+v", before.Tracker)
	}

	elsewhere := unhealthy(3, 9)
	elsewhere.Remote = established(77).Remote

	timeWait := unhealthy(3, 9)
	timeWait.InfoSize, timeWait.State = diagtest.NoInfo, sampler.StateTimeWait

	for name, r := range map[string]row{
		"one that has ended":             unhealthy(1, 9),
		"one that the dump missed":       unhealthy(2, 9),
		"one that was never seen":        unhealthy(4, 9),
		"a socket connected elsewhere":   elsewhere,
		"a remnant without tcp_info":     timeWait,
		"a listener that answers for it": listener(3, "192.0.2.1:443", 1, 2),
	} {
		r.Info.TotalRetrans = 50

		w.recheck(10*time.Millisecond, r)

		if w.snapshot != before {
			t.Errorf("%s: published", name)
		}

		requireCounts(t, w)
		requireSound(t, w.tracker)
	}

	if samples := w.ask(Query{Cookie: 3, Limit: 1}, nil).Found[0].Trend.Samples; samples != 4 {
		t.Errorf("the window holds %d samples", samples)
	}
}

// TestRecheckThinsTheWindow: a connection that is read four times as often is
// still judged over three quarters of the window at least.
func TestRecheckThinsTheWindow(t *testing.T) {
	w := newWatch(t, Config{Export: showAll})

	for n := range 30 {
		s := w.sample(unhealthy(1, 1))
		if span := s.shown(1).Trend.Span; n > 12 && (span < 7.5 || span > 10.5) {
			t.Fatalf("the window covers %v s", span)
		}

		for range 3 {
			w.recheck(250*time.Millisecond, unhealthy(1, 1))
		}

		w.now = w.now.Add(250 * time.Millisecond)
	}
}

// TestSettleShowsWhatBecameUnhealthy: a connection that is not shown gets its place
// when its verdict changes between two samples.
func TestSettleShowsWhatBecameUnhealthy(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 1}})
	w.tick(established(1))
	w.sample(established(1), waiting(2, 400, 0))

	if w.snapshot.shown(1) == nil {
		t.Fatal("the healthy one is not shown")
	}

	w.watched()
	w.recheck(600*time.Millisecond, waiting(2, 1000, 1))

	if c := w.snapshot.shown(2); c == nil || c.Status != judge.Stale || w.snapshot.shown(1) != nil {
		t.Errorf("shown: %+v", w.snapshot.Connections)
	}

	requireSound(t, w.tracker)
}
