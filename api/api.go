package api

import (
	"context"
	"net/http"
	"time"

	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

// Config configures an [API].
type Config struct {
	// Tracker is searched on the goroutine that takes the questions.
	Tracker *health.Tracker
	// Questions carries questions to that goroutine.
	Questions chan<- loop.Question
	// ParseFilter returns what a filter selects. Its errors are returned to the client.
	ParseFilter func(text string) (match func(*sampler.Socket) bool, err error)
	// Timeout is the maximum wait for an answer, zero for five seconds.
	Timeout time.Duration
	// Owner returns the owner of the sockets of a cgroup, nil if it is unknown. A nil Owner
	// knows none.
	Owner func(cgroup uint64) *v1.Owner
	// UserID returns the user id of a socket, and reports whether it is known. If it is nil,
	// all are.
	UserID func(*sampler.Socket) (uid uint32, known bool)
	// Process returns the process that has a socket open, by the inode number of the socket
	// and the id of its cgroup, which are not zero. Its errors are returned to the client. A
	// nil Process knows none.
	Process func(inode uint32, cgroup uint64) (*v1.Process, error)
}

// Prefix is the beginning of all paths of the API.
const Prefix = "/api/"

const (
	connectionsPath = Prefix + "v1/connections"
	// maxOpen is the maximum number of requests in progress.
	maxOpen        = 4
	defaultTimeout = 5 * time.Second
)

// API answers requests below [Prefix]. It implements [http.Handler].
type API struct {
	cfg  Config
	mux  *http.ServeMux
	open chan struct{} // holds one value for each request in progress
}

// New returns an API. Its only state is the requests in progress.
func New(cfg Config) *API {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}

	a := &API{cfg: cfg, mux: http.NewServeMux(), open: make(chan struct{}, maxOpen)}
	a.mux.Handle(connectionsPath, a.handler(a.parseSelection))
	a.mux.Handle(connectionsPath+"/{cookie}", a.handler(parseSingle))
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeFailure(w, failed(http.StatusNotFound, "there is only %s and %s/{cookie}", connectionsPath, connectionsPath))
	})

	return a
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")

	a.mux.ServeHTTP(w, r)
}

// handler answers requests, which parse understands.
func (a *API) handler(parse func(*http.Request) (request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeFailure(w, failed(http.StatusMethodNotAllowed, "expected GET or HEAD, found %s", r.Method))

			return
		}

		wanted, err := parse(r)
		if err != nil {
			writeFailure(w, failed(http.StatusBadRequest, "%v", err))

			return
		}

		select {
		case a.open <- struct{}{}:
			defer func() { <-a.open }()
		default:
			writeFailure(w, failed(http.StatusServiceUnavailable, "%d requests are being worked on already", maxOpen))

			return
		}

		answer, failure := a.answer(r.Context(), wanted.Query)
		if failure != nil {
			writeFailure(w, failure)

			return
		}

		writeAnswer(w, answer, &a.cfg, wanted.process)
	})
}

// answer answers a query, or returns why it cannot.
func (a *API) answer(ctx context.Context, query health.Query) (*health.Answer, *failure) {
	answer, ok := a.ask(ctx, query)

	switch {
	case !ok:
		return nil, failed(http.StatusServiceUnavailable, "no time for an answer within %v", a.cfg.Timeout)
	case answer.SampledAt.IsZero():
		return nil, failed(http.StatusServiceUnavailable, "no sample yet")
	case query.Cookie != 0 && len(answer.Found) == 0:
		return nil, failed(http.StatusNotFound, "no connection has the cookie %#x", query.Cookie)
	default:
		return answer, nil
	}
}
