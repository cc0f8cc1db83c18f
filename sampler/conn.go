package sampler

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Config configures a [Conn]. The zero value samples all connections of the
// calling thread's network namespace.
type Config struct {
	// Space identifies the network namespace of the sockets.
	Space Space
	// NetNS is a file descriptor of the network namespace to sample, zero for the
	// current one. Another namespace needs CAP_SYS_ADMIN.
	NetNS int
	// States selects the connections, zero for [ConnectionStates].
	States States
	// CongestionInfo includes the details of BBR, Vegas and DCTCP.
	CongestionInfo bool
	// Timeout bounds one dump or one round of rechecking, zero for ten seconds.
	Timeout time.Duration
	// Tap gets every datagram, nil for none.
	Tap Tap
}

// Tap gets the raw data of each [Conn.Dump] and [Conn.Recheck].
type Tap interface {
	// Datagram is called with each datagram of a dump, and with each message of a round
	// of rechecking that contains a target; b is reused.
	Datagram(at time.Time, b []byte)
	// Dumped is called after each complete dump.
	Dumped(d Dump)
	// Rechecking is called before a round of rechecking.
	Rechecking(at time.Time)
	// Rechecked is called after each complete round of rechecking.
	Rechecked(r Round)
	// Failed is called after a dump or a round that failed.
	Failed(at time.Time, reason Reason)
}

// Filter selects connections. The zero value selects all of them. Listeners are
// never filtered.
type Filter struct {
	// Program is INET_DIAG bytecode for the kernel, empty for none.
	Program []byte
	// Keep reports whether a socket that the kernel sent is wanted, nil for all.
	Keep func(*Socket) bool
}

const defaultTimeout = 10 * time.Second

// wire carries requests to the kernel and datagrams back.
type wire interface {
	// deadline bounds the following calls of receive.
	deadline(t time.Time) error
	// send sends a dump request under a sequence number, which is not zero.
	send(seq uint32, r *request) error
	// ask sends whole netlink messages as one datagram.
	ask(messages []byte) error
	// receive returns the next datagram, valid until the next call.
	receive() ([]byte, error)
	Close() error
}

// Conn reads the sockets of one network namespace, all of them or single ones.
// It is not safe for concurrent use.
type Conn struct {
	wire   wire
	cfg    Config
	now    func() time.Time
	batch  batch
	filter []byte
	skip   Skip
	legacy bool
	// sequence is the last sequence number. It counts dumps and single sockets alike, so
	// that answers cannot be confused.
	sequence uint32
	// asked is the datagram that [Conn.Recheck] sends, reused.
	asked []byte
	// tap is set during [Conn.Dump] and [Conn.Recheck]: other exchanges are no samples.
	tap Tap
}

func newConn(w wire, cfg Config, release string, now func() time.Time) (*Conn, error) {
	if cfg.States == 0 {
		cfg.States = ConnectionStates
	}

	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}

	c := &Conn{wire: w, cfg: cfg, now: now, batch: batch{space: cfg.Space, packedAccECN: packedAccECN(release), digester: newDigester()}}
	if err := c.choose(); err != nil {
		return nil, errors.Join(err, w.Close())
	}

	return c, nil
}

// Legacy reports whether one TCPDIAG_GETSOCK dump serves both address families;
// otherwise each family is dumped on its own.
func (c *Conn) Legacy() bool { return c.legacy }

// Close closes the netlink socket.
func (c *Conn) Close() error { return c.wire.Close() }

// SetFilter selects the connections of later dumps.
func (c *Conn) SetFilter(f Filter) { c.filter, c.batch.keep = f.Program, f.Keep }

// SetSkip sets which rows of later dumps need not be decoded: they are only counted.
// Rechecks are always decoded.
func (c *Conn) SetSkip(skip Skip) { c.skip = skip }

// Offer reports whether the kernel accepts a bytecode program from this process.
func (c *Conn) Offer(program []byte) (taken bool, err error) {
	if err := c.limit(c.now()); err != nil {
		return false, err
	}

	var d Dump

	// The kernel checks the program before it walks sockets; a dump of the listeners is
	// the cheapest.
	r := request{states: ListenStates, filter: program}
	err = c.run(r, c.legacy, &d, func(time.Time, []Socket) {})

	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EPERM) {
		return false, nil
	}

	return err == nil, err
}

// Dump implements [Source]. Errors wrap a syscall.Errno, os.ErrDeadlineExceeded
// or one of this package's sentinels.
func (c *Conn) Dump(sink Sink) (Dump, error) {
	d := Dump{Space: c.cfg.Space, Start: c.now()}

	c.tap = c.cfg.Tap
	defer func() { c.tap = nil }()

	c.batch.skip = c.skip
	err := c.dumpAll(&d, sink)
	c.batch.skip = nil
	d.End = c.now()

	if c.tap == nil {
		return d, err
	}

	if err != nil {
		c.tap.Failed(d.End, ReasonOf(err))
	} else {
		c.tap.Dumped(d)
	}

	return d, err
}

// limit sets the timeout of what starts now.
func (c *Conn) limit(now time.Time) error {
	if err := c.wire.deadline(now.Add(c.cfg.Timeout)); err != nil {
		return fmt.Errorf("set deadline: %w", err)
	}

	return nil
}

func (c *Conn) dumpAll(d *Dump, sink Sink) error {
	if err := c.limit(d.Start); err != nil {
		return err
	}

	connections := request{ext: c.extensions(), states: c.cfg.States, filter: c.filter}
	if err := c.run(connections, c.legacy, d, sink); err != nil {
		return fmt.Errorf("dump connections: %w", err)
	}

	listeners := request{ext: extInfo, states: ListenStates}
	if err := c.run(listeners, c.legacy, d, sink); err != nil {
		return fmt.Errorf("dump listeners: %w", err)
	}

	return nil
}

// reserve returns the first of n consecutive sequence numbers. Zero is not used: the
// netlink library replaces it.
func (c *Conn) reserve(n uint32) (first uint32) {
	first = c.sequence + 1
	if last := c.sequence + n; last < c.sequence { // it wrapped around
		first = 1
	}

	c.sequence = first + n - 1

	return first
}

func (c *Conn) extensions() uint8 {
	ext := uint8(extInfo | extSkMem | extCongestion)
	if c.cfg.CongestionInfo {
		ext |= extCongestionInfo
	}

	return ext
}

// run sends r, once for both families or once for each.
func (c *Conn) run(r request, legacy bool, d *Dump, sink Sink) error {
	if legacy {
		r.legacy, r.family = true, FamilyIPv4

		return c.runOne(&r, d, sink)
	}

	for _, r.family = range []Family{FamilyIPv4, FamilyIPv6} {
		if err := c.runOne(&r, d, sink); err != nil {
			return err
		}
	}

	return nil
}

func (c *Conn) runOne(r *request, d *Dump, sink Sink) error {
	seq := c.reserve(1)
	if err := c.wire.send(seq, r); err != nil {
		return fmt.Errorf("send request: %w", err)
	}

	interrupted := false

	for {
		asked := c.now()

		datagram, err := c.wire.receive()
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}

		at := c.now()
		d.Kernel += at.Sub(asked)

		if c.tap != nil {
			c.tap.Datagram(at, datagram)
		}

		c.batch.at = at

		out, err := c.batch.decode(datagram, seq, false)
		if err != nil {
			return err
		}

		d.Datagrams++
		d.Bytes += len(datagram)
		d.Sockets += len(c.batch.sockets) + out.skipped
		interrupted = interrupted || out.interrupted

		if len(c.batch.sockets) > 0 {
			sink(at, c.batch.sockets)
		}

		switch {
		case out.done && interrupted:
			return ErrInterrupted
		case out.done:
			return nil
		}
	}
}
