package owner

import "sync"

// maxOwners is the maximum number of owners remembered.
const maxOwners = 1 << 14

// Owners finds the owners of sockets by the id of their cgroup.
type Owners struct {
	cgroups *Cgroups
	links   links

	mutex sync.Mutex
	// known are the owners by cgroup, which is never used again for another one.
	known map[uint64]*Owner
}

// NewOwners returns the owners of the sockets of these cgroups. Containers of Kubernetes
// have links in a directory, by default /var/log/containers.
func NewOwners(cgroups *Cgroups, linkDir string) *Owners {
	return &Owners{cgroups: cgroups, links: links{dir: linkDir}, known: make(map[uint64]*Owner)}
}

// Of returns the owner of the sockets of a cgroup, or nil if it is unknown. It is the same
// as before unless more has become known, and must not be modified. Of may read the
// directory of links, so it must not be called while sampling.
func (o *Owners) Of(cgroup uint64) *Owner {
	if cgroup == 0 {
		return nil
	}

	o.mutex.Lock()
	defer o.mutex.Unlock()

	found, ok := o.known[cgroup]
	if !ok {
		path, known := o.cgroups.Name(cgroup)
		if !known {
			return nil
		}

		found = ofPath(path)
		o.remember(cgroup, found)
	}

	if found != nil && found.PodUID != "" && found.ContainerID != "" && found.Pod == "" {
		if n := o.links.of(found.ContainerID); n.Pod != "" {
			named := *found
			named.Namespace, named.Workload, named.Pod, named.Container = n.Namespace, n.Workload(), n.Pod, n.Container
			found = &named
			o.remember(cgroup, found)
		}
	}

	return found
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
