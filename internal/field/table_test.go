package field

import (
	"fmt"
	"strings"
	"time"

	"tcphealth_exporter/health/judge"
)

// expectation is what the exporter is expected to report of the connections of a row.
type expectation struct {
	worst judge.Status // Allowed without a fault, or before it.

	// For faults: the minimum status, one of the causes, and the time from the first affected packet.
	status judge.Status
	causes []judge.Cause
	limit  time.Duration
	also   []judge.Cause // Right for other connections of the row.
}

// String renders the expectation for the table.
func (e *expectation) String() string {
	if len(e.causes) == 0 {
		return fmt.Sprintf("%v at worst", e.worst)
	}
	var causes []string
	for _, c := range e.causes {
		causes = append(causes, c.String())
	}
	return fmt.Sprintf("%v, %s, in %v", e.status, strings.Join(causes, " or "), e.limit)
}

// healthy is what is expected of connections without a fault.
var healthy = expectation{worst: judge.Caution}

// dead is what is expected of a path that delivers nothing.
func dead(limit time.Duration) expectation {
	return expectation{worst: judge.Caution, status: judge.Stale, causes: []judge.Cause{judge.CausePathDead}, limit: limit, also: []judge.Cause{judge.CauseHandshake}}
}

var (
	// unanswered is a SYN without an answer.
	unanswered = expectation{worst: judge.Caution, status: judge.Suspect, causes: []judge.Cause{judge.CauseHandshake}, limit: 2500 * ms, also: []judge.Cause{judge.CausePathDead}}
	// notReading is a receive window that stays closed.
	notReading = expectation{worst: judge.Caution, status: judge.Suspect, causes: []judge.Cause{judge.CausePeerReceiver}, limit: 3 * time.Second}
	// tooLarge is an MTU hole that the first large packets meet after small ones were delivered.
	tooLarge = expectation{worst: judge.Caution, status: judge.Degraded, causes: []judge.Cause{judge.CauseMTU}, limit: 3 * time.Second}
	// nothingLarge is an MTU hole during an upload: all packets are large, so that the path may as well be dead.
	nothingLarge = expectation{worst: judge.Caution, status: judge.Degraded, causes: []judge.Cause{judge.CauseMTU, judge.CausePathDead}, limit: 3 * time.Second}
)

// where says in which forms a row runs, besides the full one.
type where uint8

const (
	short     where = 1 << iota // In make test.
	soak                        // In make field-soak.
	exclusive                   // Alone on the machine.
)

// row is a program on a path, what becomes of it, and what is expected.
type row struct {
	*program
	line  *line
	fault *fault
	want  expectation
	where where
}

// String names the row.
func (r *row) String() string {
	name := r.name + " | " + r.line.name
	if r.fault != nil {
		name += ", " + r.fault.name
	}
	return name
}

// rowTable has all rows.
var rowTable = []row{
	// Requests and messages.
	{curlRequests, lan, nil, healthy, soak},
	{curlRequests, near20, nil, healthy, soak},
	{curlRequests, far220, nil, healthy, soak},
	{curlRequests, satellite, nil, healthy, soak},
	{curlRequests, lossy, nil, healthy, soak | short},
	{curlRequests, stalling, nil, healthy, soak},
	{curlNew, wide80, nil, healthy, soak},
	{balanced, lan, nil, healthy, soak},
	{balanced, wide80, nil, healthy, soak},
	{pgbench, lan, nil, healthy, soak},
	{pgbench, near20, nil, healthy, soak | short},
	{pgbench, far220, nil, healthy, soak},
	{pgbench, lossy, nil, healthy, soak},
	{pgbench, stalling, nil, healthy, soak},
	{redisPubSub, lan, nil, healthy, soak},
	{redisPubSub, satellite, nil, healthy, soak},
	{redisPubSub, lossy, nil, healthy, soak},
	{sshTyping, lan, nil, healthy, soak},
	{sshTyping, wide80, nil, healthy, soak},
	{sshTyping, far220, nil, healthy, soak},
	{sshTyping, satellite, nil, healthy, soak},
	{sshTyping, lossy, nil, healthy, soak},
	{sshTyping, stalling, nil, healthy, soak | short},
	{cached, lan, nil, healthy, soak},
	{cached, near20, nil, healthy, soak},
	{cached, lossy, nil, healthy, soak},
	{cached, reordering, nil, healthy, soak},
	{sensors, wide80, nil, healthy, soak},
	{sensors, satellite, nil, healthy, soak},
	{sensors, lossy, nil, healthy, soak},
	{h2Requests, near20, nil, healthy, soak},
	{h2Requests, satellite, nil, healthy, soak},
	{h2Requests, reordering, nil, healthy, soak},

	// Downloads.
	{curlDownload, lan, nil, healthy, 0},
	{curlDownload, wide80, nil, healthy, 0},
	{curlDownload, satellite, nil, healthy, 0},
	{curlDownload, lossy, nil, healthy, 0},
	{curlDownload, reordering, nil, healthy, 0},
	{curlDownload, policed, nil, healthy, 0},
	{curlDownload, slowing, nil, healthy, 0},
	{curlSlow, lan, nil, healthy, soak | short},
	{curlSlow, far220, nil, healthy, soak},
	{curlSlow, stalling, nil, healthy, soak},
	{copyOut, wide80, nil, healthy, 0},
	{copyOut, oneBDP, nil, healthy, 0},
	{h2Download, wide80, nil, healthy, 0},
	{h2Download, lossy, nil, healthy, 0},
	{iperf3("-R"), lossy, nil, healthy, 0},
	{iperf3("-R -P 8"), oneBDP, nil, healthy, 0},

	// Uploads.
	{curlUpload, lan, nil, healthy, 0},
	{curlUpload, far220, nil, healthy, 0},
	{curlUpload, satellite, nil, healthy, 0},
	{curlUpload, oneBDP, nil, healthy, soak},
	{curlUpload, stalling, nil, healthy, 0},
	{curlUpload, slowing, nil, healthy, soak},
	{copyIn, near20, nil, healthy, 0},
	{copyIn, lossy, nil, healthy, 0},
	{scpUpload, near20, nil, healthy, 0},
	{scpUpload, far220, nil, healthy, 0},
	{scpUpload, lossy, nil, healthy, soak},
	{scpUpload, policed, nil, healthy, soak},
	{rsyncUpload, wide80, nil, healthy, 0},
	{rsyncUpload, reordering, nil, healthy, 0},
	{rsyncUpload, oneBDP, nil, healthy, 0},
	{rsyncUpload, slowing, nil, healthy, 0},
	{iperf3("-C cubic"), lossy, nil, healthy, 0},
	{iperf3("-C cubic"), policed, nil, healthy, 0},
	{iperf3("-C cubic"), oneBDP, nil, healthy, short},
	{iperf3("-C reno"), far220, nil, healthy, 0},
	{iperf3("-C reno"), oneBDP, nil, healthy, 0},
	{iperf3("-C reno"), slowing, nil, healthy, 0},
	{iperf3("-C bbr"), near20, nil, healthy, 0},
	{iperf3("-C bbr"), lossy, nil, healthy, 0},
	{iperf3("-C bbr"), policed, nil, healthy, 0},
	{iperf3("-C bbr"), oneBDP, nil, healthy, 0},
	{iperf3("-C bbr"), slowing, nil, healthy, 0},
	{iperf3("-C bbr"), satellite, nil, healthy, 0},
	{iperf3("-P 8 -C bbr"), wide80, nil, healthy, 0},
	{iperf3("-P 8 -C bbr"), oneBDP, nil, healthy, 0},
	{iperf3("-w 64K"), far220, nil, healthy, soak},
	{iperf3("-w 64K"), stalling, nil, healthy, 0},
	{iperf3("-P 8"), wide80, nil, healthy, 0},
	{iperf3("-P 8"), oneBDP, nil, healthy, 0},

	// High rates.
	{iperf3("-P 8"), gigabit, nil, healthy, exclusive},
	{iperf3("-R"), gigabit, nil, healthy, exclusive},
	{redisPipeline, gigabit, nil, healthy, exclusive},
	{redisPipeline, near20, nil, healthy, exclusive},

	// Faults.
	{curlRequests, near20, bothWays, dead(2 * time.Second), short},
	{curlRequests, far220, bothWays, dead(4 * time.Second), 0},
	{pgbench, near20, bothWays, dead(2 * time.Second), 0},
	{pgbench, wide80, returnOnly, dead(2500 * ms), 0},
	{sshTyping, near20, bothWays, dead(2 * time.Second), 0},
	{sshTyping, far220, forward, dead(4 * time.Second), 0},
	{sshTyping, lossy, returnOnly, dead(3 * time.Second), 0},
	{cached, near20, forward, dead(2 * time.Second), 0},
	{cached, lan, silentHost, dead(2 * time.Second), 0},
	{balanced, wide80, silentHost, dead(2500 * ms), 0},
	{sensors, wide80, bothWays, dead(2500 * ms), 0},
	{h2Requests, near20, returnOnly, dead(2 * time.Second), 0},
	{iperf3("-C bbr"), wide80, bothWays, dead(2500 * ms), 0},
	{rsyncUpload, near20, bothWays, dead(2 * time.Second), 0},
	{scpUpload, wide80, forward, dead(4 * time.Second), 0},
	{curlNew, near20, silentHost, unanswered, 0},
	{curlUpload, near20, stopped, notReading, short},
	{copyIn, wide80, stopped, notReading, 0},
	{rsyncUpload, near20, stopped, notReading, 0},
	{iperf3("-w 64K"), near20, stopped, notReading, 0},
	{curlLater, near20, mtuHole, tooLarge, short},
	{sshLater, wide80, mtuHole, tooLarge, 0},
	{curlUpload, near20, mtuHole, nothingLarge, 0},
	{scpUpload, near20, mtuHole, nothingLarge, 0},
	{curlRequests, near20, unread, healthy, 0},
	{cached, near20, unread, healthy, 0},
}
