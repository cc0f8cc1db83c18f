package health

import (
	"time"

	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

// Search answers a [Query] in steps that fit between samples. The figures of a
// connection are of one moment, but connections may appear, end and change between two
// steps.
type Search struct {
	tracker *Tracker
	query   Query
	// subject is the argument of Match, place the next place of the table to rank.
	subject sampler.Socket
	place   uint32
	// ranking has the places of the worst connections; the first copied of them are in
	// the answer.
	ranking export.Worst
	ranked  bool
	copied  int
	// blind: reading from the source has failed.
	blind  bool
	batch  batch
	answer Answer
}

// batch is the connections that are copied and read together.
type batch struct {
	places  []uint32
	keys    []sampler.Key
	found   []*Found
	targets []sampler.Target
}

const (
	// rankedAtOnce and copiedAtOnce are the connections processed before the time is
	// checked: about a tenth of a millisecond, even for a filter of a thousand terms and
	// for connections with all flags active.
	rankedAtOnce = 16
	copiedAtOnce = 16
)

// Search starts a query. Its steps must run where the tracker's other methods are
// called, between two samples.
func (t *Tracker) Search(q Query) *Search {
	return &Search{tracker: t, query: q, ranking: export.NewWorst(q.Limit)}
}

// Step works until the answer is done or more returns false. It calls more after each
// small piece of work, so every step makes progress. src reads the sockets of the found
// connections, nil if it cannot.
func (s *Search) Step(src sampler.Reader, more func() bool) (done bool) {
	for !s.advance(src) {
		if !more() {
			s.tracker.searching = true

			return false
		}
	}

	return true
}

// advance processes the next piece.
func (s *Search) advance(src sampler.Reader) (done bool) {
	if !s.ranked {
		s.ranked = s.rank()

		return false
	}

	s.collect(src)

	return s.copied == len(s.ranking.Entries())
}

// rank ranks the next places of the table, and reports whether all are ranked.
func (s *Search) rank() (done bool) {
	t := s.tracker

	if s.query.Cookie != 0 {
		for _, space := range t.spaces {
			if i, known := space.index[s.query.Cookie]; known {
				s.consider(i)
			}
		}

		return true
	}

	for range rankedAtOnce {
		if int(s.place) >= len(t.slab.seen) {
			return true
		}

		s.consider(s.place)
		s.place++
	}

	return false
}

// consider ranks the connection at a place if it is selected.
func (s *Search) consider(i uint32) {
	if c := s.selected(i); c != nil {
		s.answer.Total++
		s.ranking.Offer(candidate(i, c))
	}
}

// selected returns the connection at a place, nil if the query does not select one, and
// sets subject.
func (s *Search) selected(i uint32) *connection {
	t, q := s.tracker, &s.query
	if int(i) >= len(t.slab.seen) || t.slab.seen[i] == neverSeen {
		return nil
	}

	c := t.slab.conn(i)
	if c.judged.Verdict().Status < q.MinStatus || c.endedAt != 0 && !q.Ended || q.Cookie != 0 && q.Cookie != c.cookie {
		return nil
	}

	c.describe(&s.subject)

	if q.Match != nil && !q.Match(&s.subject) {
		return nil
	}

	return c
}

// collect copies the next connections of the ranking. A connection that took a place
// after it was ranked is returned as well, if the query selects it.
func (s *Search) collect(src sampler.Reader) {
	t, b := s.tracker, &s.batch
	b.places, b.keys, b.found, b.targets = b.places[:0], b.keys[:0], b.found[:0], b.targets[:0]

	next := s.ranking.Entries()[s.copied:]
	next = next[:min(len(next), copiedAtOnce)]
	s.copied += len(next)

	for n := range next {
		i := next[n].Index

		c := s.selected(i)
		if c == nil {
			s.answer.Total--

			continue
		}

		b.places, b.keys = append(b.places, i), append(b.keys, c.key())
		b.found = append(b.found, t.look(i, c, &s.subject))

		if c.endedAt == 0 {
			b.targets = append(b.targets, c.target())
		}
	}

	if src != nil && !s.blind && len(b.targets) > 0 {
		// What fails here also fails in the next sample, and is reported there.
		s.blind = b.read(src) != nil
	}

	for n, f := range b.found {
		c := t.slab.conn(b.places[n])
		r := t.windowOf(b.places[n], c)
		f.Trend = judge.NewTrend(&r, &c.judged, &f.Row)
		t.foresee(c, &f.Connection, r.Newest().At)

		if s.query.Cookie != 0 {
			f.Window = t.window(&r)
		}
	}

	s.answer.Found = append(s.answer.Found, b.found...)
	s.answer.SampledAt, s.answer.Kernel = t.lastAt, t.kernel
}

// read updates the sockets. Those that are gone stay as they are: the next sample ends
// their connections.
func (b *batch) read(src sampler.Reader) error {
	return src.Read(b.targets, func(at time.Time, rows []sampler.Socket) {
		for i := range rows {
			b.take(at, &rows[i])
		}
	})
}

func (b *batch) take(at time.Time, row *sampler.Socket) {
	if !row.Has(sampler.HasInfo) {
		return // in TIME_WAIT now: nothing new
	}

	for n, f := range b.found {
		if b.keys[n] == row.Key() {
			f.Row, f.RowAt = *row, at
		}
	}
}
