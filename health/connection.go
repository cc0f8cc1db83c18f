package health

import (
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// connection is the state of a tracked connection. It holds no pointers, so that a
// hundred thousand of them cost the garbage collector nothing.
type connection struct {
	cookie        uint64
	cgroup        uint64
	local, remote sampler.Endpoint
	ifindex       uint32 // zone of a link-local address
	mark          uint32
	// place is the connection's place in the export, or export.NoPlace.
	place int32
	// note is the index of the evidence for the active flags, or noNote.
	note int32
	// group is the group of the connection, group.None until the listeners of its first
	// sample are known.
	group group.ID

	// firstSeen and endedAt are in ms on the tracker's clock; endedAt is zero while the
	// connection is alive.
	firstSeen, endedAt int64
	space              sampler.Space
	missed             uint8 // complete dumps in a row without it
	// foundAtStart: the first dump of its namespace contained it.
	foundAtStart bool
	family       sampler.Family
	state        sampler.State

	// window is the number of its window, zero for none: see window.Pool. position is where
	// the window begins.
	window   uint32
	position window.Position
	// profile was chosen by the policy of the revision.
	profile, revision uint8
	role              group.Role
	congestion        uint8 // the algorithm at first sight, see algorithms

	// opened: its counters began at zero while all connections were tracked; joined:
	// what they were before it had a group is in the counters of a group. counting: the
	// last socket had counters.
	opened, joined, counting bool
	// counted: it is in the counts of the sample and of its group.
	counted bool
	// resting: see rest. level: its window is level, from the time levelFrom on.
	resting, level bool
	// withoutKeepalive: see group.Counts.
	withoutKeepalive bool
	// endReason is why it ended, if endedAt is not zero. unfinished: see
	// judge.Evidence.Unfinished.
	endReason  EndReason
	unfinished bool

	levelFrom int64
	last      lastCounters
	judged    judge.State
}

const msPerSecond = 1e3

// is reports whether the socket is that of this connection.
func (c *connection) is(row *sampler.Socket) bool {
	return c.cookie == row.Cookie && c.local == row.Local && c.remote == row.Remote
}

// identify sets what identifies and selects the connection.
func (c *connection) identify(row *sampler.Socket) {
	c.space, c.cookie, c.local, c.remote, c.ifindex = row.Space, row.Cookie, row.Local, row.Remote, row.Ifindex
	c.family, c.cgroup, c.mark = row.Family, row.CgroupID, row.Mark
}

// isRemnant reports whether a socket has no state but what the protocol requires after its
// end.
func isRemnant(row *sampler.Socket) bool { return row.Attrs&(sampler.HasInfo|sampler.FromProc) == 0 }

// key returns the identity of the connection.
func (c *connection) key() sampler.Key { return sampler.Key{Space: c.space, Cookie: c.cookie} }

// target returns the connection's socket for rechecks.
func (c *connection) target() sampler.Target {
	return sampler.Target{Space: c.space, Cookie: c.cookie, Local: c.local, Remote: c.remote, Ifindex: c.ifindex, Family: c.family}
}

// describe is the reverse of identify.
func (c *connection) describe(row *sampler.Socket) {
	row.Space, row.Cookie, row.Local, row.Remote, row.Ifindex = c.space, c.cookie, c.local, c.remote, c.ifindex
	row.Family, row.CgroupID, row.Mark = c.family, c.cgroup, c.mark
}

// counters returns those of the last socket, whose sample is s.
func (c *connection) counters(s *window.Sample) group.Counters {
	return group.Counters{
		group.SentBytes:             s.BytesSent,
		group.RetransmittedBytes:    s.BytesRetrans,
		group.AckedBytes:            c.judged.AckedBytes(),
		group.ReceivedBytes:         c.last.received,
		group.SentSegments:          uint64(s.DataSegsOut),
		group.RetransmittedSegments: uint64(s.TotalRetrans),
		group.DeliveredSegments:     uint64(s.Delivered),
		group.DeliveredCESegments:   uint64(s.DeliveredCE),
		group.OutOfOrderSegments:    uint64(c.last.outOfOrder),
		group.SegmentsOut:           uint64(c.last.segmentsOut),
		group.SegmentsIn:            uint64(c.last.segmentsIn),
		group.BusyTime:              uint64(s.Busy),
		group.ReceiverLimitedTime:   uint64(s.ReceiverLimited),
		group.SndbufLimitedTime:     uint64(s.SndbufLimited),
	}
}

// lastCounters are the counters of a connection's last socket that are stored nowhere
// else.
type lastCounters struct {
	received                            uint64
	outOfOrder, segmentsOut, segmentsIn uint32
}
