package sampler

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// recheckBatch is the number of sockets requested in one datagram. The receive buffer
// must hold all answers at once: about 1.3 KiB each of the default 208 KiB.
const recheckBatch = 32

// Target names a socket to recheck. It holds no pointers.
type Target struct {
	// Cookie identifies the socket; the kernel finds it by the other fields.
	Cookie        uint64
	Local, Remote Endpoint
	// Ifindex is the bound interface, zero for none.
	Ifindex uint32
	Space   Space
	Family  Family
}

// Target returns the target for rechecking the socket.
func (s *Socket) Target() Target {
	return Target{Space: s.Space, Cookie: s.Cookie, Local: s.Local, Remote: s.Remote, Ifindex: s.Ifindex, Family: s.Family}
}

// names reports whether a socket is the target. For an unknown connection, the kernel
// may return a listener.
func (t *Target) names(s *Socket) bool {
	return s.Cookie == t.Cookie && s.State != StateListen && s.Local == t.Local && s.Remote == t.Remote
}

// inquiry is one datagram of requests.
type inquiry struct {
	targets []Target // recheckBatch at most
	first   uint32   // sequence number of the first target's request
	pending uint32   // bit n is set until target n is answered
}

// target returns the target that a message with the sequence number answers, nil for
// none.
func (q *inquiry) target(seq uint32) *Target {
	n := seq - q.first // beyond 31 there is no bit
	if q.pending&(1<<n) == 0 {
		return nil
	}

	return &q.targets[n]
}

// settle marks the request with the sequence number as answered.
func (q *inquiry) settle(seq uint32) { q.pending &^= 1 << (seq - q.first) }

// Read implements [Reader]. Errors are like those of [Conn.Dump].
func (c *Conn) Read(targets []Target, sink Sink) error {
	r := Round{Start: c.now()}

	return c.readAll(targets, &r, sink)
}

// Recheck implements [Source]. Errors are like those of [Conn.Dump].
func (c *Conn) Recheck(targets []Target, sink Sink) (Round, error) {
	r := Round{Start: c.now()}

	c.tap = c.cfg.Tap
	defer func() { c.tap = nil }()

	if c.tap != nil {
		c.tap.Rechecking(r.Start)
	}

	err := c.readAll(targets, &r, sink)
	r.End = c.now()

	switch {
	case c.tap == nil:
	case err != nil:
		c.tap.Failed(r.End, ReasonOf(err))
	default:
		c.tap.Rechecked(r)
	}

	return r, err
}

func (c *Conn) readAll(targets []Target, r *Round, sink Sink) error {
	if err := c.limit(r.Start); err != nil {
		return err
	}

	for len(targets) > 0 {
		n := min(len(targets), recheckBatch)
		if err := c.readBatch(targets[:n], r, sink); err != nil {
			return fmt.Errorf("read sockets: %w", err)
		}

		targets = targets[n:]
	}

	return nil
}

func (c *Conn) readBatch(targets []Target, r *Round, sink Sink) error {
	q := inquiry{
		targets: targets,
		first:   c.reserve(uint32(len(targets))),
		pending: uint32(1<<len(targets) - 1),
	}

	c.asked = c.asked[:0]
	for i := range targets {
		c.asked = appendGetOne(c.asked, q.first+uint32(i), c.extensions(), &targets[i])
	}

	if err := c.wire.ask(c.asked); err != nil {
		return fmt.Errorf("send request: %w", err)
	}

	at := c.now() // the kernel looks up all targets before it returns
	c.batch.at = at

	for q.pending != 0 {
		datagram, err := c.wire.receive()
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}

		if err := c.answers(&q, at, datagram, r, sink); err != nil {
			return err
		}
	}

	return nil
}

// answers processes the answers in one datagram; the kernel sends one in each.
func (c *Conn) answers(q *inquiry, at time.Time, datagram []byte, r *Round, sink Sink) error {
	for len(datagram) > 0 {
		h, payload, rest, err := nextMessage(datagram)
		if err != nil {
			return err
		}

		message := datagram[:len(datagram)-len(rest)]
		datagram = rest

		found, err := c.answer(q, h, payload)
		if err != nil {
			return err
		}

		if !found {
			continue
		}

		if c.tap != nil {
			c.tap.Datagram(at, message)
		}

		r.Sockets++

		if len(c.batch.sockets) > 0 {
			sink(at, c.batch.sockets)
		}
	}

	return nil
}

// answer decodes a message, unless it need not be, and reports whether it contains a
// target.
func (c *Conn) answer(q *inquiry, h header, payload []byte) (found bool, err error) {
	target := q.target(h.seq)
	if target == nil {
		return false, nil // it answers an abandoned request
	}

	switch h.kind {
	case typeSockDiag:
		q.settle(h.seq)

		c.batch.sockets = c.batch.sockets[:0]
		if c.batch.skips(h, payload) {
			return true, nil
		}

		if err := c.batch.add(payload); err != nil {
			return false, err
		}

		return target.names(&c.batch.sockets[0]), nil
	case nlmsgError:
		q.settle(h.seq)

		if err := errnoOf(payload); !errors.Is(err, syscall.ENOENT) {
			return false, err
		}

		return false, nil
	case nlmsgOverrun:
		return false, ErrOverrun
	default:
		return false, nil
	}
}
