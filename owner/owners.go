package owner

import (
	"context"
	"sync"
)

// maxOwners is the maximum number of owners remembered.
const maxOwners = 1 << 14

// Owners finds the owners of sockets by the id of their cgroup. It is safe for concurrent
// use.
type Owners struct {
	cgroups *Cgroups
	// links are the names of containers by their ids. A container may get its link late.
	links *lookup[string, Names]

	mutex sync.Mutex // held for a single look-up
	// known are the owners by cgroup, which is never used again for another one.
	known map[uint64]*Owner
}

// NewOwners returns the owners of the sockets of these cgroups. Containers of Kubernetes
// have links in a directory, by default /var/log/containers, which is read once;
// [Owners.Run] does it again when a container is unknown.
func NewOwners(cgroups *Cgroups, linkDir string) *Owners {
	read := func(func() bool) (map[string]Names, bool) { return readLinks(linkDir), true }

	return &Owners{cgroups: cgroups, links: newLookup(true, nil, read), known: make(map[uint64]*Owner)}
}

// Run reads the links when a container is unknown, until ctx is done.
func (o *Owners) Run(ctx context.Context) { o.links.run(ctx, shortestPause) }

// Of returns the owner of the sockets of a cgroup, nil for none, and reports whether all
// that can be found out is known yet. The owner is the same as before unless more has become
// known, and must not be modified. Of never waits for a reading.
func (o *Owners) Of(cgroup uint64) (found *Owner, final bool) {
	if cgroup == 0 {
		return nil, true
	}

	o.mutex.Lock()
	defer o.mutex.Unlock()

	found, ok := o.known[cgroup]
	if !ok {
		path, known := o.cgroups.Name(cgroup)
		if !known {
			return nil, false
		}

		found = ofPath(path)
		o.remember(cgroup, found)
	}

	if found == nil || found.PodUID == "" || found.ContainerID == "" || found.Pod != "" {
		return found, true
	}

	n, final := o.links.of(found.ContainerID)
	if n.Pod != "" {
		named := *found
		named.Namespace, named.Workload, named.Pod, named.Container = n.Namespace, n.Workload(), n.Pod, n.Container
		found = &named
		o.remember(cgroup, found)
	}

	return found, final
}

// ofPath is [OfPath], nil for none.
func ofPath(path string) *Owner {
	if o := OfPath(path); o.Kind() != KindNone {
		return &o
	}

	return nil
}

func (o *Owners) remember(cgroup uint64, found *Owner) {
	if len(o.known) == maxOwners {
		clear(o.known)
	}

	o.known[cgroup] = found
}
