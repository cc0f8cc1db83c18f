package netns

import (
	"cmp"
	"slices"

	"tcphealth_exporter/sampler"
)

// Anchor is a watched namespace, with the process by which it is watched.
type Anchor struct {
	Space sampler.Space
	// Name is that of [Watcher.Name].
	Name string
	// PID is the process. As long as it is in the namespace, Inode is the inode number of its
	// /proc/PID/net/tcp.
	PID   int
	Inode uint64
	// Cgroup is the result of [Config.CgroupOf].
	Cgroup uint64
}

// Anchors returns the watched namespaces, those watched longest first. It is safe for
// concurrent use, and waits for the dumps that are in progress.
func (w *Watcher) Anchors() []Anchor {
	list := slices.Clone(w.namespaces())
	slices.SortStableFunc(list, func(a, b *namespace) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.space, b.space)) })

	all := make([]Anchor, 0, len(list))

	for _, n := range list {
		n.mutex.Lock()

		if n.conn != nil {
			all = append(all, Anchor{Space: n.space, Name: n.name, PID: n.anchor, Inode: n.inode, Cgroup: n.cgroup})
		}

		n.mutex.Unlock()
	}

	return all
}
