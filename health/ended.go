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

	// NumEndReasons is the number of reasons.
	NumEndReasons EndReason = group.NumEndReasons
)

var endReasonNameTable = [NumEndReasons]string{
	EndUnknown:  "unknown",
	EndClosed:   "closed",
	EndReset:    "reset",
	EndTimedOut: "timed_out",
	EndEvicted:  "evicted",
	EndShutdown: "shutdown",
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
	for i, seen := range t.slab.seen {
		if seen == neverSeen || seen == t.at.generation {
			continue
		}

		c := t.slab.conn(uint32(i))
		if c.endedAt != 0 || c.space != t.at.id {
			continue
		}

		t.uncount(c)

		c.missed++
		if c.missed >= confirmations {
			c.endedAt, c.endReason = at, conclude(c)
			w := t.windowOf(uint32(i), c)
			*t.slab.last(uint32(i)) = *w.Newest() // all that is left once the dumps are forgotten
			t.ended = append(t.ended, uint32(i))
			t.finish(uint32(i), c, c.endReason)
			t.noteExportedEnd(c)
		}
	}
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
