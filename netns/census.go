package netns

import (
	"cmp"
	"slices"
	"time"
)

const (
	// youth is the time in which a new process may still move to another namespace, as
	// container runtimes do. Until then it is looked at in each scan.
	youth = 10 * time.Second
	// fullEvery is the interval at which all processes are looked at.
	fullEvery = 10 * time.Second
)

// process is a process as scans saw it.
type process struct {
	pid int
	// first is the time of the first scan that saw it.
	first time.Time
	// inode is that of its /proc/PID/net/tcp, zero if it has none.
	inode uint64
}

// census knows the processes, and which of them to look at again.
type census struct {
	seen map[int]*process
	// last is the process id that the kernel gave last, at the time of the last scan.
	last int
	// newest is the time at which a process was first seen last.
	newest time.Time
	// full is the time of the next look at all processes.
	full time.Time
}

func newCensus() *census { return &census{seen: make(map[int]*process)} }

// due reports whether a scan can find anything new. last is the process id that the kernel
// gave last.
func (c *census) due(now time.Time, last int) bool {
	return last != c.last || !now.Before(c.full) || now.Sub(c.newest) < youth
}

// complete reports whether the next scan looks at all processes.
func (c *census) complete(now time.Time) bool { return !now.Before(c.full) }

// scan takes the list of all processes. inodeOf returns the inode of one, zero if it has
// none. It is called for new and young processes, for those of the suspect inodes, and from
// time to time for all.
func (c *census) scan(now time.Time, last int, pids []int, suspects map[uint64]bool, inodeOf func(pid int) uint64) {
	all := c.complete(now)
	if all {
		c.full = now.Add(fullEvery)
	}

	c.last = last
	before := c.seen
	c.seen = make(map[int]*process, len(pids))

	for _, pid := range pids {
		p, known := before[pid]
		if !known {
			p = &process{pid: pid, first: now}
			c.newest = now
		}

		if all || now.Sub(p.first) < youth || suspects[p.inode] {
			p.inode = inodeOf(pid)
		}

		c.seen[pid] = p
	}
}

// byInode returns the processes by their inodes, those known longest first, without those
// of the inode own.
func (c *census) byInode(own uint64) map[uint64][]process {
	all := make(map[uint64][]process)

	for _, p := range c.seen {
		if p.inode != 0 && p.inode != own {
			all[p.inode] = append(all[p.inode], *p)
		}
	}

	for _, processes := range all {
		slices.SortFunc(processes, func(a, b process) int {
			return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.pid, b.pid))
		})
	}

	return all
}
