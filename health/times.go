package health

import "time"

// minStep is the minimum difference in ms that counts as a step of the wall clock.
const minStep = 1000

// times converts between wall-clock time and the milliseconds of the tracker's clock,
// which counts from the first time read, so that steps of the wall clock do not reach
// the windows.
type times struct {
	epoch time.Time
	step  int64 // sum of the steps of the wall clock in ms
}

// read returns t in ms since 1970, as if the wall clock had not been set since the
// first call.
func (c *times) read(t time.Time) int64 {
	if c.epoch.IsZero() {
		c.epoch = t
	}

	at := c.epoch.UnixMilli() + t.Sub(c.epoch).Milliseconds()
	if step := t.UnixMilli() - at; max(step-c.step, c.step-step) >= minStep {
		c.step = step
	}

	return at
}

// wall converts a result of read to the current wall clock.
func (c *times) wall(at int64) time.Time { return time.UnixMilli(at + c.step) }
