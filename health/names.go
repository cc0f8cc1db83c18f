package health

import (
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
)

// cgroupWait is the maximum time that a connection waits for the name of its cgroup or of its
// owner, and so for its group.
const cgroupWait = 15 * time.Second

// cgroupName returns the label of a cgroup: its path, its number if it has none, and
// nothing for zero. It reports whether that is final.
func (t *Tracker) cgroupName(id uint64) (name string, final bool) {
	if id == 0 {
		return "", true
	}

	if t.cfg.CgroupName == nil {
		return export.NameOr("", id), true
	}

	name, known := t.cfg.CgroupName(id)

	return export.NameOr(name, id), known
}

// ownerOf returns the name of a connection's cgroup and its owner, as far as the grouping
// needs them, and reports whether that is final.
func (t *Tracker) ownerOf(c *connection) (cgroup string, o group.Owner, final bool) {
	g := t.groups.Grouping()
	final = true

	if g.Has(group.ByCgroup) {
		cgroup, final = t.cgroupName(c.cgroup)
	}

	if g.HasOwner() && t.cfg.Owner != nil {
		var known bool

		o, known = t.cfg.Owner(c.cgroup)
		final = final && known
	}

	return cgroup, o, final
}

// awaitsName reports whether a connection may still wait for these names.
func (t *Tracker) awaitsName(c *connection, at int64) bool {
	return at-max(c.firstSeen, t.regroupedAt) < cgroupWait.Milliseconds()
}
