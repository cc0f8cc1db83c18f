package owner

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// maxOwners is the maximum number of owners remembered.
const maxOwners = 1 << 14

// Owners finds the owners of sockets by the id of their cgroup, or by a process. It is safe
// for concurrent use.
type Owners struct {
	cgroups *Cgroups
	// links are the names of containers in Kubernetes by their ids. A container may get its
	// link late. engines are the names of others, which have one before they start.
	links   *lookup[string, Names]
	engines *lookup[string, string]

	mutex     sync.Mutex // held for a single look-up
	processes processes
	// known are the owners by cgroup, which is never used again for another one.
	known map[uint64]*Owner
}

// Paths are the directories with the names of containers.
type Paths struct {
	// Links has the links that the kubelet makes for containers, usually
	// /var/log/containers.
	Links string
	// Root has the files of Docker and Podman, at the same paths as in /.
	Root string
	// Proc is a mount of procfs, usually /proc.
	Proc string
}

// NewOwners returns the owners of the sockets of these cgroups. It reads the names of
// containers once; [Owners.Run] does it again when a container is unknown.
func NewOwners(cgroups *Cgroups, paths Paths) *Owners {
	deadline := time.Now().Add(startLimit)
	late := func() bool { return time.Now().After(deadline) }
	readLinks := func(func() bool) (map[string]Names, bool) { return readLinks(paths.Links), true }
	readEngines := func(stop func() bool) (map[string]string, bool) { return readEngines(paths.Root, stop) }

	return &Owners{
		cgroups: cgroups, links: newLookup(true, late, readLinks), engines: newLookup(false, late, readEngines),
		processes: newProcesses(paths.Proc), known: make(map[uint64]*Owner),
	}
}

// Run reads names of containers when one is unknown, until ctx is done.
func (o *Owners) Run(ctx context.Context) {
	var group sync.WaitGroup

	group.Go(func() { o.links.run(ctx, 0, shortestPause) })
	group.Go(func() { o.engines.run(ctx, 0, shortestPause) })
	group.Wait()
}

// Of returns the owner of the sockets of a cgroup, nil for none, and reports whether all
// that can be found out is known yet. The owner is the same as before unless more has become
// known, and must not be modified. Of never waits for a reading.
func (o *Owners) Of(cgroup uint64) (found *Owner, final bool) {
	if cgroup == 0 {
		return nil, true
	}

	o.mutex.Lock()
	defer o.mutex.Unlock()

	if !IsCgroup(cgroup) {
		return o.ofClaim(o.processes.claims[cgroup])
	}

	before, ok := o.known[cgroup]
	if !ok {
		path, known := o.cgroups.Name(cgroup)
		if !known {
			return nil, false
		}

		before = ofPath(path)
	}

	if found, final = o.complete(before); !ok || found != before {
		o.remember(cgroup, found)
	}

	return found, final
}

// OfProcesses returns an id for [Owners.Of], which stands for the cgroup of the sockets that
// some processes of a network namespace may have, zero if no cgroup of them is known. It is for
// sockets of which the kernel reports no cgroup but the root: on hosts without cgroup v2, and
// in /proc/net/tcp. It reads files.
func (o *Owners) OfProcesses(pids []int) (cgroup uint64) {
	paths := o.processes.read(pids)
	if len(paths) == 0 {
		return 0
	}

	o.mutex.Lock()
	defer o.mutex.Unlock()

	return o.processes.number(paths)
}

// ofClaim is Of for an id of OfProcesses, nil for one that is forgotten.
func (o *Owners) ofClaim(c *claim) (found *Owner, final bool) {
	if c == nil || c.final {
		return c.known(), true
	}

	all := make([]*Owner, 0, len(c.paths))
	c.final = true

	for _, path := range c.paths {
		one, final := o.complete(ofPath(path))
		if one != nil {
			all = append(all, one)
		}

		c.final = c.final && final
	}

	c.settle(agreed(all))

	return c.owner, c.final
}

// complete returns an owner with the names of its container, the same one if there are none,
// and reports whether that is final.
func (o *Owners) complete(found *Owner) (named *Owner, final bool) {
	if found == nil || found.ContainerID == "" || found.Container != "" {
		return found, true
	}

	isPod := found.PodUID != ""

	var n Names
	if isPod {
		n, final = o.links.of(found.ContainerID)
	} else {
		n, _ = o.links.name(o.links.found.Load(), found.ContainerID)
	}

	if n.Pod != "" {
		copied := *found
		copied.Namespace, copied.Workload, copied.Pod, copied.Container = n.Namespace, n.Workload(), n.Pod, n.Container

		return &copied, true
	}

	if isPod {
		return found, final
	}

	return o.completeByEngine(found)
}

// completeByEngine is complete for a container that is not in a pod.
func (o *Owners) completeByEngine(found *Owner) (named *Owner, final bool) {
	name, known := o.engines.of(found.ContainerID)
	if !known {
		return found, false
	}

	copied := *found
	copied.Container, copied.Workload = cmp.Or(name, found.ContainerID[:shortID]), containerWorkload(name)

	return &copied, true
}

// ofPath is [OfPath], nil for none. The workload of a container with a name in its path is
// that name.
func ofPath(path string) *Owner {
	o := OfPath(path)
	if o.Kind() == KindNone {
		return nil
	}

	if o.Kind() == KindContainer {
		o.Workload = containerWorkload(o.Container)
	}

	return &o
}

func (o *Owners) remember(cgroup uint64, found *Owner) {
	if len(o.known) == maxOwners {
		clear(o.known)
	}

	o.known[cgroup] = found
}
