package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
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
