package health

import "tcphealth_exporter/sampler"

// stamp is a moment on the tracker's judging clock in ms; zero is "not
// running".
type stamp int64

// seconds returns the time from s to now, zero if s is not running.
func (s stamp) seconds(now stamp) float64 {
	if s == 0 {
		return 0
	}

	return float64(now-s) / msPerSecond
}

// connection is the state of one followed connection. It holds no pointers, so
// that a hundred thousand of them cost the garbage collector nothing.
type connection struct {
	cookie        uint64
	cgroup        uint64
	local, remote sampler.Endpoint
	ifindex       uint32 // zone of a link-local address
	mark          uint32
	// shown is the index of the connection's place in the export, or notShown.
	shown int32
	// note is the index of what explains the raised flags, or noNote.
	note int32
	// group is the index of the connection's group, or noGroup until the
	// listeners are known.
	group int32

	// firstSeen and endedAt are in ms on the tracker's clock, endedAt zero
	// while the connection lives.
	firstSeen, endedAt int64
	missed             uint8 // complete dumps in a row without it
	// foundAtStart: it was there in the very first dump.
	foundAtStart bool
	family       sampler.Family
	state        sampler.State

	// answered, ackAnswered: see evidence.
	answered, ackAnswered bool

	// window is the number of its window, zero for none: see rest.
	window               uint32
	ringFirst, ringCount uint8
	// profile is what the policy of the revision chose.
	profile, revision uint8
	role              Role
	congestion        uint8 // the algorithm at first sight, see algorithms

	// opened: it was opened while all connections were watched, so that its
	// counters began at zero; joined: what they had before it got a group is in
	// that of a group. counting: the last row had counters.
	opened, joined, counting bool
	// resting: see rest.
	resting bool
	// progressed: it made progress since the last sample.
	progressed bool

	// Levels with a duration: since when they hold.
	outstandingSince, zeroWindowSince, unreadSince stamp
	lastProgress                                   stamp
	// lastAt is the time of the last row on the tracker's clock, in ms.
	lastAt int64
	// restFrom is the time of the oldest sample when the connection came to rest.
	restFrom                  int64
	bytesAcked, bytesReceived uint64
	counted                   counted
	unacked                   uint32
	pureAcks                  uint32
	// unreadFirst is what waited for the application when it read last.
	unreadFirst uint32
	// sndWnd is the window of the peer in the last row, windows what happened to it.
	sndWnd  uint32
	windows WindowEvents
	// rtoVariation is the least difference in µs of RTO and smoothed RTT without
	// back-off: a route or a socket may have a minimum of its own.
	rtoVariation uint32

	loss     lossMemory
	baseline aged // of the smoothed RTT in µs, the least
	rate     aged // of delivery while there was more to send, the highest, bytes per second
	verdict  verdict
}

const notShown = -1

// is tells whether the row is of this connection.
func (c *connection) is(row *sampler.Socket) bool {
	return c.cookie == row.Cookie && c.local == row.Local && c.remote == row.Remote
}

// identify takes over what names the connection and what selects it.
func (c *connection) identify(row *sampler.Socket) {
	c.cookie, c.local, c.remote, c.ifindex = row.Cookie, row.Local, row.Remote, row.Ifindex
	c.family, c.cgroup, c.mark = row.Family, row.CgroupID, row.Mark
}

// target names the connection's socket for reading it alone.
func (c *connection) target() sampler.Target {
	return sampler.Target{Cookie: c.cookie, Local: c.local, Remote: c.remote, Ifindex: c.ifindex, Family: c.family}
}

// describe is the reverse of identify.
func (c *connection) describe(row *sampler.Socket) {
	row.Cookie, row.Local, row.Remote, row.Ifindex = c.cookie, c.local, c.remote, c.ifindex
	row.Family, row.CgroupID, row.Mark = c.family, c.cgroup, c.mark
}

// counters returns those of the last row, of which s is the sample.
func (c *connection) counters(s *sample) Counters {
	return Counters{
		SentBytes:             s.bytesSent,
		RetransmittedBytes:    s.bytesRetrans,
		AckedBytes:            c.bytesAcked,
		ReceivedBytes:         c.counted.received,
		SentSegments:          uint64(s.dataSegsOut),
		RetransmittedSegments: uint64(s.totalRetrans),
		DeliveredSegments:     uint64(s.delivered),
		DeliveredCESegments:   uint64(s.deliveredCE),
		OutOfOrderSegments:    uint64(c.counted.outOfOrder),
		SegmentsOut:           uint64(c.counted.segmentsOut),
		SegmentsIn:            uint64(c.counted.segmentsIn),
		BusyTime:              uint64(s.busy),
		ReceiverLimitedTime:   uint64(s.rwnd),
		SndbufLimitedTime:     uint64(s.sndbuf),
	}
}

// forget drops everything that was learned of an earlier use of the socket.
func (c *connection) forget() {
	c.outstandingSince, c.zeroWindowSince, c.unreadSince, c.lastProgress = 0, 0, 0, 0
	c.bytesAcked, c.bytesReceived, c.unacked, c.pureAcks = 0, 0, 0, 0
	c.rtoVariation = 0
	c.baseline, c.rate, c.loss = aged{}, aged{}, lossMemory{}
}
