package web

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// handler returns what serves a configuration.
func handler(t *testing.T, cfg Config) http.Handler {
	t.Helper()

	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
	}
	cfg.TelemetryPath, cfg.APIPrefix = "/metrics", "/api/"
	cfg.Metrics, cfg.API = named("metrics"), named("api")

	h, err := NewHandler(cfg)
	if err != nil {
		t.Fatal(err)
	}

	return h
}

// routed returns the answer to a request of what a configuration serves.
func routed(t *testing.T, cfg Config, method, path string) *httptest.ResponseRecorder {
	t.Helper()

	w := httptest.NewRecorder()
	handler(t, cfg).ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))

	return w
}

// TestCrossOrigin: requests of browsers from other sites change nothing. Those of other
// programs, and of the same site, do.
func TestCrossOrigin(t *testing.T) {
	for _, tc := range []struct {
		method, path string
		header       map[string]string
		status       int
	}{
		{"POST", "/-/reload", nil, 200},
		{"PUT", "/-/reload", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"POST", "/-/reload", map[string]string{"Origin": "http://example.com"}, 200}, // the Host of the request
		{"POST", "/-/reload", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"PUT", "/-/reload", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"POST", "/-/reload", map[string]string{"Origin": "http://other.example"}, 403},
		{"POST", "/-/reload", map[string]string{"Origin": "null"}, 403},
		{"POST", "/api/v1/connections", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"DELETE", "/anything", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"GET", "/metrics", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://other.example"}, 200},
	} {
		reloads := 0
		h := handler(t, Config{Reload: func() error { reloads++; return nil }})

		r := httptest.NewRequest(tc.method, tc.path, http.NoBody)
		for name, value := range tc.header {
			r.Header.Set(name, value)
		}

		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)

		if want := tc.path == "/-/reload" && tc.status == 200; w.Code != tc.status || (reloads == 1) != want {
			t.Errorf("%s %s with %v: %d and %d reloads, expected %d", tc.method, tc.path, tc.header, w.Code, reloads, tc.status)
		}
	}
}

// TestAnyHost: there are no virtual hosts.
func TestAnyHost(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	r.Host = "other.example:1"

	w := httptest.NewRecorder()
	handler(t, Config{}).ServeHTTP(w, r)

	if w.Code != http.StatusOK || w.Body.String() != "metrics" {
		t.Errorf("%d, %q", w.Code, w.Body)
	}
}

// TestProfiles: profiles are served if they are enabled only. That net/http/pprof adds
// them to the default mux does not matter, since it is not served.
func TestProfiles(t *testing.T) {
	for path, contentType := range map[string]string{
		"/debug/pprof/":                   "text/html; charset=utf-8",
		"/debug/pprof/heap":               "application/octet-stream",
		"/debug/pprof/goroutine?debug=1":  "text/plain; charset=utf-8",
		"/debug/pprof/cmdline":            "text/plain; charset=utf-8",
		"/debug/pprof/symbol":             "text/plain; charset=utf-8",
		"/debug/pprof/trace?seconds=0.01": "application/octet-stream",
	} {
		if w := routed(t, Config{}, http.MethodGet, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, although disabled", path, w.Code)
		}

		w := routed(t, Config{Profiling: true}, http.MethodGet, path)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != contentType || w.Body.Len() == 0 {
			t.Errorf("%s: %d, %q, %d bytes", path, w.Code, got, w.Body.Len())
		}

		if w := routed(t, Config{Profiling: true}, http.MethodPost, path); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, w.Code)
		}

		_, pattern := http.DefaultServeMux.Handler(httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if !strings.Contains(pattern, "/debug/pprof/") {
			t.Errorf("%s: pattern %q in the default mux: does the import of net/http/pprof no longer matter?", path, pattern)
		}
	}
}

// TestNotDefaultMux: a running server serves its handler, with a web configuration and
// without, and not the default mux, which has profiles.
func TestNotDefaultMux(t *testing.T) {
	for _, file := range []string{"", filepath.Join(t.TempDir(), "web.yml")} {
		if file != "" {
			writeFile(t, file, "http_server_config: {headers: {X-Frame-Options: deny}}\n")
		}

		s := NewServer(handler(t, Config{}), &toolkit.FlagConfig{WebConfigFile: &file}, log.NewNopLogger(), slog.New(slog.DiscardHandler))

		response, err := http.Get("http://" + listen(t, s, "tcp4", "127.0.0.1:0") + "/debug/pprof/")
		if err != nil {
			t.Fatal(err)
		}

		_ = response.Body.Close()

		if response.StatusCode != http.StatusNotFound {
			t.Errorf("web configuration %q: %s", file, response.Status)
		}
	}
}

// TestLongProfile: a profile may take longer than the timeouts of the server.
func TestLongProfile(t *testing.T) {
	s := NewServer(handler(t, Config{Profiling: true}), &toolkit.FlagConfig{WebConfigFile: new(string)}, log.NewNopLogger(), slog.New(slog.DiscardHandler))
	s.server.ReadTimeout, s.server.WriteTimeout = 300*time.Millisecond, 400*time.Millisecond

	began := time.Now()

	response, err := http.Get("http://" + listen(t, s, "tcp4", "127.0.0.1:0") + "/debug/pprof/profile?seconds=1")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	body, err := io.ReadAll(response.Body)
	if took := time.Since(began); err != nil || len(body) == 0 || took < time.Second {
		t.Errorf("%d bytes after %v: %v", len(body), took, err)
	}
}

// TestReservedPath: what the server serves itself cannot be the telemetry path.
func TestReservedPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/metrics": false, "/documents": false, "/debug": false, "/-": true, "/-/x": true,
		"/docs": true, "/docs/health": true, "/runbooks": true, "/debug/pprof": true, "/debug/pprof/heap": true,
	} {
		if got := ReservedPath(path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}

func TestRoutes(t *testing.T) {
	yes, no := func() bool { return true }, func() bool { return false }
	cfg := Config{Healthy: yes, Ready: no}

	for _, tc := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/metrics", 200, "metrics"},
		{"GET", "/api/v1/connections", 200, "api"},
		{"POST", "/api/v1/connections", 200, "api"}, // answers for itself
		{"GET", "/-/healthy", 200, "Healthy.\n"},
		{"GET", "/-/ready", 503, "No sample yet.\n"},
		{"POST", "/-/reload", 403, "Lifecycle API is not enabled: start with --web.enable-lifecycle.\n"},
		{"GET", "/-/reload", 405, "Method Not Allowed\n"},
		{"GET", "/nothing", 404, "404 page not found\n"},
	} {
		w := routed(t, cfg, tc.method, tc.path)
		if w.Code != tc.status || w.Body.String() != tc.body {
			t.Errorf("%s %s: %d, %q", tc.method, tc.path, w.Code, w.Body)
		}
	}

	for err, want := range map[error]int{nil: 200, errors.New("line 3: no such profile"): 500} {
		cfg.Reload = func() error { return err }
		if w := routed(t, cfg, "PUT", "/-/reload"); w.Code != want {
			t.Errorf("reload fails with %v: %d, %q", err, w.Code, w.Body)
		}
	}
}
