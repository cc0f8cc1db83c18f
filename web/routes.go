package web

import (
	"io"
	"net/http"
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
}

// NewHandler routes the requests. It rejects cross-origin requests of browsers with
// methods that may change something.
func NewHandler(cfg Config) (http.Handler, error) {
	landing, err := newLandingPage(cfg.TelemetryPath, cfg.APIPrefix)
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

	return http.NewCrossOriginProtection().Handler(mux), nil
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

func newLandingPage(telemetryPath, apiPrefix string) (http.Handler, error) {
	return toolkit.NewLandingPage(toolkit.LandingConfig{
		Name:        "TCP Health Exporter",
		Description: "Health of every TCP connection of this host",
		Version:     version.Info(),
		Profiling:   "false",
		Links: []toolkit.LandingLinks{
			{Address: strings.TrimPrefix(telemetryPath, "/"), Text: "Metrics"},
			{Address: strings.TrimPrefix(apiPrefix, "/") + "v1/connections", Text: "Connections", Description: "and their verdicts, the worst first"},
			{Address: "runbooks/", Text: "Runbooks", Description: "what to do about an alert"},
			{Address: "-/healthy", Text: "Healthy", Description: "samples keep coming"},
			{Address: "-/ready", Text: "Ready", Description: "the first sample was taken"},
		},
	})
}
