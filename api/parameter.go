package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
)

const (
	defaultLimit = 1000
	// maxLimit limits the memory for an answer to about ten megabytes.
	maxLimit = 10_000
)

// parameters returns the parameters of a request. Unknown and repeated parameters are
// errors.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("query string: %w", err)
	}

	for name, values := range given {
		switch {
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("unknown parameter %q, expected %s", name, listed(known))
		case len(values) > 1:
			return nil, fmt.Errorf("parameter %q is given %d times", name, len(values))
		}
	}

	return given, nil
}

func listed(names []string) string {
	if len(names) == 1 {
		return names[0]
	}

	return "some of " + strings.Join(names, ", ")
}

// request is what a client wants: the answer to a query, and the process of the socket.
type request struct {
	health.Query

	process bool
}

// parseSelection reads the parameters of a list.
func (a *API) parseSelection(r *http.Request) (q request, err error) {
	given, err := parameters(r, "filter", "min_status", "include", "limit")
	if err != nil {
		return q, err
	}

	if q.Limit, err = parseLimit(given); err != nil {
		return q, err
	}

	if q.MinStatus, err = parseMinStatus(given); err != nil {
		return q, err
	}

	if given.Has("include") {
		if include := given.Get("include"); include != "ended" {
			return q, fmt.Errorf("include: expected ended, found %q", include)
		}

		q.Ended = true
	}

	if given.Has("filter") {
		q.Match, err = a.cfg.ParseFilter(given.Get("filter"))
	}

	return q, err
}

func parseLimit(given url.Values) (int, error) {
	if !given.Has("limit") {
		return defaultLimit, nil
	}

	limit, err := strconv.Atoi(given.Get("limit"))
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, fmt.Errorf("limit: expected 1 to %d, found %q", maxLimit, given.Get("limit"))
	}

	return limit, nil
}

func parseMinStatus(given url.Values) (judge.Status, error) {
	if !given.Has("min_status") {
		return judge.Healthy, nil
	}

	var names []string

	for s := range judge.Status(judge.NumStatuses) {
		if s.String() == given.Get("min_status") {
			return s, nil
		}

		names = append(names, s.String())
	}

	return 0, fmt.Errorf("min_status: expected one of %s, found %q", strings.Join(names, ", "), given.Get("min_status"))
}

// parseSingle reads the cookie of the path, hexadecimal with 0x or decimal, and whether the
// process is wanted.
func parseSingle(r *http.Request) (q request, err error) {
	given, err := parameters(r, "process")
	if err != nil {
		return q, err
	}

	if given.Has("process") {
		if value := given.Get("process"); value != "1" {
			return q, fmt.Errorf("process: expected 1, found %q", value)
		}

		q.process = true
	}

	text, base := r.PathValue("cookie"), 10
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		text, base = digits, 16
	}

	cookie, err := strconv.ParseUint(text, base, 64)
	if err != nil || cookie == 0 {
		return q, fmt.Errorf("cookie: expected a number such as 0x1a2b, found %q", r.PathValue("cookie"))
	}

	q.Query = health.Query{Cookie: cookie, Ended: true, Limit: 1}

	return q, nil
}
