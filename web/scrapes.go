package web

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

const (
	// stallTimeout is the maximum time to send a chunk of an answer.
	stallTimeout = 10 * time.Second
	// maxWait is the maximum time that a scrape waits for its answer to be rendered.
	maxWait = 10 * time.Second
	// timeoutHeader is the scrape timeout of Prometheus, in seconds.
	timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"
)

// Reasons why an answer was not sent completely.
const (
	abortedByClient = "client"
	abortedMemory   = "memory"
	abortedSlow     = "slow"
	abortedStalled  = "stalled"
)

// AbortReasons returns all reasons that a [Meter] gets.
func AbortReasons() []string {
	return []string{abortedByClient, abortedMemory, abortedSlow, abortedStalled}
}

// scrapes is the handler of scrapes.
type scrapes struct {
	// nothing renders no metrics, to find out the encoding that a request wants.
	nothing  http.Handler
	renderer *renderer
	meter    Meter
	logger   log.Logger
	stall    time.Duration
	maxWait  time.Duration
}

// ServeHTTP implements http.Handler.
func (s *scrapes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.renderer.join(s.reduce(r))
	defer s.renderer.leave(a)

	timer := time.NewTimer(s.timeout(r))
	defer timer.Stop()

	select {
	case <-a.done:
		s.send(w, r, a)
	case <-timer.C:
		http.Error(w, "Limit of concurrent requests reached, try again later.", http.StatusServiceUnavailable)
	case <-r.Context().Done():
		w.WriteHeader(http.StatusServiceUnavailable) // for the counter: no one reads it
	}
}

// timeout returns how long the client waits for the answer.
func (s *scrapes) timeout(r *http.Request) time.Duration {
	seconds, err := strconv.ParseFloat(r.Header.Get(timeoutHeader), 64)
	if err != nil || !(seconds > 0 && seconds < s.maxWait.Seconds()) { // NaN, too
		return s.maxWait
	}

	return time.Duration(seconds * float64(time.Second))
}

// reduce returns what of a request its answer depends on. Requests with the same key
// get the same answer.
func (s *scrapes) reduce(r *http.Request) (key string, reduced *http.Request) {
	names := slices.Clone(r.URL.Query()["name[]"])
	slices.Sort(names)
	names = slices.Compact(names)

	reduced = &http.Request{
		Method: http.MethodGet,
		URL:    &url.URL{RawQuery: url.Values{"name[]": names}.Encode()},
		Header: http.Header{"Accept": r.Header["Accept"], "Accept-Encoding": r.Header["Accept-Encoding"]},
	}
	negotiated := headerWriter{}
	s.nothing.ServeHTTP(negotiated, reduced)

	key = strings.Join([]string{
		http.Header(negotiated).Get("Content-Type"), http.Header(negotiated).Get("Content-Encoding"), reduced.URL.RawQuery,
	}, "\n")

	return key, reduced
}

// headerWriter keeps the header of an answer only.
type headerWriter http.Header

// Header implements http.ResponseWriter.
func (h headerWriter) Header() http.Header { return http.Header(h) }

// WriteHeader implements http.ResponseWriter.
func (headerWriter) WriteHeader(int) {}

// Write implements http.ResponseWriter.
func (headerWriter) Write(p []byte) (int, error) { return len(p), nil }

// send sends a rendered answer.
func (s *scrapes) send(w http.ResponseWriter, r *http.Request, a *answer) {
	conn := connOf(r)
	if !s.renderer.send(a, conn) {
		s.meter.Aborted(abortedMemory)
		http.Error(w, "No memory left for the answer, try again later.", http.StatusServiceUnavailable)

		return
	}

	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(a.size))
	w.WriteHeader(cmp.Or(a.status, http.StatusOK)) // an empty answer has none

	reason, err := "", error(nil)
	if r.Method != http.MethodHead {
		reason, err = s.write(w, r, a)
	}

	if s.renderer.sent(a, conn, err) && err != nil {
		reason = abortedMemory
	}

	if err != nil {
		s.meter.Aborted(reason)
		_ = level.Debug(s.logger).Log("msg", "answer to a scrape aborted", "client", r.RemoteAddr, "reason", reason, "err", err)
	}
}

// write writes the body of an answer. If that fails, it returns the likely reason and
// the error.
func (s *scrapes) write(w http.ResponseWriter, r *http.Request, a *answer) (reason string, err error) {
	dog := newWatchdog(w, r)
	defer dog.stop()

	now := time.Now()
	end := now.Add(writeTimeout)

	for i := range a.chunks {
		deadline, late := now.Add(s.stall), abortedStalled
		if end.Before(deadline) {
			deadline, late = end, abortedSlow
		}

		dog.set(deadline)

		_, err := w.Write(a.part(i))
		now = time.Now()

		switch {
		case err == nil:
			s.renderer.progress(a, now)
		case now.Before(deadline):
			return abortedByClient, err
		default:
			return late, err
		}
	}

	return "", nil
}
