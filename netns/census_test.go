package netns

import (
	"slices"
	"testing"
)

// host is the list of processes with the inodes of their namespaces.
type host map[int]uint64

func (h host) pids() (pids []int) {
	for pid := range h {
		pids = append(pids, pid)
	}

	slices.Sort(pids)

	return pids
}

// looked scans and returns the processes that were looked at.
func (h host) looked(c *census, seconds float64, last int, suspects ...uint64) (looked []int) {
	all := make(map[uint64]bool)
	for _, inode := range suspects {
		all[inode] = true
	}

	c.scan(at(seconds), last, h.pids(), all, func(pid int) uint64 {
		looked = append(looked, pid)

		return h[pid]
	})

	return looked
}

// TestCensusLooksAt looks at new and young processes, at those of suspect namespaces, and
// at all of them every 10 s.
func TestCensusLooksAt(t *testing.T) {
	c, h := newCensus(), host{1: 100, 2: 100, 3: 200}

	check := func(name string, got []int, want ...int) {
		t.Helper()

		if !slices.Equal(got, want) {
			t.Errorf("%s: looked at %v, want %v", name, got, want)
		}
	}

	check("first", h.looked(c, 0, 3), 1, 2, 3)
	check("young", h.looked(c, 9.9, 3), 1, 2, 3)
	check("all", h.looked(c, 10, 3), 1, 2, 3)
	check("old", h.looked(c, 11, 3))

	h[4] = 300
	check("new", h.looked(c, 12, 4), 4)
	check("suspect", h.looked(c, 13, 4, 200, 999), 3, 4)
	check("all again", h.looked(c, 20, 4), 1, 2, 3, 4)

	delete(h, 2)
	check("still young", h.looked(c, 21.9, 4), 4)
	check("old again", h.looked(c, 22, 4))

	if len(c.seen) != 3 {
		t.Errorf("%d processes are known, want 3", len(c.seen))
	}
}

// TestCensusDue: without new or young processes, a scan every 10 s suffices.
func TestCensusDue(t *testing.T) {
	c, h := newCensus(), host{1: 100}

	for _, tc := range []struct {
		name    string
		seconds float64
		last    int
		want    bool
	}{
		{"never scanned", 0, 5, true},
		{"a young process", 9.9, 5, true},
		{"all", 10, 5, true},
		{"nothing new", 11, 5, false},
		{"nothing new yet", 19.9, 5, false},
		{"all again", 20, 5, true},
		{"a new process id", 21, 6, true},
		{"of a process that has ended", 22, 6, false},
	} {
		got := c.due(at(tc.seconds), tc.last)
		if got != tc.want {
			t.Errorf("%s: due %t, want %t", tc.name, got, tc.want)
		}

		if got {
			h.looked(c, tc.seconds, tc.last)
		}
	}
}

// TestCensusByInode returns the processes of other namespaces, those known longest first. A
// process that moved is in its new namespace.
func TestCensusByInode(t *testing.T) {
	c, h := newCensus(), host{9: 200, 8: 200, 1: 100, 7: 0}
	h.looked(c, 0, 9)

	h[5] = 200
	h[8] = 300
	h.looked(c, 1, 10)

	got := make(map[uint64][]int)
	for inode, processes := range c.byInode(100) {
		for _, p := range processes {
			got[inode] = append(got[inode], p.pid)
		}
	}

	if len(got) != 2 || !slices.Equal(got[200], []int{9, 5}) || !slices.Equal(got[300], []int{8}) {
		t.Errorf("got %v", got)
	}
}
