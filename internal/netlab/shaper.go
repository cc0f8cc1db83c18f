package netlab

import (
	"math/rand/v2"
	"slices"
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

	// Apart, so that jitter and reordering do not change which packets are lost.
	losses, jitters, orders *rand.Rand

	spent   float64   // The bytes of Burst that are in use.
	policed time.Time // When spent was computed.

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
	s.orders = rand.New(rand.NewPCG(seed, 3))
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
	if counter := s.refuse(now, len(data)); counter != nil {
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
func (s *shaper) refuse(now time.Time, size int) *Count {
	c := s.conditions
	switch {
	case c.Blackhole:
		return &s.counters.DroppedBlackhole
	case c.MTUHole > 0 && size > c.MTUHole:
		return &s.counters.DroppedMTU
	case c.Loss > 0 && s.losses.Float64() < c.Loss:
		return &s.counters.DroppedLoss
	case c.Police > 0 && s.exceeds(now, size):
		return &s.counters.DroppedPolicer
	case c.Queue > 0 && len(s.queue) > 0 && s.queued+size > c.Queue:
		return &s.counters.DroppedQueue
	}
	return nil
}

// exceeds reports whether a packet of the size exceeds the policer's rate and burst. If not, it counts against them.
func (s *shaper) exceeds(now time.Time, size int) bool {
	s.spent = max(0, s.spent-now.Sub(s.policed).Seconds()*float64(s.conditions.Police)/8)
	s.policed = now
	if s.spent+float64(size) > float64(s.conditions.Burst) {
		return true
	}
	s.spent += float64(size)
	return false
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

// send puts a packet on the line: behind all others, unless it overtakes some that are reordered.
func (s *shaper) send(at time.Time, p packet) {
	p.due = at.Add(s.conditions.Delay)
	if s.conditions.Jitter > 0 {
		p.due = p.due.Add(time.Duration(s.jitters.Int64N(int64(s.conditions.Jitter) + 1)))
	}
	if p.due.Before(s.last) {
		p.due = s.last
	}
	s.last = p.due
	if s.conditions.Reorder > 0 && s.orders.Float64() < s.conditions.Reorder {
		p.due = p.due.Add(s.conditions.ReorderBy)
	}
	i := len(s.line)
	for i > 0 && s.line[i-1].due.After(p.due) {
		i--
	}
	s.line = slices.Insert(s.line, i, p)
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
