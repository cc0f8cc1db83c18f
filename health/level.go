package health

import (
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/window"
)

// A level window has equal samples, one from each dump: nothing has happened on the
// connection. Only its newest sample and the time of its oldest are stored, the others are
// reconstructed from the times of the dumps. The windows of connections at rest are level,
// and those of new connections until something happens: a host that starts with a hundred
// thousand idle connections would otherwise need a full window for each at once.

// windowOf returns the window of a connection. It is valid until the next call.
func (t *Tracker) windowOf(i uint32, c *connection) window.Window {
	if !c.level {
		return t.slab.ring(i)
	}

	return t.spaceOf(c).rest.restore(t.slab.last(i), c.levelFrom, t.slab.seen[i], &t.geometry)
}

// growing is windowOf with room for another sample.
func (t *Tracker) growing(i uint32, c *connection) window.Window {
	if !c.level {
		return t.slab.growing(i)
	}

	return t.windowOf(i, c)
}

// store stores the window of a connection after a sample was added that followed the one
// of a generation.
func (t *Tracker) store(i uint32, c *connection, w *window.Window, generation uint32) {
	r := &t.spaceOf(c).rest

	switch {
	case !c.level:
		c.position = w.Position()
		if !r.off && c.window == 0 && c.place == export.NoPlace { // its first sample
			c.level, c.levelFrom = true, w.Newest().At
		}
	case r.follows(generation) && w.Steady():
		*t.slab.last(i), c.levelFrom = *w.Newest(), w.Oldest().At
	default:
		c.level = false
		c.position = t.slab.fill(i, w)
	}
}

// follows reports whether the newest dump directly followed that of a generation.
func (r *rest) follows(generation uint32) bool {
	return r.dumps[(r.newest+restMemory-1)%restMemory].generation == generation
}

// level makes the window of a connection level if it can be, and reports whether it is.
func (t *Tracker) level(i uint32, c *connection) bool {
	if c.level {
		return true
	}

	w := t.slab.ring(i)
	if !w.Level() || !t.spaceOf(c).rest.canRestore(&w, &t.geometry) {
		return false
	}

	c.level, c.levelFrom = true, w.Oldest().At
	t.slab.shrink(i)

	return true
}

// unfold stores all samples of a level window.
func (t *Tracker) unfold(i uint32, c *connection) {
	if c.level {
		w := t.windowOf(i, c)
		c.level = false
		c.position = t.slab.fill(i, &w)
	}
}
