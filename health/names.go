package health

import (
	"time"

	"tcphealth_exporter/health/export"
)

// cgroupWait is the maximum time that a connection waits for the name of its cgroup,
// and so for its group.
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

// awaitsName reports whether a connection has to wait for the name of its cgroup.
func (t *Tracker) awaitsName(c *connection, at int64) bool {
	since := max(c.firstSeen, t.regroupedAt)
	if !t.groupsByCgroup() || at-since >= cgroupWait.Milliseconds() {
		return false
	}

	_, final := t.cgroupName(c.cgroup)

	return !final
}
