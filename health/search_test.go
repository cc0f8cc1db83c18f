package health

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/sampler"
)

// reader is a source of single sockets.
type reader struct {
	at    time.Time
	rows  map[uint64]row
	fails error
	asked [][]sampler.Target
}

// Read implements [sampler.Reader].
func (r *reader) Read(targets []sampler.Target, sink sampler.Sink) error {
	r.asked = append(r.asked, slices.Clone(targets))

	for _, target := range targets {
		if row, ok := r.rows[target.Cookie]; ok {
			sink(r.at, diagtest.Decode(tbOfReader{}, row))
		}
	}

	return r.fails
}

// tbOfReader lets rows be decoded where no test is at hand.
type tbOfReader struct{ testing.TB }

func (tbOfReader) Helper()           {}
func (tbOfReader) Fatal(args ...any) { panic(args) }

// TestSearchReads brings rows up to date and leaves the verdicts alone.
func TestSearchReads(t *testing.T) {
	w, twin := newWatch(t, Config{Export: export.Config{Max: 1}}), newWatch(t, Config{Export: export.Config{Max: 1}})

	for range 3 {
		w.tick(unhealthy(1, 3), established(2), established(3), established(4))
		twin.tick(unhealthy(1, 3), established(2), established(3), established(4))
	}

	newer, quiet := unhealthy(1, 9), established(2)
	newer.SendQueue, quiet.Info.RTT, quiet.Info.RTTVar = 77, 400_000, 100_000
	leaving := established(3)
	leaving.State, leaving.InfoSize = sampler.StateTimeWait, diagtest.NoInfo
	src := &reader{at: w.now, rows: map[uint64]row{1: newer, 2: quiet, 3: leaving}} // 4 is gone

	a := w.ask(Query{Limit: 9}, src)

	for i, want := range []struct {
		cookie uint64
		at     time.Time
		rtt    uint32
	}{{1, src.at, 0}, {2, src.at, 400_000}, {3, time.Time{}, 0}, {4, time.Time{}, 0}} {
		if f := a.Found[i]; f.Cookie != want.cookie || !f.RowAt.Equal(want.at) || f.Row.Info.RTT() != want.rtt {
			t.Errorf("%d has a row of %v with an RTT of %d, expected %+v", f.Cookie, f.RowAt, f.Row.Info.RTT(), want)
		}
	}

	if f := a.Found[0]; f.Row.SendQueue != 77 || f.Row.Info.Retransmits() != 9 || f.Reasons[0] != "syn_unanswered: SYN unanswered after 3 retransmissions (threshold 3)" {
		t.Errorf("row with %d B and %d timeouts, but %q", f.Row.SendQueue, f.Row.Info.Retransmits(), f.Reasons)
	}

	if f := a.Found[1]; f.Trend.Jitter != 0.25 || f.Status != judge.Healthy {
		t.Errorf("a jitter of %v, %v", f.Trend.Jitter, f.Status)
	}

	want := [][]sampler.Target{nil}
	for _, r := range diagtest.Decode(t, unhealthy(1, 3), established(2), established(3), established(4)) {
		want[0] = append(want[0], r.Target())
	}

	slices.SortFunc(src.asked[0], func(a, b sampler.Target) int { return cmp.Compare(a.Cookie, b.Cookie) })

	if !reflect.DeepEqual(src.asked, want) {
		t.Errorf("asked for\n%+v, expected\n%+v", src.asked, want)
	}

	if !w.tick(unhealthy(1, 4)).equal(twin.tick(unhealthy(1, 4))) || !reflect.DeepEqual(w.tracker.slab, twin.tracker.slab) {
		t.Error("the query has changed the tracker")
	}
}

// TestSearchOfFailingSource goes on without it.
func TestSearchOfFailingSource(t *testing.T) {
	w := newWatch(t, Config{Export: export.Config{Max: 20}})

	var rows []row

	src := &reader{fails: errors.New("gone"), rows: make(map[uint64]row)}

	for cookie := range uint64(3 * copiedAtOnce) {
		rows = append(rows, established(cookie+1))
		src.rows[cookie+1] = established(cookie + 1)
	}

	w.tick(rows...)

	src.at = w.now
	a := w.ask(Query{Limit: 100}, src)

	read, wrong := 0, 0

	for _, f := range a.Found {
		switch {
		case f.RowAt.Equal(src.at):
			read++
		case f.RowAt.IsZero() == (w.snapshot.shown(f.Cookie) != nil):
			wrong++
		}
	}

	if len(src.asked) != 1 || a.Total != len(rows) || read != copiedAtOnce || wrong != 0 {
		t.Errorf("asked %d times, %d found, %d rows read, %d wrong", len(src.asked), a.Total, read, wrong)
	}
}

// TestSearchInSteps has the table change between all the steps.
func TestSearchInSteps(t *testing.T) {
	changed := 0

	for seed := range uint64(40) {
		o := &world{random: rand.New(rand.NewPCG(seed, 2))}
		w := newWatch(t, Config{MaxConnections: 70, Retention: 2 * time.Second, Export: export.Config{Max: 10}})

		for range 5 {
			w.tick(o.turn()...)
		}

		q := o.query()
		before, _ := naive(w.tracker, q)
		s := w.tracker.Search(q)

		for !s.Step(nil, func() bool { return false }) {
			// Places are few and the table is large: most steps see nothing.
			if s.place > 100 && !s.ranked {
				continue
			}

			w.tick(o.turn()...)
			requireSound(t, w.tracker)
		}

		a := s.Answer()
		requireTrue(t, w.tracker, q, a)

		if a.Total < len(a.Found) || len(a.Found) > q.Limit {
			t.Errorf("%d of %d found, the limit is %d", len(a.Found), a.Total, q.Limit)
		}

		if a.Total != before {
			changed++
		}
	}

	if changed < 10 {
		t.Errorf("the table changed under %d searches of 40: the test shows nothing", changed)
	}
}

// TestSearchOfTakenPlaces has a place change hands after it was ranked.
func TestSearchOfTakenPlaces(t *testing.T) {
	for name, test := range map[string]struct {
		query Query
		rows  []row
		want  []uint64
	}{
		"the successor is selected, too": {Query{Limit: 9}, []row{established(2), established(3)}, []uint64{2, 3}},
		"none takes it":                  {Query{Limit: 9}, []row{established(2)}, []uint64{2}},
		"the successor is not selected":  {Query{Limit: 9, Match: remotePort(1, 2)}, []row{established(2), established(3)}, []uint64{2}},
		"another one was asked for":      {Query{Limit: 1, Cookie: 1}, []row{established(2), established(3)}, nil},
	} {
		w := newWatch(t, Config{})
		w.tick(established(1), established(2))

		place := w.tracker.at.index[1]
		s := w.tracker.Search(test.query)

		for !s.ranked {
			s.Step(nil, func() bool { return false })
		}

		w.tracker.remove(place)
		w.tick(test.rows...)

		if i, taken := w.tracker.at.index[3]; taken && i != place {
			t.Fatalf("%s: the place is %d, not %d", name, i, place)
		}

		s.Step(nil, func() bool { return true })

		if a := s.Answer(); !slices.Equal(a.cookies(), test.want) || a.Total != len(test.want) {
			t.Errorf("%s: %v of %d found, expected %v", name, a.cookies(), a.Total, test.want)
		}
	}
}

// TestSearchIsSliced counts what a huge query does between two looks at the time.
func TestSearchIsSliced(t *testing.T) {
	t.Parallel()

	const n, limit = 100_000, 1000

	tracker := NewTracker(Config{Export: export.Config{Max: 10}}, func(*Snapshot) {})
	feed(tracker, start, population(t, n, 10))

	src := &reader{}
	looked, most, steps := 0, 0, 0
	s := tracker.Search(Query{Limit: limit, Match: func(*sampler.Socket) bool {
		looked++

		return true
	}})

	for done := false; !done; steps++ {
		looked, src.asked = 0, nil
		asked := 0
		done = s.Step(src, func() bool {
			asked++

			return false
		})

		if most = max(most, looked); len(src.asked) > 1 || len(src.asked) == 1 && len(src.asked[0]) > copiedAtOnce || !done && asked != 1 {
			t.Fatalf("step %d read %d times and asked for time %d times", steps, len(src.asked), asked)
		}
	}

	if most != rankedAtOnce {
		t.Errorf("a step looked at %d connections, expected %d", most, rankedAtOnce)
	}

	pieces := func(n, size int) int { return (n + size - 1) / size }
	if want := pieces(len(tracker.slab.seen)+1, rankedAtOnce) + pieces(limit, copiedAtOnce); steps != want {
		t.Errorf("%d steps, expected %d", steps, want)
	}

	if a := s.Answer(); a.Total != n || len(a.Found) != limit || a.Found[9].Status != judge.Stale || a.Found[10].Status != judge.Healthy {
		t.Errorf("%d of %d found", len(a.Found), a.Total)
	}
}

// TestSearchOfNothingLeft takes no longer over connections that have gone.
func TestSearchOfNothingLeft(t *testing.T) {
	const n = 100

	tracker := NewTracker(Config{}, func(*Snapshot) {})
	feed(tracker, start, population(t, n, 0))

	s := tracker.Search(Query{Limit: n})
	for !s.ranked {
		s.advance(nil)
	}

	feed(tracker, start.Add(time.Second), nil)
	feed(tracker, start.Add(2*time.Second), nil)

	for before := 0; !s.advance(nil); before = s.copied {
		if s.copied != before+copiedAtOnce {
			t.Fatalf("from %d to %d at once", before, s.copied)
		}
	}

	if a := s.Answer(); a.Total != 0 || len(a.Found) != 0 {
		t.Errorf("%d of %d found", len(a.Found), a.Total)
	}
}

// TestStepUsesItsTime goes on while it may.
func TestStepUsesItsTime(t *testing.T) {
	w := newWatch(t, Config{})
	w.tick(established(1))

	s := w.tracker.Search(Query{Limit: 1})
	left := 5

	if s.Step(nil, func() bool { left--; return left > 0 }) || left != 0 || s.place != 5*rankedAtOnce {
		t.Errorf("after five pieces of work %d are left and place %d is next", left, s.place)
	}
}

// spaceReader reads the same cookie in several namespaces.
type spaceReader map[sampler.Space]row

// Read implements [sampler.Reader].
func (r spaceReader) Read(targets []sampler.Target, sink sampler.Sink) error {
	for _, target := range targets {
		sockets := diagtest.Decode(tbOfReader{}, r[target.Space])
		sockets[0].Space = target.Space
		sink(start.Add(time.Hour), sockets)
	}

	return nil
}

// TestSearchReadsSpaces: before Linux 5.10, namespaces have the same cookies. What is read in
// one of them is no socket of another.
func TestSearchReadsSpaces(t *testing.T) {
	w := newWatch(t, Config{})
	src := make(spaceReader)

	for space := range sampler.Space(3) {
		r := established(1)
		w.dump(space, start, r)

		r.Info.RTT = 1000 * (uint32(space) + 1)
		src[space] = r
	}

	a := w.ask(Query{Limit: 9}, src)
	if len(a.Found) != 3 {
		t.Fatalf("%d found", len(a.Found))
	}

	for _, f := range a.Found {
		if want := 1000 * (uint32(f.Row.Space) + 1); f.Row.Info.RTT() != want {
			t.Errorf("namespace %d: RTT %d, want %d", f.Row.Space, f.Row.Info.RTT(), want)
		}
	}

	spaces := make(map[sampler.Space]bool)
	for _, f := range a.Found {
		spaces[f.Row.Space] = true
	}

	if len(spaces) != 3 {
		t.Errorf("sockets of the namespaces %v", spaces)
	}
}
