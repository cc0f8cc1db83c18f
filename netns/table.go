package netns

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"tcphealth_exporter/sampler"
)

const (
	// opensPerScan limits the attempts to open a namespace after each scan.
	opensPerScan = 100
	// raceRetryMax, retryMax and awayRetryMax are the maximum times until the next attempt
	// after a race, after any other failure, and while the opener is unavailable.
	raceRetryMax, retryMax, awayRetryMax = 10 * time.Second, 5 * time.Minute, time.Minute
	// steady is the time after which a failure of a socket counts as the first one.
	steady = time.Minute
)

// errNoSpace means that all numbers of namespaces are in use.
var errNoSpace = errors.New("no number for another network namespace")

// identity distinguishes network namespaces.
type identity struct {
	// cookie is unique until reboot, zero before Linux 5.14.
	cookie uint64
	// inode is the number in nsfs, which is reused. Only without a cookie does it count.
	inode uint64
}

// newIdentity returns the identity of a namespace by its cookie, or else its inode number.
func newIdentity(cookie, inode uint64) identity {
	if cookie != 0 {
		inode = 0
	}

	return identity{cookie, inode}
}

// state is the state of an entry.
type state uint8

const (
	// stateFound is that of a namespace that was not opened yet.
	stateFound state = iota
	// stateWatched is that of a namespace with a socket and an anchor.
	stateWatched
	// stateLost is that of a namespace that lost its socket, and needs another one.
	stateLost
	// stateExcluded is that of a namespace that must not be watched.
	stateExcluded
)

// entry is a network namespace as the table knows it.
type entry struct {
	// inode is that of /proc/PID/net/tcp.
	inode uint64
	// processes are those in the namespace, known longest first.
	processes []process
	state     state
	// since is when the entry got the state.
	since time.Time
	// space and id are set from the first success in opening it.
	space sampler.Space
	id    identity
	// anchor is the process whose end is watched.
	anchor int
	retry  backoff
	// last is the result of the last attempt to open it, empty before the first.
	last Result
	// skipped: there was no place for it.
	skipped bool
}

// table has the life of all namespaces but the exporter's own. It does no I/O.
type table struct {
	own identity
	max int
	// settle is the time from finding a namespace to opening it.
	settle  time.Duration
	spaces  spaces
	entries map[uint64]*entry
	byID    map[identity]*entry
	// away is set while the opener is unavailable.
	away backoff
}

func newTable(own identity, limit int, settle, reuse time.Duration) *table {
	return &table{
		own: own, max: limit, settle: settle, spaces: newSpaces(reuse),
		entries: make(map[uint64]*entry), byID: make(map[identity]*entry),
	}
}

// scanned takes the processes of a scan by their inodes. It returns the watched namespaces
// whose anchor is in another one now, which are lost, and the entries that ended.
func (t *table) scanned(now time.Time, found map[uint64][]process) (moved, ended []*entry) {
	for inode := range found {
		if t.entries[inode] == nil {
			t.entries[inode] = &entry{inode: inode, since: now}
		}
	}

	for inode, e := range t.entries {
		if e.space == 0 && !e.shares(found[inode]) { // it has ended, and another one has its number
			*e = entry{inode: inode, since: now}
		}

		e.processes = found[inode]

		switch {
		case len(e.processes) == 0:
			ended = append(ended, e)
			t.forget(e)
			delete(t.entries, inode)
		case e.state == stateWatched && !e.has(e.anchor):
			moved = append(moved, e)
			t.lost(e, now)
		}
	}

	return moved, ended
}

func (e *entry) has(pid int) bool {
	return slices.ContainsFunc(e.processes, func(p process) bool { return p.pid == pid })
}

// shares reports whether one of the processes is among those of the entry.
func (e *entry) shares(processes []process) bool {
	return slices.ContainsFunc(processes, func(p process) bool { return e.has(p.pid) })
}

// pids returns the ids of the processes.
func (e *entry) pids() []int {
	pids := make([]int, len(e.processes))
	for i, p := range e.processes {
		pids[i] = p.pid
	}

	return pids
}

// forget removes the identity of an entry.
func (t *table) forget(e *entry) {
	if e.space != 0 {
		delete(t.byID, e.id)
	}
}

// lost marks a namespace as having no socket.
func (t *table) lost(e *entry, now time.Time) { e.state, e.since = stateLost, now }

// broke marks a namespace whose socket failed.
func (t *table) broke(e *entry, now time.Time) {
	if now.Sub(e.since) >= steady {
		e.retry = backoff{}
	}

	t.lost(e, now)
	e.retry.failed(now, retryMax)
}

// exclude marks a namespace that must not be watched.
func (t *table) exclude(e *entry, now time.Time) { e.state, e.since = stateExcluded, now }

// candidates returns the namespaces to open now: those that lost their socket first, then
// those found first. The others that are ready and have no place are marked as skipped.
func (t *table) candidates(now time.Time) (ready []*entry) {
	if !t.away.due(now) {
		return nil
	}

	for _, e := range t.entries {
		if e.skipped = false; t.ready(e, now) {
			ready = append(ready, e)
		}
	}

	slices.SortFunc(ready, func(a, b *entry) int {
		return cmp.Or(-cmp.Compare(a.state, b.state), a.since.Compare(b.since), cmp.Compare(a.inode, b.inode))
	})

	free := min(max(0, t.max-len(t.byID)), t.spaces.available(now))
	known := slices.IndexFunc(ready, func(e *entry) bool { return e.space == 0 })

	if known >= 0 && len(ready) > known+free {
		for _, e := range ready[known+free:] {
			e.skipped = true
		}

		ready = ready[:known+free]
	}

	return ready[:min(len(ready), opensPerScan)]
}

// ready reports whether a namespace is to be opened.
func (t *table) ready(e *entry, now time.Time) bool {
	switch e.state {
	case stateLost:
		return e.retry.due(now)
	case stateFound:
		return e.retry.due(now) && now.Sub(e.since) >= t.settle
	default:
		return false
	}
}

// opened decides about a socket that was opened for an entry through a process. It returns
// the number of the namespace. An error means that the socket must not be used: with
// errReused the namespace of the entry has ended, and another one is to settle.
func (t *table) opened(e *entry, p process, id identity, now time.Time) (sampler.Space, error) {
	if other := t.byID[id]; id == t.own || other != nil && other != e {
		return 0, errRaced
	}

	if e.space != 0 && !e.continues(p, id) {
		t.forget(e)
		*e = entry{inode: e.inode, processes: e.processes, since: now}

		return 0, errReused
	}

	if e.space == 0 {
		space, ok := t.spaces.take(now)
		if !ok {
			return 0, errNoSpace
		}

		e.space, e.id = space, id
		t.byID[id] = e
	}

	e.state, e.since, e.anchor, e.last = stateWatched, now, p.pid, Opened

	return e.space, nil
}

// continues reports whether a socket with the identity, opened through a process, is of the
// namespace that the entry had. Without a cookie, the process must be older than the loss.
func (e *entry) continues(p process, id identity) bool {
	return id == e.id && (id.cookie != 0 || p.first.Before(e.since))
}

// failed takes the result of an attempt to open a namespace.
func (t *table) failed(e *entry, r Result, now time.Time) {
	e.last = r

	if r != Unavailable {
		t.away = backoff{}
	}

	switch r {
	case Opened:
	case Unavailable:
		t.away.failed(now, awayRetryMax)
	case Raced:
		e.retry.failed(now, raceRetryMax)
	case Denied, Failed:
		e.retry.failed(now, retryMax)
	}
}

// counts returns the number of namespaces that are skipped, denied and excluded.
func (t *table) counts() (skipped, denied, excluded int) {
	for _, e := range t.entries {
		switch {
		case e.state == stateExcluded:
			excluded++
		case e.state == stateWatched:
		case e.last == Denied || t.away.delay > 0:
			denied++
		case e.skipped:
			skipped++
		}
	}

	return skipped, denied, excluded
}
