package health

import (
	"slices"
	"testing"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
)

// requireSound fails unless the parts of the tracker agree with each other.
func requireSound(tb testing.TB, t *Tracker) {
	tb.Helper()
	requireSoundTable(tb, t)
	requireSoundNotes(tb, t)
	requireSoundExports(tb, t)
	requireSoundGroups(tb, t)
	requireSameSums(tb, t)
}

func requireSoundTable(tb testing.TB, t *Tracker) {
	tb.Helper()

	live, ended, windows := 0, 0, 0

	for cookie, i := range indexed(t) {
		c := t.slab.conn(i)
		if c.key() != cookie || t.slab.seen[i] == neverSeen {
			tb.Fatalf("index leads cookie %d to connection %d, seen %d", cookie, c.cookie, t.slab.seen[i])
		}

		if c.endedAt == 0 {
			live++
		} else if ended++; !slices.Contains(t.ended, i) {
			tb.Fatalf("connection %d has ended, but is not among those", cookie)
		}

		if c.window != 0 {
			windows++

			if owner := t.slab.windows.Owner(c.window); owner != i {
				tb.Fatalf("window %d of connection %d is that of %d", c.window, i, owner)
			}
		}

		if c.resting && !c.level || c.level && c.window != 0 || c.position.Count > 1 && c.window == 0 {
			tb.Fatalf("connection %d is at rest: %v, level: %v, %d samples, window %d", cookie, c.resting, c.level, c.position.Count, c.window)
		}

		if r := t.windowOf(i, c); r.Count() == 0 || r.Count() > t.geometry.Length {
			tb.Fatalf("a window of %d samples", r.Count())
		}
	}

	if w := &t.slab.windows; w.Used() != windows {
		tb.Fatalf("%d windows are in use, the pool says %d", windows, w.Used())
	}

	if t.slab.used != live+ended || len(indexed(t)) != t.slab.used || len(t.ended) != ended {
		tb.Fatalf("%d places used, %d indexed, %d live, %d ended, %d listed as ended",
			t.slab.used, len(indexed(t)), live, ended, len(t.ended))
	}

	if t.slab.used > t.cfg.MaxConnections || len(t.slab.free)+t.slab.used != len(t.slab.seen) {
		tb.Fatalf("%d places used of %d, %d free of %d", t.slab.used, t.cfg.MaxConnections, len(t.slab.free), len(t.slab.seen))
	}
}

// requireSoundNotes fails unless the connections with active flags, and they
// alone, have a note each.
func requireSoundNotes(tb testing.TB, t *Tracker) {
	tb.Helper()

	taken := make(map[int32]uint64)

	for cookie, i := range indexed(t) {
		c := t.slab.conn(i)
		if (c.note == noNote) != (c.judged.Verdict().Flags == 0) {
			tb.Fatalf("connection %d has the note %d and the flags %s", cookie, c.note, flagNames(c.judged.Verdict().Flags))
		}

		if c.note == noNote {
			continue
		}

		if other, dup := taken[c.note]; dup || slices.Contains(t.notes.free, c.note) {
			tb.Fatalf("note %d of connection %d belongs to %d, or to none", c.note, cookie, other)
		}

		taken[c.note] = cookie.Cookie
	}

	if len(taken)+len(t.notes.free) != len(t.notes.all) {
		tb.Fatalf("%d notes, %d taken and %d free", len(t.notes.all), len(taken), len(t.notes.free))
	}
}

func requireSoundExports(tb testing.TB, t *Tracker) {
	tb.Helper()

	if err := t.exports.Check(); err != nil {
		tb.Fatal(err)
	}

	for place := range t.exports.Places() {
		i, taken := t.exports.Taken(int32(place))
		if !taken {
			continue
		}

		c, e := t.slab.conn(i), &t.exported[place]
		if c.place != int32(place) || c.cookie != e.Cookie || (c.endedAt != 0) != t.exports.Ended(int32(place)) {
			tb.Fatalf("place %d exports %d, which is %d at place %d, ended %v", place, e.Cookie, c.cookie, c.place, c.endedAt != 0)
		}
	}

	for _, i := range indexed(t) {
		c := t.slab.conn(i)
		if c.place == export.NoPlace {
			continue
		}

		if at, taken := t.exports.Taken(c.place); !taken || at != i {
			tb.Fatalf("connection %d at place %d, which is that of %d", c.cookie, c.place, at)
		}
	}
}

// requireDistinct fails if a snapshot shows an identity twice or more than fit.
func requireDistinct(tb testing.TB, s *Snapshot, limit int) {
	tb.Helper()

	seen := make(map[export.Identity]uint64, len(s.Connections))
	living := 0

	for i := range s.Connections {
		c := &s.Connections[i]
		if other, dup := seen[c.Identity]; dup {
			tb.Fatalf("%+v is shown for %d and %d", c.Identity, other, c.Cookie)
		}

		seen[c.Identity] = c.Cookie

		if c.Ended.IsZero() {
			living++
		}

		if judge.StatusOf(c.Points) != c.Status || c.Score != judge.Score(c.Points) || c.SafeToSend && c.Status >= judge.Degraded {
			tb.Fatalf("%v with %d points and score %d, safe to send %v", c.Status, c.Points, c.Score, c.SafeToSend)
		}
	}

	if len(s.Connections) > limit || s.Unexported != s.Tracker.Live-living || s.Unexported < 0 {
		tb.Fatalf("%d shown of at most %d, %d living ones of %d, %d not shown",
			len(s.Connections), limit, living, s.Tracker.Live, s.Unexported)
	}
}
