package health

import (
	"slices"
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// EndReason is why a connection ended, as far as its last samples show.
type EndReason uint8

// The reasons.
const (
	// EndUnknown: it vanished between two samples without any sign of another reason.
	EndUnknown EndReason = iota
	// EndClosed: both sides closed it.
	EndClosed
	// EndReset: it was aborted while data was outstanding that could not have been
	// delivered since the last sample: by a RST of the peer or of a middlebox, or by the
	// local application.
	EndReset
	// EndTimedOut: the kernel gave up after unanswered timeouts.
	EndTimedOut
	// EndEvicted: it is no longer tracked, because the table is crowded.
	EndEvicted
	// EndShutdown: it was alive when the exporter stopped.
	EndShutdown
	// EndNamespaceGone: its network namespace is gone, or no longer sampled.
	EndNamespaceGone

	// NumEndReasons is the number of reasons.
	NumEndReasons EndReason = group.NumEndReasons
)

var endReasonNameTable = [NumEndReasons]string{
	EndUnknown:       "unknown",
	EndClosed:        "closed",
	EndReset:         "reset",
	EndTimedOut:      "timed_out",
	EndEvicted:       "evicted",
	EndShutdown:      "shutdown",
	EndNamespaceGone: "namespace_gone",
}

// String returns the name that metrics and JSON use.
func (r EndReason) String() string { return endReasonNameTable[r] }

// Ended is a connection that has ended, or is no longer tracked.
type Ended struct {
	Key      sampler.Key
	Identity export.Identity
	// Group is the name of its group, see [Group].
	Group  string
	Role   group.Role
	Reason EndReason
	// State is that of the last socket seen.
	State sampler.State
	// FirstSeen and LastSeen are the times of the first and the last sample with it.
	// Opened reports whether its beginning was tracked, so that the counters cover its
	// whole lifetime.
	FirstSeen, LastSeen time.Time
	Opened              bool
	// Verdict is the last one, StatusSince the time of its Since.
	Verdict     judge.Verdict
	StatusSince time.Time
	// Counters are the last ones that the kernel reported for the connection.
	Counters group.Counters
	Windows  judge.WindowEvents
}

// sweep ends the connections that enough dumps have missed.
func (t *Tracker) sweep(at int64) {
	if sparse*len(t.at.index) < len(t.slab.seen) {
		for _, i := range t.at.indexed() {
			t.miss(i, at)
		}

		return
	}

	for i, seen := range t.slab.seen {
		if seen != neverSeen && seen != t.at.generation {
			t.miss(uint32(i), at)
		}
	}
}

// sparse is how many times as large as a namespace the table must be to visit the
// namespace's connections by its index instead of reading the whole table.
const sparse = 16

// miss counts that the current dump has missed a connection, if it has, and ends one that
// was missed often enough.
func (t *Tracker) miss(i uint32, at int64) {
	c := t.slab.conn(i)
	if t.slab.seen[i] == t.at.generation || c.endedAt != 0 || c.space != t.at.id {
		return
	}

	t.uncount(c)

	c.missed++
	if c.missed >= confirmations {
		t.end(i, c, conclude(c), at)
	}
}

// end ends a connection, which stays visible for the retention.
func (t *Tracker) end(i uint32, c *connection, reason EndReason, at int64) {
	c.endedAt, c.endReason = at, reason
	w := t.windowOf(i, c)
	*t.slab.last(i) = *w.Newest() // all that is left once the dumps are forgotten
	t.ended = append(t.ended, i)
	t.finish(i, c, reason)
	t.noteExportedEnd(c)
}

// finish ends a connection for all that follows ends: the counters of its group and the
// configured function. Each end goes through it once.
func (t *Tracker) finish(i uint32, c *connection, reason EndReason) {
	t.countEnded(i, c, reason)

	if t.cfg.Ended == nil {
		return
	}

	w := t.windowOf(i, c)
	v := c.judged.Verdict()
	t.cfg.Ended(&Ended{
		Key:         c.key(),
		Identity:    t.identityOf(c),
		Group:       t.groupName(c),
		Role:        c.role,
		Reason:      reason,
		State:       c.state,
		FirstSeen:   t.times.wall(c.firstSeen),
		LastSeen:    t.times.wall(w.Newest().At),
		Opened:      c.opened,
		Verdict:     *v,
		StatusSince: t.times.wall(v.Since),
		Counters:    c.counters(w.Newest()),
		Windows:     c.judged.Windows(),
	})
}

// identityOf returns the labels of a connection.
func (t *Tracker) identityOf(c *connection) export.Identity {
	var row sampler.Socket

	c.describe(&row)
	tuple := t.tupleOf(&row)

	return tuple.Identity()
}

// groupName returns the name of a connection's group, empty if it has none yet.
func (t *Tracker) groupName(c *connection) string {
	if c.group == group.None {
		return ""
	}

	return t.groups.Of(c.group).Name
}

// Shutdown reports all live connections as ended. The tracker must not be used
// afterwards.
func (t *Tracker) Shutdown() {
	for i, seen := range t.slab.seen {
		if c := t.slab.conn(uint32(i)); seen != neverSeen && c.endedAt == 0 {
			t.finish(uint32(i), c, EndShutdown)
		}
	}
}

// resume continues a connection that two dumps in a row had missed. It counts as opened
// again, because counters never fall.
func (t *Tracker) resume(i uint32, c *connection) {
	c.endedAt, c.endReason = 0, EndUnknown
	t.stats.Opened++
	t.groups.Of(c.group).Opened++
	t.countOpened(c)

	if n := slices.Index(t.ended, i); n >= 0 {
		t.ended = slices.Delete(t.ended, n, n+1)
	}

	t.noteExportedEnd(c)
}

// expire forgets ended connections after the retention.
func (t *Tracker) expire(at int64) {
	for len(t.ended) > 0 {
		c := t.slab.conn(t.ended[0])
		if at-c.endedAt < t.cfg.Retention.Milliseconds() {
			return
		}

		t.forgetEnded()
	}
}

// forgetEnded removes the connection that ended first.
func (t *Tracker) forgetEnded() {
	i := t.ended[0]
	t.ended = t.ended[1:]
	t.remove(i)
}

// remove takes a connection out of the table.
func (t *Tracker) remove(i uint32) {
	c := t.slab.conn(i)
	if c.place != export.NoPlace {
		t.exports.Withdraw(c.place)
	}

	t.notes.drop(c.note)
	t.uncount(c)
	t.groups.Leave(c.group)
	delete(t.spaceOf(c).index, c.cookie)
	t.slab.release(i)
}
