package api

import (
	"context"
	"time"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// reserve is the time that a step leaves unused. It exceeds the duration of the work
// between two checks of the time.
const reserve = 200 * time.Microsecond

// question is a search for a request. It implements [loop.Question].
type question struct {
	asker    context.Context
	search   *health.Search
	answered chan struct{} // closed when the search is done
}

// Answer implements [loop.Question]. A question whose client disconnected is done.
func (q *question) Answer(src sampler.Reader, until time.Time) (done bool) {
	if q.asker.Err() != nil {
		return true
	}

	done = q.search.Step(src, func() bool { return time.Until(until) > reserve && q.asker.Err() == nil })
	if done {
		close(q.answered)
	}

	return done
}

// ask answers a query, and reports whether it was in time.
func (a *API) ask(ctx context.Context, query health.Query) (answer *health.Answer, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()

	q := &question{asker: ctx, search: a.cfg.Tracker.Search(query), answered: make(chan struct{})}

	select {
	case a.cfg.Questions <- q:
	case <-ctx.Done():
		return nil, false
	}

	select {
	case <-q.answered:
		return q.search.Answer(), true
	case <-ctx.Done():
		return nil, false
	}
}
