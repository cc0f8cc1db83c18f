package health

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// zones are the names of the interfaces of link-local addresses, each looked up at most
// once per sample: interfaces come, go and are renamed.
type zones struct {
	lookUp func(index uint32) string
	names  map[uint32]string
}

func (z *zones) begin() { clear(z.names) }

// name returns the name of an interface, its number if it has none, and nothing for
// zero.
func (z *zones) name(index uint32) string {
	if index == 0 {
		return ""
	}

	if name, known := z.names[index]; known {
		return name
	}

	name := ""
	if z.lookUp != nil {
		name = z.lookUp(index)
	}

	if z.names == nil {
		z.names = make(map[uint32]string)
	}

	name = nameOr(name, uint64(index))
	z.names[index] = name

	return name
}

// nameOr returns the name if it can be a label, else the number.
func nameOr(name string, number uint64) string {
	if name == "" || !utf8.ValidString(name) {
		return strconv.FormatUint(number, 10)
	}

	return name
}

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
		return nameOr("", id), true
	}

	name, known := t.cfg.CgroupName(id)

	return nameOr(name, id), known
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
