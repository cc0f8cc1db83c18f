package judge

// Status is the health of a connection, worst last.
type Status uint8

// The statuses, by the numbers that metrics expose.
const (
	Healthy  Status = 0
	Caution  Status = 1
	Suspect  Status = 2
	Degraded Status = 3
	Stale    Status = 4

	// NumStatuses is the number of statuses.
	NumStatuses = 5
)

var statusNameTable = [NumStatuses]string{"HEALTHY", "CAUTION", "SUSPECT", "DEGRADED", "STALE"}

// minPointTable holds the minimum points of each status.
var minPointTable = [NumStatuses]int{0, 1, 3, 5, 7}

// String returns the upper-case name.
func (s Status) String() string {
	if s < NumStatuses {
		return statusNameTable[s]
	}

	return "UNKNOWN"
}

// StatusOf returns the status of a sum of points.
func StatusOf(points int) Status {
	s := Stale
	for s > Healthy && points < minPointTable[s] {
		s--
	}

	return s
}

// limit returns points, at most as many as the status has.
func (s Status) limit(points int) int {
	if s == Stale {
		return points
	}

	return min(points, minPointTable[s+1]-1)
}

// Score converts points to the scale of 0 to 100, where 100 is perfect.
func Score(points int) int { return max(0, 100-10*points) }

// Cause is what the active flags of a connection indicate. On a tie of points the
// smaller one wins.
type Cause uint8

// The causes in the order in which they win a tie.
const (
	CauseNone Cause = iota
	CauseHandshake
	CauseMTU
	CausePathDead
	CausePacketLoss
	CausePathDelay
	CauseCongestion
	CausePeerReceiver
	CauseLocalSendBuffer
	CauseLocalApplication

	// NumCauses is the number of causes, CauseNone included.
	NumCauses
)

var causeNameTable = [NumCauses]string{
	CauseNone:             "none",
	CauseHandshake:        "handshake",
	CauseMTU:              "mtu",
	CausePathDead:         "path_dead",
	CausePacketLoss:       "packet_loss",
	CausePathDelay:        "path_delay",
	CauseCongestion:       "congestion",
	CausePeerReceiver:     "peer_receiver",
	CauseLocalSendBuffer:  "local_send_buffer",
	CauseLocalApplication: "local_application",
}

// String returns the lower-case name.
func (c Cause) String() string {
	if c < NumCauses {
		return causeNameTable[c]
	}

	return "unknown"
}

// Fatal reports whether a flag of this cause may make a connection STALE.
func (c Cause) Fatal() bool {
	return c == CauseHandshake || c == CauseMTU || c == CausePathDead
}
