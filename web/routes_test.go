package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// routed returns the answer to a request of what a configuration serves.
func routed(t *testing.T, cfg Config, method, path string) *httptest.ResponseRecorder {
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

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))

	return w
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
