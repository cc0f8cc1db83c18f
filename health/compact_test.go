package health

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/internal/diagtest"
)

// TestTableShrinks has most of many connections end: the memory of their places is given
// up, and nothing is reported otherwise than by a table that keeps it. Those that are
// left are spread over the table: at rest, busy, unhealthy, exported, ended, or new.
func TestTableShrinks(t *testing.T) {
	t.Parallel()

	const connections, left = 8 * chunkSize, 300

	both := newTwins(t, Config{Retention: 4 * time.Second, Export: export.Config{Max: 100}})
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]row, connections)

	for i := range rows {
		rows[i] = established(uint64(i + 1))
		if i%3 == 0 {
			rows[i] = diagtest.Outstanding(100, 100)
			rows[i].Cookie = uint64(i + 1)
			rows[i].Local = established(uint64(i + 1)).Local
			rows[i].Remote = established(uint64(i + 1)).Remote
		}
	}

	next := uint64(connections)
	pass := func() {
		for i := range rows {
			info := &rows[i].Info
			info.LastDataSent += 1000
			info.LastDataRecv += 1000
			info.LastAckRecv += 1000

			if rows[i].Cookie%3 == 2 {
				info.BytesSent += 100
				info.BytesAcked += 100
				info.LastDataSent, info.LastAckRecv = 100, 90
			}
		}

		both.plain.tracker.searching = true // keeps its table
		both.each(func(w *watch) { w.tick(rows...) })
	}

	for range 14 {
		pass()
	}

	before := both.rest.snapshot.Tracker.Bytes

	random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	rows = rows[:left]

	for range 20 {
		next++
		rows[random.IntN(left)] = established(next)
		pass()
	}

	slab := &both.rest.tracker.slab
	if got := len(slab.conns); got > spareConnections/chunkSize+1 {
		t.Errorf("%d chunks for %d connections", got, left)
	}

	if got := both.rest.snapshot.Tracker.Bytes; got > before/2 {
		t.Errorf("%d bytes are left of %d", got, before)
	}

	if got := len(both.plain.tracker.slab.conns); got < connections/chunkSize {
		t.Fatalf("the other table has %d chunks", got)
	}

	for range 20 { // and grows again
		for range 3 * chunkSize / 20 {
			next++
			rows = append(rows, established(next))
		}

		pass()
	}
}

// TestSearchPostponesShrinking: an answer that takes several steps is complete.
func TestSearchPostponesShrinking(t *testing.T) {
	const connections, left = 5 * chunkSize, 40

	w := newWatch(t, Config{Retention: time.Second})
	rows := make([]row, connections)

	for i := range rows {
		rows[i] = established(uint64(i + 1))
	}

	w.tick(rows...)
	w.tick(rows...)

	rows = rows[connections-left:] // those in the last chunk

	for range 3 {
		w.tick(rows...)
	}

	s := w.tracker.Search(Query{Limit: connections})
	steps := 0

	for !s.Step(nil, func() bool { return false }) {
		if steps++; steps > 220 && steps%20 == 0 {
			w.tick(rows...)
		}
	}

	if got := s.Answer(); got.Total != left || len(got.Found) != left || steps < 100 {
		t.Errorf("%d of %d connections after %d steps", len(got.Found), got.Total, steps)
	}

	for range 6 {
		w.tick(rows...)
	}

	if got := len(w.tracker.slab.conns); got > spareConnections/chunkSize+1 {
		t.Errorf("%d chunks after the search", got)
	}
}

// TestNotesShrink has many connections recover: the memory of their evidence is given up,
// and the reasons of the others stay.
func TestNotesShrink(t *testing.T) {
	t.Parallel()

	const connections, left = 6 * chunkSize, 20

	both := newTwins(t, Config{})
	rows := make([]row, connections)

	passes := 0
	pass := func(unhealthy int) {
		passes++

		for i := range rows {
			rows[i] = established(uint64(i + 1))
			if i < unhealthy && passes > i%5 {
				rows[i].RecvQueue = uint32(100_000 + i)
				rows[i].Info.RcvWnd, rows[i].Info.LastDataRecv = 0, 20_000
			}
		}

		both.each(func(w *watch) { w.tick(rows...) })
	}

	for range 12 {
		pass(connections)
	}

	notes := &both.rest.tracker.notes
	if notes.used() != connections {
		t.Fatalf("%d of %d connections have a note", notes.used(), connections)
	}

	for range 20 {
		pass(left)

		reasons := make(map[string]bool) // each is unread for a different time
		for cookie := range uint64(5) {
			found := both.rest.ask(Query{Cookie: cookie + 1, Limit: 1}, nil).Found[0]
			reasons[found.Reasons[0]] = true
		}

		if len(reasons) != 5 {
			t.Errorf("the reasons are %q", slices.Collect(maps.Keys(reasons)))
		}
	}

	if len(notes.all) > left+chunkSize || notes.used() != left {
		t.Errorf("%d notes, %d used, for %d connections", len(notes.all), notes.used(), left)
	}
}
