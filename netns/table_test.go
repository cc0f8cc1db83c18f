package netns

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/sampler"
)

// scanOf returns the result of a scan: for each inode, its processes, which have been known
// since the start.
func scanOf(pairs map[uint64][]int) map[uint64][]process {
	all := make(map[uint64][]process)

	for inode, pids := range pairs {
		for _, pid := range pids {
			all[inode] = append(all[inode], process{pid: pid, first: start, inode: inode})
		}
	}

	return all
}

func testTable() *table { return newTable(identity{cookie: 1}, 10, time.Second, time.Minute) }

// inodes returns the inodes of entries.
func inodes(entries []*entry) (all []uint64) {
	for _, e := range entries {
		all = append(all, e.inode)
	}

	slices.Sort(all)

	return all
}

// watched brings a namespace with the processes into the table, and has it opened.
func watched(t *testing.T, tb *table, inode, cookie uint64, pids ...int) *entry {
	t.Helper()

	tb.scanned(at(0), scanOf(map[uint64][]int{inode: pids}))

	e := tb.entries[inode]
	if _, err := tb.opened(e, e.processes[0], newIdentity(cookie, inode), at(1)); err != nil {
		t.Fatal(err)
	}

	return e
}

// TestTableSettles opens a namespace a second after it was found, and not if it ended
// before.
func TestTableSettles(t *testing.T) {
	tb := testTable()
	tb.scanned(at(0), scanOf(map[uint64][]int{7: {70}, 8: {80}}))

	if got := inodes(tb.candidates(at(0.9))); len(got) > 0 {
		t.Errorf("unsettled: %v", got)
	}

	if _, ended := tb.scanned(at(1), scanOf(map[uint64][]int{7: {70}})); !slices.Equal(inodes(ended), []uint64{8}) {
		t.Errorf("ended: %v", inodes(ended))
	}

	if got := inodes(tb.candidates(at(1))); !slices.Equal(got, []uint64{7}) {
		t.Errorf("settled: %v", got)
	}
}

// TestTableFollows: a namespace keeps its number through another process. With another
// cookie it has ended, and the other one has to settle.
func TestTableFollows(t *testing.T) {
	for _, tc := range []struct {
		name   string
		cookie uint64 // of the second socket
		space  sampler.Space
		err    error
		kept   sampler.Space
	}{
		{"another process", 5, 1, nil, 1},
		{"a namespace that reuses the inode", 6, 0, errReused, 0},
		{"the own namespace", 1, 0, errRaced, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tb := testTable()
			e := watched(t, tb, 7, 5, 70, 71)

			moved, ended := tb.scanned(at(2), scanOf(map[uint64][]int{7: {71}}))
			if !slices.Equal(inodes(moved), []uint64{7}) || len(ended) > 0 || e.state != stateLost {
				t.Fatalf("moved %v, ended %v, state %v", inodes(moved), inodes(ended), e.state)
			}

			if got := tb.candidates(at(2)); !slices.Equal(inodes(got), []uint64{7}) {
				t.Fatalf("lost, but not to be opened at once: %v", inodes(got))
			}

			space, err := tb.opened(e, e.processes[0], newIdentity(tc.cookie, 7), at(2))
			if space != tc.space || !errors.Is(err, tc.err) || e.space != tc.kept {
				t.Errorf("space %d, %v, kept %d", space, err, e.space)
			}

			if settling := e.state == stateFound && len(tb.candidates(at(2.9))) == 0; settling != errors.Is(tc.err, errReused) {
				t.Errorf("state %v", e.state)
			}

			_, ended = tb.scanned(at(3), nil)
			if !slices.Equal(inodes(ended), []uint64{7}) || len(tb.entries)+len(tb.byID) > 0 {
				t.Errorf("ended %v, %d identities are left", inodes(ended), len(tb.byID))
			}
		})
	}
}

// TestTableWithoutCookie: before Linux 5.14, only a process that was there before the loss
// continues a namespace.
func TestTableWithoutCookie(t *testing.T) {
	for name, tc := range map[string]struct {
		first float64
		err   error
	}{
		"known before":  {0, nil},
		"known since":   {2, errReused},
		"known shortly": {1.9, nil},
	} {
		tb := testTable()
		e := watched(t, tb, 7, 0, 70)
		tb.lost(e, at(2))

		space, err := tb.opened(e, process{pid: 71, first: at(tc.first)}, newIdentity(0, 7), at(3))
		if !errors.Is(err, tc.err) || (space == 1) != (tc.err == nil) {
			t.Errorf("%s: space %d, %v", name, space, err)
		}
	}
}

// TestTableRefusesASecondSocket: a namespace has one number, even if a process moved into
// it just before it was opened.
func TestTableRefusesASecondSocket(t *testing.T) {
	tb := testTable()
	first := watched(t, tb, 7, 5, 70)
	tb.scanned(at(2), scanOf(map[uint64][]int{7: {70}, 8: {80}}))

	second := tb.entries[8]
	if _, err := tb.opened(second, second.processes[0], newIdentity(5, 7), at(3)); !errors.Is(err, errRaced) {
		t.Errorf("second socket: %v", err)
	}

	tb.failed(second, Raced, at(3))

	if first.space != 1 || first.state != stateWatched || second.space != 0 || len(tb.candidates(at(3.9))) > 0 || len(tb.candidates(at(4))) != 1 {
		t.Errorf("first %+v, second %+v", first, second)
	}
}

// TestTableLimits: at most 10 are watched, 100 opened per scan, and lost ones come first.
func TestTableLimits(t *testing.T) {
	tb := testTable()
	found := make(map[uint64][]int)

	for inode := range uint64(300) {
		found[inode+1] = []int{int(inode) + 1}
	}

	tb.scanned(at(0), scanOf(found))

	if got := tb.candidates(at(1)); len(got) != 10 {
		t.Fatalf("%d are to be opened, want 10", len(got))
	}

	if skipped, denied, excluded := tb.counts(); skipped != 290 || denied+excluded != 0 {
		t.Errorf("%d skipped, %d denied, %d excluded", skipped, denied, excluded)
	}

	tb.max = 200
	if got := tb.candidates(at(1)); len(got) != opensPerScan {
		t.Fatalf("%d are to be opened, want %d", len(got), opensPerScan)
	}

	tb.max = 1
	e := tb.entries[300]

	if _, err := tb.opened(e, e.processes[0], newIdentity(5, 0), at(1)); err != nil {
		t.Fatal(err)
	}

	tb.lost(e, at(2))

	if got := tb.candidates(at(2)); !slices.Equal(inodes(got), []uint64{300}) {
		t.Errorf("to be opened: %v, want the lost one", inodes(got))
	}
}

// TestTableReplaced: a namespace with the inode of one that was not watched has to settle, and
// is neither excluded nor denied because that one was.
func TestTableReplaced(t *testing.T) {
	tb := testTable()
	tb.scanned(at(0), scanOf(map[uint64][]int{1: {1, 2}, 2: {3}}))
	tb.exclude(tb.entries[1], at(1))
	tb.failed(tb.entries[2], Denied, at(1))

	tb.scanned(at(2), scanOf(map[uint64][]int{1: {2, 4}, 2: {3}}))

	if _, denied, excluded := tb.counts(); denied != 1 || excluded != 1 {
		t.Errorf("%d denied, %d excluded while a process is left, want 1 each", denied, excluded)
	}

	tb.scanned(at(3), scanOf(map[uint64][]int{1: {5}, 2: {6}}))

	if _, denied, excluded := tb.counts(); denied+excluded != 0 {
		t.Errorf("%d denied, %d excluded, want none", denied, excluded)
	}

	if got := inodes(tb.candidates(at(3.9))); len(got) > 0 {
		t.Errorf("to be opened before they have settled: %v", got)
	}

	if got := inodes(tb.candidates(at(4))); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("to be opened: %v, want both", got)
	}
}

// TestTableFailures: each kind of failure has its own time until the next attempt.
func TestTableFailures(t *testing.T) {
	tb := testTable()
	tb.scanned(at(0), scanOf(map[uint64][]int{1: {1}, 2: {2}, 3: {3}, 4: {4}}))
	tb.failed(tb.entries[1], Denied, at(1))
	tb.failed(tb.entries[2], Failed, at(1))
	tb.exclude(tb.entries[4], at(1))

	if got := inodes(tb.candidates(at(1.5))); !slices.Equal(got, []uint64{3}) {
		t.Errorf("to be opened: %v, want 3", got)
	}

	if skipped, denied, excluded := tb.counts(); skipped != 0 || denied != 1 || excluded != 1 {
		t.Errorf("%d skipped, %d denied, %d excluded", skipped, denied, excluded)
	}

	tb.failed(tb.entries[3], Unavailable, at(2))

	if got := inodes(tb.candidates(at(2.9))); len(got) > 0 {
		t.Errorf("to be opened while the opener is away: %v", got)
	}

	if _, denied, _ := tb.counts(); denied != 3 {
		t.Errorf("%d are denied while the opener is away, want 3", denied)
	}

	if got := inodes(tb.candidates(at(3))); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("to be opened when the opener is back: %v", got)
	}

	tb.failed(tb.entries[3], Opened, at(3))

	if _, denied, _ := tb.counts(); denied != 1 {
		t.Errorf("%d are denied, want 1", denied)
	}
}

// TestTableBroken: a socket that fails again and again is replaced ever later.
func TestTableBroken(t *testing.T) {
	tb := testTable()
	e := watched(t, tb, 7, 5, 70)

	for _, tc := range []struct{ broke, due float64 }{{2, 3}, {3, 5}, {100, 101}} {
		tb.broke(e, at(tc.broke))

		if len(tb.candidates(at(tc.due-0.1))) != 0 || len(tb.candidates(at(tc.due))) != 1 {
			t.Errorf("broken at %v s: due at %v, want %v", tc.broke, e.retry.next, at(tc.due))
		}

		if space, err := tb.opened(e, e.processes[0], newIdentity(5, 7), at(tc.due)); space != 1 || err != nil {
			t.Errorf("space %d, %v", space, err)
		}

		e.since = at(tc.broke) // opened at once
	}
}

func TestResultOf(t *testing.T) {
	for want, errs := range map[Result][]error{
		Opened:      {nil},
		Raced:       {syscall.ENOENT, syscall.ESRCH, syscall.ESTALE, errRaced, errReused},
		Denied:      {syscall.EPERM, syscall.EACCES},
		Unavailable: {ErrUnavailable, fmt.Errorf("%w: %w", ErrUnavailable, syscall.ENOENT)},
		Failed:      {syscall.EMFILE, errNoSpace},
	} {
		for _, err := range errs {
			if err != nil {
				err = fmt.Errorf("open: %w", err)
			}

			if got := resultOf(err); got != want {
				t.Errorf("%v: %s, want %s", err, got, want)
			}
		}
	}
}
