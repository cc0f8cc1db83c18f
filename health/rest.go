package health

import (
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/window"
	"tcphealth_exporter/sampler"
)

// A connection at rest is HEALTHY, idle, and has a window of equal samples. As long as
// its sockets stay the same, except for their clocks, its verdict stays the same, which
// TestRest verifies against full evaluation. Most connections of most hosts are at rest
// most of the time. Their rows are not decoded; they are counted in one array that is
// read and written in order, because the kernel dumps sockets in the same order each
// time. This avoids the cache misses for the table, the index and the window, which is
// level.

// resting is a row of a dump: of a connection at rest, or of one that is not, whose index is
// awake. The latter keep the rows in the order of the dump if they come to rest.
type resting struct {
	cookie, digest uint64
	index          uint32
	state          sampler.State
}

const awake = ^uint32(0)

// rest is the connections at rest of a network namespace.
type rest struct {
	// off: the windows are thinned, and what they keep depends on all samples.
	off bool
	// was are the rows of the last dump, where the next one is expected at cursor; is are
	// those of this dump. Those before offered were passed to the tracker.
	was, is         []resting
	cursor, offered int
	// astray counts the rows since one was last at the expected position.
	astray int
	// places has the position of each connection in the newest list that contains it.
	// All namespaces share it.
	places *[]uint32
	// dumps are the last dumps with any row; newest is the position of the newest one.
	dumps  [restMemory]dumpTime
	newest int
	// scratch holds a window while it is reconstructed.
	scratch []window.Sample
}

// bytes returns the memory of the lists.
func (r *rest) bytes() int { return (cap(r.was) + cap(r.is)) * restingBytes }

// dumpTime is the time of the first row of a dump.
type dumpTime struct {
	generation uint32
	at         int64 // ms on the tracker's clock
}

// restMemory is the number of dumps remembered: those of the longest window, and as many
// again, after which the samples of a window are evenly spaced.
const restMemory = 2 * window.MaxSamples

const (
	// lookAhead is the maximum number of sockets that may be gone at once.
	lookAhead = 4
	// patience is the number of consecutive unexpected rows before one is looked up:
	// more sockets are gone, or the order has changed.
	patience = 8
)

func newRest(g *window.Geometry, places *[]uint32) rest {
	return rest{off: g.Spacing != g.Interval, places: places}
}

// begin starts a dump.
func (r *rest) begin() {
	r.was, r.is = r.is, r.was[:0]
	r.cursor, r.offered, r.astray = 0, 0, 0
}

// clear makes all connections be evaluated in full again.
func (r *rest) clear() { r.was, r.is, r.cursor, r.offered = r.was[:0], r.is[:0], 0, 0 }

// note records the time of the first row of a dump.
func (r *rest) note(generation uint32, at int64) {
	r.newest = (r.newest + 1) % restMemory
	r.dumps[r.newest] = dumpTime{generation, at}
}

// find returns the row with a cookie if it is at the expected position.
func (r *rest) find(cookie uint64) *resting {
	for i := r.cursor; i < min(r.cursor+lookAhead, len(r.was)); i++ {
		if r.was[i].cookie == cookie {
			r.cursor, r.astray = i+1, 0

			return &r.was[i]
		}
	}

	return nil
}

// placeOf returns the place of a connection among those that were at rest in the last dump,
// and reports whether it was one of them.
func (r *rest) placeOf(i uint32, cookie uint64) (place int, known bool) {
	if int(i) >= len(*r.places) {
		return 0, false
	}

	place = int((*r.places)[i])

	return place, place < len(r.was) && r.was[place].cookie == cookie && r.was[place].index == i
}

// seek is find for a row at an unexpected position, after several of them.
func (t *Tracker) seek(cookie uint64) *resting {
	r := &t.at.rest
	if r.astray++; r.astray < patience {
		return nil
	}

	i, known := t.at.index[cookie]
	if !known {
		return nil
	}

	place, known := r.placeOf(i, cookie)
	if !known {
		return nil
	}

	r.cursor, r.astray = place+1, 0

	return &r.was[place]
}

// Resting implements [sampler.Skip]: it counts the row of a connection that is still at
// rest.
func (t *Tracker) Resting(at time.Time, cookie, digest uint64) bool {
	if t.at.clock.first == 0 {
		t.startDump(t.times.read(at))
	}

	r := t.at.rest.find(cookie)
	if r == nil {
		r = t.seek(cookie)
	}

	if r == nil || r.index == awake || r.digest != digest || !t.mayRest(r, at) {
		t.at.rest.is = append(t.at.rest.is, resting{cookie: cookie, index: awake})

		return false
	}

	t.at.rest.append(*r)
	t.slab.seen[r.index] = t.at.generation
	t.at.tick.sockets++
	t.at.tick.states[r.state]++

	return true
}

// mayRest reports whether a connection whose row is the same as before need not be evaluated.
func (t *Tracker) mayRest(r *resting, at time.Time) bool {
	if t.slab.seen[r.index] == t.at.generation || t.exports.Wanting() || t.admission.crowded || t.admission.relaxed {
		return false
	}

	return r.state != sampler.StateCloseWait || !t.closeWaitDue(r.index, at)
}

// closeWaitDue reports whether a connection at rest in CLOSE_WAIT has to be evaluated in
// full: the time in that state is the one figure that grows during a rest.
func (t *Tracker) closeWaitDue(i uint32, at time.Time) bool {
	c := t.slab.conn(i)

	return t.thresholds(c).CloseWaitDue(c.judged.CloseWaitSince(), t.times.read(at))
}

// append adds a connection at rest to the rows of this dump.
func (r *rest) append(one resting) {
	r.is = append(r.is, resting{})
	r.put(len(r.is)-1, one)
}

// put replaces a row of this dump by a connection at rest.
func (r *rest) put(place int, one resting) {
	*r.places = grown(*r.places, one.index)
	(*r.places)[one.index] = uint32(place)
	r.is[place] = one
}

// lay puts a connection at rest in the place of its row, which was not offered before.
func (r *rest) lay(one resting) {
	for place := r.offered; place < len(r.is); place++ {
		if row := &r.is[place]; row.cookie == one.cookie && row.index == awake {
			r.put(place, one)
			r.offered = place + 1

			return
		}
	}

	r.append(one)
}

// layDown adds a connection that the dump has just brought to those at rest, if it is at
// rest.
func (t *Tracker) layDown(i uint32, row *sampler.Socket) {
	c := t.slab.conn(i)

	alone := c.group != group.None && c.place == export.NoPlace
	if row.Digest == 0 || t.at.rest.off || !alone || !c.judged.Spotless() || !t.evidence.Still() || row.SendQueue > 0 || !t.level(i, c) {
		return
	}

	c.resting = true
	t.at.rest.lay(resting{row.Cookie, row.Digest, i, row.State})
}

// canRestore reports whether the times of the dumps suffice to reconstruct a window of
// equal samples: it may contain rechecks, or lack a dump.
func (r *rest) canRestore(w *window.Window, g *window.Geometry) bool {
	again := r.restore(w.Newest(), w.Oldest().At, r.dumps[r.newest].generation, g)
	if again.Count() != w.Count() {
		return false
	}

	for i := range w.Count() {
		if again.At(i).At != w.At(i).At {
			return false
		}
	}

	return true
}

// restore returns a window with a sample for each dump from a time to a generation, all
// equal to last, or last alone if these dumps are forgotten. It is valid until the next
// call.
func (r *rest) restore(last *window.Sample, from int64, until uint32, g *window.Geometry) window.Window {
	if r.scratch == nil {
		r.scratch = make([]window.Sample, g.Length)
	}

	w, s := window.New(r.scratch, window.Position{}), *last

	for n := range restMemory {
		d := &r.dumps[(r.newest+1+n)%restMemory]
		if d.at != 0 && d.at >= from && int32(until-d.generation) >= 0 {
			s.At = d.at
			w.Push(s, g)
		}
	}

	if w.Count() == 0 {
		w.Push(*last, g)
	}

	return w
}

// wake ends the rest of a connection, which is evaluated in full again.
func (t *Tracker) wake(i uint32, c *connection) {
	if !c.resting {
		return
	}

	c.resting = false

	rest := &t.spaceOf(c).rest
	if place := int((*rest.places)[i]); place < len(rest.is) && rest.is[place].index == i {
		rest.is[place].cookie = 0 // no socket has it
	}
}
