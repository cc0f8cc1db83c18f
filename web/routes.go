package web

import (
	"io"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"

	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"tcphealth_exporter/docs/runbooks"
)

// Config is what the routes serve.
type Config struct {
	// TelemetryPath is the path of Metrics.
	TelemetryPath string
	Metrics       http.Handler
	// API answers requests below APIPrefix.
	API       http.Handler
	APIPrefix string
	// Healthy reports whether samples keep coming, Ready whether there is one.
	Healthy, Ready func() bool
	// Reload reloads the configuration file, nil if requests must not do so. Its
	// errors have one line.
	Reload func() error
	// Profiling enables the profiles of the Go runtime below /debug/pprof/.
	Profiling bool
}

// ReservedPath reports whether the server itself serves p, so that it cannot be the
// telemetry path.
func ReservedPath(p string) bool {
	for _, prefix := range []string{"/-/", "/debug/pprof/", "/docs/", "/runbooks/"} {
		if strings.HasPrefix(p+"/", prefix) {
			return true
		}
	}

	return false
}

// NewHandler routes the requests. It rejects cross-origin requests of browsers with
// methods that may change something.
func NewHandler(cfg Config) (http.Handler, error) {
	landing, err := newLandingPage(&cfg)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("GET "+cfg.TelemetryPath, cfg.Metrics)
	mux.Handle("GET /{$}", landing)
	mux.Handle(cfg.APIPrefix, cfg.API)

	pages := runbooks.NewPages()
	mux.Handle("GET /runbooks", http.RedirectHandler("/runbooks/", http.StatusMovedPermanently))
	mux.Handle("GET /runbooks/{$}", pages.Index())
	mux.Handle("GET /runbooks/{alert}", pages.Runbook("alert"))
	mux.Handle("GET /docs/{page}", pages.Documentation("page"))

	mux.Handle("GET /-/healthy", probe(cfg.Healthy, "Healthy", "No sample for three intervals"))
	mux.Handle("GET /-/ready", probe(cfg.Ready, "Ready", "No sample yet"))

	reload := reloadHandler(cfg.Reload)
	mux.Handle("POST /-/reload", reload)
	mux.Handle("PUT /-/reload", reload)

	if cfg.Profiling {
		addProfiles(mux)
	}

	return http.NewCrossOriginProtection().Handler(mux), nil
}

// addProfiles serves the profiles of the Go runtime. The import of net/http/pprof also
// adds them to [http.DefaultServeMux], which is not served.
func addProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// probe answers 200 if ok returns true, else 503.
func probe(ok func() bool, yes, no string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")

		answer := yes
		if !ok() {
			answer = no

			w.WriteHeader(http.StatusServiceUnavailable)
		}

		_, _ = io.WriteString(w, answer+".\n")
	})
}

// reloadHandler answers requests to reload.
func reloadHandler(reload func() error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if reload == nil {
			http.Error(w, "Lifecycle API is not enabled: start with --web.enable-lifecycle.", http.StatusForbidden)

			return
		}

		if err := reload(); err != nil {
			http.Error(w, "Configuration not loaded: "+err.Error(), http.StatusInternalServerError)

			return
		}

		_, _ = io.WriteString(w, "Configuration loaded.\n")
	})
}

func newLandingPage(cfg *Config) (http.Handler, error) {
	return toolkit.NewLandingPage(toolkit.LandingConfig{
		Name:        "TCP Health Exporter",
		Description: "Health of every TCP connection of this host",
		Version:     version.Info(),
		Profiling:   strconv.FormatBool(cfg.Profiling),
		Links: []toolkit.LandingLinks{
			{Address: strings.TrimPrefix(cfg.TelemetryPath, "/"), Text: "Metrics"},
			{Address: strings.TrimPrefix(cfg.APIPrefix, "/") + "v1/connections", Text: "Connections", Description: "and their verdicts, the worst first"},
			{Address: "runbooks/", Text: "Runbooks", Description: "what to do about an alert"},
			{Address: "-/healthy", Text: "Healthy", Description: "samples keep coming"},
			{Address: "-/ready", Text: "Ready", Description: "the first sample was taken"},
		},
	})
}
