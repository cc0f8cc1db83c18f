package netns

import (
	"time"

	"tcphealth_exporter/sampler"
)

const (
	// quietDumps is how many dumps must have found no connection before they are skipped:
	// the consumer ends a connection when two dumps have missed it.
	quietDumps = 2
	// presumedCost is the time to read one known connection, until it was measured.
	presumedCost = 2 * time.Microsecond
	// rootCgroup is the id of the root of cgroup v2. The kernel reports it of all sockets if no
	// cgroup is used.
	rootCgroup = 1
)

// figures are those of the last dump of all sockets of a namespace.
type figures struct {
	// walked is the time of the dump, took how long it took.
	walked time.Time
	took   time.Duration
	// inuse is the number of sockets by sockstat before the dump, listeners and connections
	// are the numbers in the dump. quiet counts the dumps since one with connections.
	inuse, listeners, connections, quiet int
}

// resting reports whether a namespace with so many sockets has no connections. The lock is
// held.
func (n *namespace) resting(inuse int, now time.Time) bool {
	every := walkEvery
	if n.files != nil {
		every = walkFilesEvery
	}

	return n.quiet >= quietDumps && inuse == n.listeners && now.Sub(n.walked) < every
}

// worthRevisiting reports whether reading the known connections costs less than a dump, and
// probably finds the same: as many sockets exist. The lock is held.
func (n *namespace) worthRevisiting(inuse int, now time.Time) bool {
	if n.files != nil || n.connections == 0 || inuse != n.inuse || now.Sub(n.walked) >= walkEvery {
		return false
	}

	return time.Duration(n.connections)*max(n.revisitCost, presumedCost/2) < n.took
}

// dump is one sample of a namespace, whose lock is held. It implements [sampler.Consumer].
type dump struct {
	sampler.Consumer

	namespace *namespace
	inuse     int
	// revisits: the known connections are read first. walked: all sockets were dumped.
	revisits, walked bool
	listeners        int
	suspicious       bool
}

// take takes the sample.
func (d *dump) take(now time.Time) error {
	n := d.namespace

	d.Begin(n.space)

	result, err := d.read(now)
	if err != nil {
		d.Abort()

		return err
	}

	d.End(result)
	n.idle.Store(n.connections == 0)
	n.suspicious = d.suspicious

	return nil
}

// read reads the known connections, and all sockets if one of them is gone.
func (d *dump) read(now time.Time) (sampler.Dump, error) {
	n := d.namespace

	if conn, ok := n.conn.(revisiter); ok && d.revisits {
		result, all, err := conn.Revisit(d.Known(), d.Sockets)
		if err != nil || all {
			n.revisitCost = result.End.Sub(result.Start) / time.Duration(max(result.Sockets, 1))

			return result, err
		}
	}

	d.walked, d.listeners = true, 0

	result, err := n.conn.Dump(d.Sockets)
	if err != nil {
		return result, err
	}

	before := n.quiet
	n.figures = figures{
		walked: now, took: result.End.Sub(result.Start), inuse: d.inuse,
		listeners: d.listeners, connections: result.Sockets - d.listeners, // some are only counted, see sampler.Skip
	}

	if n.connections == 0 {
		n.quiet = before + 1
	}

	return result, nil
}

// Sockets implements [sampler.Consumer].
func (d *dump) Sockets(at time.Time, sockets []sampler.Socket) {
	for i := range sockets {
		s := &sockets[i]

		if s.State == sampler.StateListen {
			d.listeners++
		}

		if s.CgroupID <= rootCgroup {
			s.CgroupID = d.namespace.cgroup
		}

		d.suspicious = d.suspicious || s.TimerRetrans > 0 || s.State == sampler.StateSynSent
	}

	d.Consumer.Sockets(at, sockets)
}
