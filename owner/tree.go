package owner

import (
	"sync"
	"time"
)

// memory is for how long the path of a cgroup is kept at least after the cgroup is gone: its
// sockets may remain.
const memory = time.Minute

// tree has the paths of the cgroups that are watched. It is safe for concurrent use.
type tree struct {
	mutex sync.Mutex // held for a single access
	paths map[uint64]string
	// gone are the cgroups that are gone, departures also some that were not: a late event
	// about one may be followed by another one with the same path.
	gone       map[uint64]time.Time
	departures []departure // oldest first
}

func newTree() *tree {
	return &tree{paths: make(map[uint64]string), gone: make(map[uint64]time.Time)}
}

// departure is the removal of a cgroup. Its id is never used again.
type departure struct {
	id uint64
	at time.Time
}

func (t *tree) path(id uint64) (path string, known bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()

	path, known = t.paths[id]

	return path, known
}

func (t *tree) add(id uint64, path string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()

	t.paths[id] = path
	delete(t.gone, id)
}

// remove notes that a cgroup is gone at a time, and forgets those that went long before.
func (t *tree) remove(id uint64, at time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()

	t.gone[id] = at
	t.departures = append(t.departures, departure{id, at})

	for at.Sub(t.departures[0].at) > memory {
		d := t.departures[0]
		t.departures = t.departures[1:]

		if since, gone := t.gone[d.id]; gone && since.Equal(d.at) {
			delete(t.paths, d.id)
			delete(t.gone, d.id)
		}
	}
}

// memories keeps the paths of cgroups that one walk has found and a later one has not.
type memories struct {
	paths map[uint64]string
	gone  map[uint64]time.Time // since when
}

// merge adds to the result of a walk, at a time, the cgroups that are gone but not for long.
func (m *memories) merge(paths map[uint64]string, at time.Time) {
	gone := make(map[uint64]time.Time)

	for id, path := range m.paths {
		if _, exists := paths[id]; exists {
			continue
		}

		since, known := m.gone[id]
		if !known {
			since = at
		}

		if at.Sub(since) <= memory {
			paths[id], gone[id] = path, since
		}
	}

	m.paths, m.gone = paths, gone
}
