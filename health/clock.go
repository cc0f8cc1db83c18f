package health

import (
	"time"

	"tcphealth_exporter/health/judge"
)

// clock turns times into the milliseconds that the tracker counts in, and into
// the judging clock, which does not count gaps in sampling: after a paused
// machine or a late tick no connection has been waiting for longer than it was
// watched.
type clock struct {
	interval int64 // ms
	// epoch is the first time seen; time is counted from there, so that steps
	// of the wall clock don't reach the windows. step is what they add up to.
	epoch time.Time
	step  int64
	// first is the time of the first row of this tick, previous that of the
	// last one, both zero while there is none. skipped is the sum of the gaps.
	first, previous, skipped int64
	// lengths are the times between the last three samples, usual is what lies
	// between two as a rule, this tick apart: where samples come late all the time,
	// none of them is a gap.
	lengths  [2]int64
	usual    int64
	afterGap bool
}

const (
	// gapIntervals is how many usual intervals between two samples make a gap.
	gapIntervals = 2
	// leastStep is the difference in ms that makes a step of the wall clock.
	leastStep = 1000
)

// begin starts a tick.
func (c *clock) begin() {
	if c.first != 0 {
		c.previous = c.first
	}

	c.first, c.afterGap = 0, false
	c.usual = max(c.interval, min(c.lengths[0], c.lengths[1]))
}

// read returns t in ms: its time since 1970, as it would be had the wall clock
// not been set since the first call.
func (c *clock) read(t time.Time) int64 {
	if c.epoch.IsZero() {
		c.epoch = t
	}

	at := c.epoch.UnixMilli() + t.Sub(c.epoch).Milliseconds()
	if step := t.UnixMilli() - at; max(step-c.step, c.step-step) >= leastStep {
		c.step = step
	}

	return at
}

// wall converts what read returned to the present wall clock.
func (c *clock) wall(at int64) time.Time { return time.UnixMilli(at + c.step) }

// judge returns the judging clock at the time of a row, and whether its sample
// is the first one after a gap.
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

// pass notes that a tick comes so many ms after the last one.
func (c *clock) pass(length int64) {
	if length > gapIntervals*c.usual {
		c.skipped += length - c.usual
		c.afterGap = true
	}

	c.lengths[0], c.lengths[1] = c.lengths[1], length
}

// tickLength returns the time between this tick and the last one.
func (c *clock) tickLength() time.Duration {
	if c.previous == 0 || c.first == 0 {
		return 0
	}

	return time.Duration(c.first-c.previous) * time.Millisecond
}
