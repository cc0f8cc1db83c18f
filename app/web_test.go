package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
	"tcphealth_exporter/logging"
	"tcphealth_exporter/web"
)

// wired returns an exporter that neither samples nor listens.
func wired(t *testing.T, args ...string) *exporter {
	t.Helper()

	opts, err := parseOptions(args, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}

	e := &exporter{opts: opts, logger: log.NewNopLogger(), metrics: collector.NewSamplerMetrics(opts.interval)}
	e.answers = collector.NewWebMetrics(web.AbortReasons())
	e.stats = newNetStats(procPath, e.logger)
	e.latest.interval = opts.interval
	e.latest.started = time.Now()
	e.lines = logging.NewQueue(io.Discard)
	e.reloader = newReloader(opts, newSupervisor(&e.latest, e.logger), e.logger)
	t.Cleanup(e.reloader.stop)

	return e
}

// ask makes a request to a handler.
func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))

	return w
}

func TestProbes(t *testing.T) {
	e := wired(t, "--sampler.interval=1s")

	h, err := e.handler()
	if err != nil {
		t.Fatal(err)
	}

	check := func(when string, ready, healthy int) {
		t.Helper()

		if got := ask(h, http.MethodGet, "/-/ready").Code; got != ready {
			t.Errorf("%s: ready %d, expected %d", when, got, ready)
		}

		if got := ask(h, http.MethodGet, "/-/healthy").Code; got != healthy {
			t.Errorf("%s: healthy %d, expected %d", when, got, healthy)
		}
	}

	check("at start", 503, 200)

	// The start is moved into the past, so that the test need not wait.
	e.latest.started = time.Now().Add(-2900 * time.Millisecond)

	check("just before three intervals without a sample", 503, 200)

	e.latest.started = time.Now().Add(-3100 * time.Millisecond)

	check("after three intervals without a sample", 503, 503)
	e.latest.set(&health.Snapshot{At: time.Now()})
	check("after a sample", 200, 200)

	e.latest.started = e.latest.started.Add(-3100 * time.Millisecond)

	check("after three more intervals", 200, 503)

	// Samples of other namespaces alone do not count.
	e.latest.set(e.latest.snapshot.Load())
	check("after a snapshot without another sample", 200, 503)

	if body := ask(h, http.MethodGet, "/-/healthy").Body.String(); body != "No sample for three intervals.\n" {
		t.Errorf("body %q", body)
	}
}

// TestShortIntervals: short delays are tolerated.
func TestShortIntervals(t *testing.T) {
	l := latest{interval: 10 * time.Millisecond, started: time.Now().Add(-900 * time.Millisecond)}
	if !l.healthy() {
		t.Error("unhealthy after 0.9 s")
	}

	l.started = time.Now().Add(-1100 * time.Millisecond)
	if l.healthy() {
		t.Error("healthy after 1.1 s")
	}
}

// TestReplayProbes: a replay is ready at its end, and always healthy.
func TestReplayProbes(t *testing.T) {
	l := latest{interval: time.Second, started: time.Now().Add(-time.Hour), replaying: true}
	l.set(&health.Snapshot{})

	if l.ready() {
		t.Error("ready before the end")
	}

	l.finish()
	l.started = l.started.Add(-time.Hour)

	if !l.ready() || !l.healthy() {
		t.Error("not ready or not healthy at the end")
	}
}

func TestEndpoints(t *testing.T) {
	p := start(t)
	p.awaitReady(t)

	landing := p.get(t, "/")
	links := regexp.MustCompile(`<a href="([^"]*)"`).FindAllStringSubmatch(landing, -1)

	var targets []string

	for _, link := range links {
		targets = append(targets, link[1])

		if status := p.status(link[1]); status != 200 {
			t.Errorf("the landing page links to %s: %d", link[1], status)
		}
	}

	if want := []string{"/metrics", "/api/v1/connections", "/runbooks/", "/-/healthy", "/-/ready"}; !slices.Equal(targets, want) {
		t.Errorf("links %v, expected %v", targets, want)
	}

	for _, test := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/nonsense", 404},
		{"GET", "/runbooks/TCPHealthHalfOpen", 200},
		{"GET", "/runbooks/TCPHealthStale.md", 200},
		{"GET", "/runbooks/", 200},
		{"GET", "/runbooks", 200},
		{"GET", "/runbooks/nothing", 404},
		{"GET", "/docs/configuration", 200},
		{"GET", "/docs/nothing", 404},
		{"POST", "/runbooks/", 405},
		{"GET", "/runbooks/..%2fweb.go", 404},
		{"GET", "/metrics/", 404},
		{"GET", "/-/", 404},
		{"GET", "/debug/pprof/", 404},
		{"GET", "/debug/pprof/heap", 404},
		{"POST", "/", 405},
		{"POST", "/metrics", 405},
		{"DELETE", "/metrics", 405},
		{"POST", "/-/healthy", 405},
		{"PUT", "/-/ready", 405},
		{"POST", "/-/reload", 403},
		{"PUT", "/-/reload", 403},
		{"POST", "/api/v1/connections", 405},
		{"GET", "/api/v1/connections?limit=0", 400},
		{"GET", "/api/v1/connections/1", 404},
		{"GET", "/api/v2", 404},
		{"HEAD", "/api/v1/connections", 200},
		{"HEAD", "/", 200},
		{"HEAD", "/metrics", 200},
		{"HEAD", "/-/ready", 200},
		{"HEAD", "/-/healthy", 200},
	} {
		response, body := p.do(t, test.method, test.path, nil)
		if response.StatusCode != test.status {
			t.Errorf("%s %s: %s, expected %d", test.method, test.path, response.Status, test.status)
		}

		if allow := response.Header.Get("Allow"); test.status == 405 && allow != "GET, HEAD" {
			t.Errorf("%s %s: allows %q", test.method, test.path, allow)
		}

		if test.method == "HEAD" && body != "" {
			t.Errorf("HEAD %s: body %q", test.path, body)
		}
	}
}

// TestPprof: the flag enables profiles, and links to them.
func TestPprof(t *testing.T) {
	p := start(t, "--web.enable-pprof")

	for path, want := range map[string]string{"/debug/pprof/": "full goroutine stack dump", "/debug/pprof/goroutine?debug=1": "goroutine profile: ", "/": "debug/pprof/heap"} {
		if body := p.get(t, path); !strings.Contains(body, want) {
			t.Errorf("%s: no %q in\n%s", path, want, body)
		}
	}
}

// TestCrossSiteReload: a page of another site cannot make a browser reload the
// configuration.
func TestCrossSiteReload(t *testing.T) {
	p := start(t, "--web.enable-lifecycle")

	for site, want := range map[string]int{"cross-site": http.StatusForbidden, "same-origin": http.StatusInternalServerError} { // nothing to reload
		if response, body := p.do(t, http.MethodPost, "/-/reload", http.Header{"Sec-Fetch-Site": {site}}); response.StatusCode != want {
			t.Errorf("%s: %s, %s", site, response.Status, body)
		}
	}
}

func TestFormats(t *testing.T) {
	p := start(t)
	p.awaitReady(t)

	for _, test := range []struct{ accept, contentType, contains string }{
		{"", "text/plain; version=0.0.4; charset=utf-8", "\n# TYPE tcphealth_flag_events_total counter\n"},
		{"application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8", "\n# EOF\n"},
		{string(expfmt.NewFormat(expfmt.TypeProtoDelim)), "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", "tcphealth_connections"},
	} {
		response, body := p.do(t, http.MethodGet, "/metrics", http.Header{"Accept": {test.accept}})
		if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, test.contentType) {
			t.Errorf("%q: content type %q, expected %q", test.accept, got, test.contentType)
		}

		if !strings.Contains(body, test.contains) {
			t.Errorf("%q: no %q", test.accept, test.contains)
		}
	}

	response, body := p.do(t, http.MethodGet, "/metrics", http.Header{"Accept-Encoding": {"gzip"}})
	if response.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(body, "\x1f\x8b") {
		t.Error("the answer is not compressed")
	}

	response, body = p.do(t, http.MethodGet, "/metrics", http.Header{"Accept-Encoding": {"zstd"}})
	if response.Header.Get("Content-Encoding") != "" || !strings.Contains(body, "\ntcphealth_connections{") {
		t.Error("the answer to a request for an unknown compression is not plain")
	}
}

func TestOwnMetrics(t *testing.T) {
	own := []string{"\ngo_goroutines ", "\nprocess_open_fds ", "\npromhttp_metric_handler_requests_total"}
	always := []string{"\ntcphealth_exporter_build_info{", "\ntcphealth_sampler_errors_total{", "\ntcphealth_connections{"}

	p := start(t)
	p.awaitReady(t)

	hidden := start(t, "--web.disable-exporter-metrics", "--web.telemetry-path=/other/path")
	hidden.awaitReady(t)

	shown, rest := "\n"+p.get(t, "/metrics"), "\n"+hidden.get(t, "/other/path")

	for _, name := range own {
		if !strings.Contains(shown, name) || strings.Contains(rest, name) {
			t.Errorf("%q: shown %t, although hidden %t", name, strings.Contains(shown, name), strings.Contains(rest, name))
		}
	}

	for _, name := range always {
		if !strings.Contains(shown, name) || !strings.Contains(rest, name) {
			t.Errorf("%q: shown %t, with own metrics hidden %t", name, strings.Contains(shown, name), strings.Contains(rest, name))
		}
	}

	if status := hidden.status("/metrics"); status != 404 {
		t.Errorf("/metrics beside another telemetry path: %d", status)
	}

	if landing := hidden.get(t, "/"); !strings.Contains(landing, `href="/other/path"`) {
		t.Error("the landing page does not link to the telemetry path")
	}
}

// TestBeforeTheFirstSample: metrics of the host are absent, those of the sampler are not.
func TestBeforeTheFirstSample(t *testing.T) {
	body := ask(metricsHandler(t), http.MethodGet, "/metrics").Body.String()
	if strings.Contains(body, "tcphealth_connections{") || !strings.Contains(body, `tcphealth_sampler_errors_total{reason="forbidden"} 0`) {
		t.Errorf("exposed before the first sample:\n%s", body)
	}
}

// stuckWriter is a client that accepts the first bytes when it is released.
type stuckWriter struct {
	httptest.ResponseRecorder

	reached, release chan struct{}
}

func (w *stuckWriter) Write(b []byte) (int, error) {
	select {
	case <-w.reached:
	default:
		close(w.reached)
	}

	<-w.release

	return w.ResponseRecorder.Write(b)
}

// metricsHandler returns the handler of scrapes of an exporter that neither samples nor
// listens.
func metricsHandler(t *testing.T, args ...string) http.Handler {
	t.Helper()

	h, err := wired(t, args...).handler()
	if err != nil {
		t.Fatal(err)
	}

	return h
}

// heldGatherer reports that it has been reached, then waits until it is released.
type heldGatherer struct {
	prometheus.TransactionalGatherer

	reached, release chan struct{}
}

func (g heldGatherer) Gather() ([]*dto.MetricFamily, func(), error) {
	g.reached <- struct{}{}
	<-g.release

	return g.TransactionalGatherer.Gather()
}

// TestMaxRequests: a scrape holds a slot while it is gathered. Another one waits for as
// long as its client does.
func TestMaxRequests(t *testing.T) {
	for limit, want := range map[string]int{"1": 503, "2": 200, "0": 200} {
		e := wired(t, "--web.max-requests="+limit)
		registry, gatherer := e.gatherer()
		held := heldGatherer{gatherer, make(chan struct{}), make(chan struct{})}

		h, err := e.handlerOf(registry, held)
		if err != nil {
			t.Fatal(err)
		}

		// Scrapes of the same metrics would share one slot.
		scrape := func(name, timeout string) <-chan int {
			r := httptest.NewRequest(http.MethodGet, "/metrics?name[]="+name, http.NoBody)
			r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", timeout)

			code := make(chan int, 1)

			go func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				code <- w.Code
			}()

			return code
		}

		running := scrape("a", "10")
		<-held.reached

		beside := scrape("b", map[int]string{503: "0.05", 200: "10"}[want])
		if want == http.StatusOK {
			<-held.reached // while the first one runs
			held.release <- struct{}{}
			held.release <- struct{}{}
		}

		if got := <-beside; got != want {
			t.Errorf("--web.max-requests=%s: %d beside a running scrape, expected %d", limit, got, want)
		}

		if want != http.StatusOK {
			held.release <- struct{}{}
		}

		if got := <-running; got != http.StatusOK {
			t.Errorf("--web.max-requests=%s: running scrape %d", limit, got)
		}

		after := scrape("c", "10")
		<-held.reached
		held.release <- struct{}{}

		if got := <-after; got != http.StatusOK {
			t.Errorf("--web.max-requests=%s: %d after that scrape", limit, got)
		}
	}
}

// TestUnreadAnswer: a client that does not read its answer holds no slot.
func TestUnreadAnswer(t *testing.T) {
	h := metricsHandler(t, "--web.max-requests=1")
	stuck := &stuckWriter{*httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	done := make(chan struct{})

	go func() {
		h.ServeHTTP(stuck, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		close(done)
	}()

	<-stuck.reached

	if got := ask(h, http.MethodGet, "/metrics").Code; got != http.StatusOK {
		t.Errorf("%d beside an answer that is not read", got)
	}

	close(stuck.release)
	<-done
}

// TestServerLimits: large requests are rejected, and the server keeps working.
func TestServerLimits(t *testing.T) {
	p := start(t)

	response, _ := p.do(t, http.MethodGet, "/metrics", http.Header{"X-Large": {strings.Repeat("x", 64<<10)}})
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 64 KiB: %s", response.Status)
	}

	if status := p.status("/-/healthy"); status != 200 {
		t.Errorf("after that: %d", status)
	}
}

// slowHeader is the server's timeout for a header.
const slowHeader = 5 * time.Second

// TestSlowHeader waits until the server closes the connection of a slow client.
func TestSlowHeader(t *testing.T) {
	t.Parallel()

	p := start(t)

	c, err := net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	began := time.Now()

	if _, err := c.Write([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n")); err != nil {
		t.Fatal(err)
	}

	if err := c.SetReadDeadline(began.Add(2 * slowHeader)); err != nil {
		t.Fatal(err)
	}

	_, err = c.Read(make([]byte, 1024))
	if took := time.Since(began); err == nil || took < slowHeader/2 || took > slowHeader*3/2 {
		t.Errorf("the server closed the connection after %v with %v", took, err)
	}
}

// testPassword is the password of testPasswordHash (bcrypt).
const (
	testPassword     = "s3cret"
	testPasswordHash = "$2a$04$AdAUCplPGFMlirgnkdUDeewIuqMYeqCDYye5yCEve1Q/1RX2KgNKa"
)

func TestTLSAndBasicAuth(t *testing.T) {
	dir := t.TempDir()
	roots := writeCertificate(t, dir)
	config := filepath.Join(dir, "web.yml")
	writeFile(t, config, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users: {alice: "+testPasswordHash+"}\n")

	p := start(t, "--web.config.file="+config)
	plain := p.status("/metrics")

	p.base = strings.Replace(p.base, "http:", "https:", 1)
	p.client = &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}

	if plain != http.StatusBadRequest {
		t.Errorf("plain HTTP to a TLS server: %d", plain)
	}

	for _, path := range []string{"/metrics", "/", "/-/healthy", "/-/ready"} {
		if got := p.status(path); got != http.StatusUnauthorized {
			t.Errorf("%s without a password: %d", path, got)
		}
	}

	withPassword := func(password string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"/metrics", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}

		request.SetBasicAuth("alice", password)

		response, err := p.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}

		_ = response.Body.Close()

		return response.StatusCode
	}

	if got := withPassword(testPassword); got != 200 {
		t.Errorf("with the password: %d", got)
	}

	if got := withPassword("wrong"); got != http.StatusUnauthorized {
		t.Errorf("with another password: %d", got)
	}
}

// writeCertificate makes cert.pem and key.pem for 127.0.0.1.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}

	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}

	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}

	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	writeFile(t, filepath.Join(dir, "cert.pem"), string(cert))
	writeFile(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)

	return roots
}
