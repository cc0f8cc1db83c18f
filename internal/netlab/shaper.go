package netlab

import (
	"math/rand/v2"
	"time"
)

// packet is a packet on its way.
type packet struct {
	data []byte
	due  time.Time // When it is to be delivered; unset while it waits for the rate.
}

// shaper decides what becomes of the packets of one direction, and when. It has no clock: every time is an argument, and
// never goes back.
type shaper struct {
	conditions Conditions
	counters   Counters

	losses, jitters *rand.Rand // Apart, so that jitter does not change which packets are lost.

	queue  []packet  // Waits for the rate. The first is being sent.
	queued int       // The bytes in queue.
	sent   time.Time // When the first of queue has been sent.

	line []packet  // Has been sent and is due, in order.
	last time.Time // When the last packet that was on the line is due.
}

// newShaper returns a shaper that forwards everything at once.
func newShaper() *shaper {
	s := &shaper{}
	s.seed(0)
	return s
}

// seed starts the random sequences.
func (s *shaper) seed(seed uint64) {
	s.losses = rand.New(rand.NewPCG(seed, 1))
	s.jitters = rand.New(rand.NewPCG(seed, 2))
}

// set changes the conditions. Packets on the line keep their times; of those in the queue, the first is sent at the old
// rate unless the new one is faster.
func (s *shaper) set(now time.Time, c Conditions) {
	s.advance(now)
	if c.Seed != s.conditions.Seed {
		s.seed(c.Seed)
	}
	s.conditions = c
	if len(s.queue) > 0 {
		if sent := now.Add(s.sending(s.queue[0])); sent.Before(s.sent) {
			s.sent = sent
		}
	}
}

// admit takes a packet, which it keeps a copy of, or drops it. It reports whether the packet was taken.
func (s *shaper) admit(now time.Time, data []byte) bool {
	s.advance(now)
	if counter := s.refuse(len(data)); counter != nil {
		counter.add(len(data))
		return false
	}
	p := packet{data: append([]byte(nil), data...)}
	if s.conditions.Rate <= 0 && len(s.queue) == 0 {
		s.send(now, p)
		return true
	}
	s.queue = append(s.queue, p)
	s.queued += len(data)
	if len(s.queue) == 1 {
		s.sent = now.Add(s.sending(p))
	}
	return true
}

// refuse returns the counter of the reason to drop a packet of the size, nil if there is none.
func (s *shaper) refuse(size int) *Count {
	c := s.conditions
	switch {
	case c.Blackhole:
		return &s.counters.DroppedBlackhole
	case c.MTUHole > 0 && size > c.MTUHole:
		return &s.counters.DroppedMTU
	case c.Loss > 0 && s.losses.Float64() < c.Loss:
		return &s.counters.DroppedLoss
	case c.Queue > 0 && len(s.queue) > 0 && s.queued+size > c.Queue:
		return &s.counters.DroppedQueue
	}
	return nil
}

// sending returns how long the packet takes at the rate.
func (s *shaper) sending(p packet) time.Duration {
	if s.conditions.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(8*len(p.data)) / float64(s.conditions.Rate) * float64(time.Second))
}

// advance puts the packets on the line that have been sent by now.
func (s *shaper) advance(now time.Time) {
	for len(s.queue) > 0 && !s.sent.After(now) {
		p := shift(&s.queue)
		s.queued -= len(p.data)
		s.send(s.sent, p)
		if len(s.queue) > 0 {
			s.sent = s.sent.Add(s.sending(s.queue[0]))
		}
	}
}

// send puts a packet on the line, behind all others.
func (s *shaper) send(at time.Time, p packet) {
	p.due = at.Add(s.conditions.Delay)
	if s.conditions.Jitter > 0 {
		p.due = p.due.Add(time.Duration(s.jitters.Int64N(int64(s.conditions.Jitter) + 1)))
	}
	if p.due.Before(s.last) {
		p.due = s.last
	}
	s.last = p.due
	s.line = append(s.line, p)
}

// pop returns the next packet if one is due by now.
func (s *shaper) pop(now time.Time) (p packet, ok bool) {
	s.advance(now)
	if len(s.line) == 0 || s.line[0].due.After(now) {
		return packet{}, false
	}
	return shift(&s.line), true
}

// next returns when pop is to be called again. If nothing is on its way, ok is false.
func (s *shaper) next() (at time.Time, ok bool) {
	switch {
	case len(s.line) > 0:
		return s.line[0].due, true
	case len(s.queue) > 0:
		return s.sent, true
	}
	return time.Time{}, false
}

// shift removes the first packet.
func shift(packets *[]packet) packet {
	first := (*packets)[0]
	(*packets)[0] = packet{} // For the garbage collector.
	*packets = (*packets)[1:]
	return first
}
