package proctcp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"tcphealth_exporter/sampler"
)

const (
	// msPerTick is the unit of timers: clock ticks of USER_HZ, 100 per second.
	msPerTick = 10
	// Hexadecimal digits of an address.
	wordDigits = 8
	ipv6Digits = 4 * wordDigits
	// Words of a row of a full socket after the pointer: rto, ato, quick and pingpong,
	// cwnd, ssthresh. Sockets in TIME_WAIT and SYN_RECV, and closed ones in FIN_WAIT2, are
	// small structures without them.
	fullWords = 5
)

// malformed is a row that is not in the kernel's format. It matches
// [sampler.ErrMalformed].
type malformed struct{ row string }

func (m malformed) Error() string { return fmt.Sprintf("malformed row %q", m.row) }

func (m malformed) Is(target error) bool { return target == sampler.ErrMalformed }

// parse reads a row of tcp or tcp6 without its line feed (net/ipv4/tcp_ipv4.c:
// get_tcp4_sock, net/ipv6/tcp_ipv6.c: get_tcp6_sock), and reports whether it is that of a
// full socket. It sets all fields of s, those that the row does not have to zero.
func parse(s *sampler.Socket, row []byte) (full bool, err error) {
	*s = sampler.Socket{Attrs: sampler.FromProc}
	c := scanner{rest: row}

	if slot := c.word(); len(slot) < 2 || slot[len(slot)-1] != ':' {
		return false, malformed{string(row)}
	}

	s.Family = c.endpoint(&s.Local)
	if c.endpoint(&s.Remote) != s.Family {
		c.bad = true
	}

	s.State = sampler.State(c.hex(c.word(), math.MaxUint8))
	c.queues(s)
	c.timer(s)

	s.Inode = uint32(c.decimal(math.MaxUint64))
	c.skip(2) // reference count and pointer

	if full = len(bytes.TrimLeft(c.rest, " ")) > 0; full {
		c.skip(fullWords)
	}

	if c.bad {
		return false, malformed{string(row)}
	}

	return full, nil
}

// endpoint reads an address in words of the host's byte order, and a port.
func (c *scanner) endpoint(e *sampler.Endpoint) sampler.Family {
	word := c.word()

	digits := bytes.IndexByte(word, ':')
	if digits != wordDigits && digits != ipv6Digits {
		c.bad = true

		return 0
	}

	e.Port = uint16(c.hex(word[digits+1:], math.MaxUint16))
	at := len(e.Addr) - digits/2

	for from := 0; from < digits; from += wordDigits {
		v := c.hex(word[from:from+wordDigits], math.MaxUint32)
		binary.NativeEndian.PutUint32(e.Addr[at+from/2:], uint32(v))
	}

	if digits == ipv6Digits {
		return sampler.FamilyIPv6
	}

	e.Addr[10], e.Addr[11] = 0xff, 0xff

	return sampler.FamilyIPv4
}

// queues reads the queues. That of a listener to be sent is always zero: the kernel does
// not write its backlog limit.
func (c *scanner) queues(s *sampler.Socket) {
	tx, rx := c.hexPair(math.MaxUint32, math.MaxUint32)
	s.SendQueue, s.RecvQueue = uint32(tx), uint32(rx)
}

// timer reads the timer, its count, and the user between the counts of both kinds.
func (c *scanner) timer(s *sampler.Socket) {
	timer, ticks := c.hexPair(math.MaxUint8, math.MaxUint64)
	s.Timer = sampler.Timer(timer)
	s.Expires = uint32(min(ticks, math.MaxUint32/msPerTick) * msPerTick)

	timeouts := c.hex(c.word(), math.MaxUint32)
	s.UID = uint32(c.decimal(math.MaxUint32))
	probes := c.decimal(math.MaxUint32)

	switch s.Timer {
	case sampler.TimerRetransmit:
		s.TimerRetrans = uint8(min(timeouts, math.MaxUint8))
	case sampler.TimerKeepalive, sampler.TimerProbe:
		s.TimerRetrans = uint8(min(probes, math.MaxUint8))
	}
}
