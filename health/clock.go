package health

import (
	"time"

	"tcphealth_exporter/health/judge"
)

// clock is the judging clock of a network namespace. It stands still during gaps in
// sampling: after a paused machine or a late tick, no connection has waited for longer
// than it was sampled.
type clock struct {
	interval int64 // ms
	// first is the time of the first socket of this sample, previous that of the
	// previous one, both zero while there is none. skipped is the sum of the gaps.
	first, previous, skipped int64
	// lengths are the times between the last three samples, usual is the usual time
	// between two: if samples always come late, none of them is a gap.
	lengths  [2]int64
	usual    int64
	afterGap bool
}

const (
	// gapIntervals is the number of usual intervals without a sample that make a gap.
	gapIntervals = 2
)

// begin starts a sample.
func (c *clock) begin() {
	if c.first != 0 {
		c.previous = c.first
	}

	c.first, c.afterGap = 0, false
	c.usual = max(c.interval, min(c.lengths[0], c.lengths[1]))
}

// judge returns the judging clock at the time of a socket, and reports whether its
// sample is the first after a gap.
func (c *clock) judge(at int64) (now judge.Stamp, afterGap bool) {
	if c.first == 0 {
		c.first = at
		if c.previous != 0 {
			c.pass(at - c.previous)
		}
	}

	return judge.Stamp(at - c.skipped), c.afterGap
}

// between returns the judging clock at a time between two samples.
func (c *clock) between(at int64) judge.Stamp { return judge.Stamp(at - c.skipped) }

// pass records the time since the previous sample in ms.
func (c *clock) pass(length int64) {
	if length > gapIntervals*c.usual {
		c.skipped += length - c.usual
		c.afterGap = true
	}

	c.lengths[0], c.lengths[1] = c.lengths[1], length
}

// tickLength returns the time between the previous sample and this one.
func (c *clock) tickLength() time.Duration {
	if c.previous == 0 || c.first == 0 {
		return 0
	}

	return time.Duration(c.first-c.previous) * time.Millisecond
}
