package netns

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/sampler"
)

// step closes the sockets of the namespaces that lost their anchor, first of all. It looks
// for new processes at a tick, and at once for those of the lost namespaces.
func (w *Watcher) step(now time.Time, dead []int, tick bool) {
	w.bury(dead, now)
	w.takeFaults(now)

	if tick {
		w.probe(now)
	}

	if !tick && len(w.suspects) == 0 {
		return
	}

	w.takeAnnounced(now)

	last, err := w.procs.last()
	if err != nil || len(w.suspects) > 0 || w.census.due(now, last) {
		w.scan(now, last)
	}

	w.openAll(now)
	w.count()
}

// bury closes the sockets of the namespaces whose anchor has ended.
func (w *Watcher) bury(dead []int, now time.Time) {
	for _, pidfd := range dead {
		for _, n := range w.byInode {
			if n.pidfd == pidfd {
				w.lose(n, now)
			}
		}
	}
}

// probe closes the sockets of the namespaces whose anchor has moved to another one, or has
// ended without notice.
func (w *Watcher) probe(now time.Time) {
	for _, n := range w.byInode {
		if !n.anchored() {
			w.lose(n, now)
		}
	}
}

// lose closes the socket of a namespace and what belongs to its anchor.
func (w *Watcher) lose(n *namespace, now time.Time) {
	n.release()
	w.dropAnchor(n)
	w.suspects[n.inode] = true

	if e := w.table.entries[n.inode]; e != nil && e.space == n.space {
		w.table.lost(e, now)
	}
}

func (w *Watcher) dropAnchor(n *namespace) {
	if n.pidfd >= 0 {
		_ = unix.Close(n.pidfd)
		n.pidfd = -1
	}
}

// takeFaults takes the namespaces whose socket failed.
func (w *Watcher) takeFaults(now time.Time) {
	w.mutex.Lock()
	faults := w.faults
	w.faults = nil
	w.mutex.Unlock()

	for _, f := range faults {
		n := f.namespace
		e := w.table.entries[n.inode]

		switch {
		case w.byInode[n.inode] != n || e == nil || e.state != stateWatched || n.open():
			// It has ended or was opened again.
		case errors.Is(f.err, errAnchor):
			w.lose(n, now)
		default:
			w.dropAnchor(n)
			w.table.broke(e, now)
			w.stats.failed(sampler.ReasonOf(f.err))
		}
	}
}

// scan looks at the processes.
func (w *Watcher) scan(now time.Time, last int) {
	complete := w.census.complete(now)

	pids, err := w.procs.list()
	if err != nil {
		return // as if nothing had changed
	}

	w.census.scan(now, last, pids, w.suspects, w.procs.inode)
	clear(w.suspects)

	moved, ended := w.table.scanned(now, w.census.byInode(w.procs.own))

	for _, e := range moved {
		if n := w.byInode[e.inode]; n != nil {
			w.lose(n, now)
		}
	}

	for _, e := range ended {
		if e.space != 0 {
			w.end(e.space)
		}
	}

	if complete {
		w.problem(ErrHidden, w.procs.hidden(), nil)
	}

	w.stats.scanned(time.Since(now))
}

// install gives a namespace its socket. A namespace that is new is added to the list.
func (w *Watcher) install(e *entry, space sampler.Space, source sampler.Source, g *grip, now time.Time) {
	n := w.byInode[e.inode]
	fresh := n == nil || n.space != space

	if fresh {
		n = &namespace{space: space, name: cmp.Or(g.name, "proc:"+strconv.FormatUint(e.inode, 10)), inode: e.inode, since: now, failed: w.fault}
		w.byInode[e.inode] = n
	}

	n.pidfd = g.pidfd
	n.install(source, e.anchor, g.net, w.cgroupOf(e))

	if fresh {
		w.edit(func(list []*namespace) []*namespace {
			list = append(list, n)
			slices.SortFunc(list, func(a, b *namespace) int { return cmp.Compare(a.space, b.space) })

			return list
		})
	}
}

// cgroupOf returns the cgroup of the sockets of a namespace of which the kernel reports none.
func (w *Watcher) cgroupOf(e *entry) uint64 {
	if w.cfg.CgroupOf == nil {
		return 0
	}

	return w.cfg.CgroupOf(e.pids())
}

// edit replaces the list by a modified copy.
func (w *Watcher) edit(f func(list []*namespace) []*namespace) {
	w.mutex.Lock()
	defer w.mutex.Unlock()

	w.list = f(slices.Clone(w.list))
}

// end removes a namespace, and has the next sample announce that.
func (w *Watcher) end(space sampler.Space) {
	for inode, n := range w.byInode {
		if n.space == space {
			n.release()
			w.dropAnchor(n)
			delete(w.byInode, inode)
		}
	}

	w.edit(func(list []*namespace) []*namespace {
		return slices.DeleteFunc(list, func(n *namespace) bool { return n.space == space })
	})

	w.mutex.Lock()
	w.ended = append(w.ended, space)
	w.mutex.Unlock()
}

// takeAnnounced frees the numbers of the namespaces whose end the consumer knows.
func (w *Watcher) takeAnnounced(now time.Time) {
	w.mutex.Lock()
	announced := w.announced
	w.announced = nil
	w.mutex.Unlock()

	for _, space := range announced {
		w.table.spaces.release(space, now)
	}
}
