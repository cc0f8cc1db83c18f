package web

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	dto "github.com/prometheus/client_model/go"
	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// patience is the maximum wait for what takes milliseconds.
const patience = 20 * time.Second

// host gathers a constant answer, and the number of the gathering.
type host struct {
	families []*dto.MetricFamily
	gathered atomic.Int64
	// block, if not nil, is called while gathering.
	block func()
}

// newHost returns a host whose answer in text has about so many bytes.
func newHost(size int) *host {
	const perFamily, bytesPerSeries = 250, 100

	h := &host{}

	for f := range max(1, size/perFamily/bytesPerSeries) {
		family := &dto.MetricFamily{
			Name: new(fmt.Sprintf("host_family_%04d", f)), Help: new("A family."), Type: dto.MetricType_GAUGE.Enum(),
		}
		for s := range perFamily {
			family.Metric = append(family.Metric, &dto.Metric{
				Label: []*dto.LabelPair{
					{Name: new("local_address"), Value: new("192.0.2.1:43512")},
					{Name: new("remote_address"), Value: new(fmt.Sprintf("198.51.100.7:%05d", s))},
				},
				Gauge: &dto.Gauge{Value: new(float64(f*perFamily + s))},
			})
		}

		h.families = append(h.families, family)
	}

	return h
}

// Gather implements prometheus.TransactionalGatherer.
func (h *host) Gather() ([]*dto.MetricFamily, func(), error) {
	number := h.gathered.Add(1)
	if h.block != nil {
		h.block()
	}

	all := append(slices.Clip(h.families), &dto.MetricFamily{
		Name: new("zz_gathered"), Type: dto.MetricType_GAUGE.Enum(),
		Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(float64(number))}}},
	})

	return all, func() {}, nil
}

// query returns a query that selects all families and one more, so that the answer is
// not shared with others.
func (h *host) query(more string) string {
	names := url.Values{"name[]": {more, "zz_gathered"}}
	for _, f := range h.families {
		names.Add("name[]", f.GetName())
	}

	return "?" + names.Encode()
}

var gatheredPattern = regexp.MustCompile(`(?m)^zz_gathered (.*)\n`)

// split separates the number of the gathering from an answer in text.
func split(t *testing.T, body string) (number int, rest string) {
	t.Helper()

	found := gatheredPattern.FindStringSubmatch(body)
	if found == nil {
		t.Errorf("an answer of %d bytes without a number", len(body))

		return 0, body
	}

	value, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Error(err)
	}

	return int(value), strings.Replace(body, found[0], "", 1)
}

// testMeter keeps the current and the maximum memory, and counts reasons.
type testMeter struct {
	mu          sync.Mutex
	memory, max int
	aborted     map[string]int
}

func (m *testMeter) Memory(bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()

	m.memory, m.max = bytes, max(m.max, bytes)
}

func (m *testMeter) Aborted(reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()

	if m.aborted == nil {
		m.aborted = make(map[string]int)
	}

	m.aborted[reason]++
}

func (m *testMeter) read() (memory, maximum int, aborted string) {
	m.mu.Lock()
	defer m.mu.Unlock()

	return m.memory, m.max, fmt.Sprint(m.aborted)
}

func (m *testMeter) count(reason string) int {
	m.mu.Lock()
	defer m.mu.Unlock()

	return m.aborted[reason]
}

// await waits until a condition is met.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()

	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s after %v", what, patience)
		}
	}
}

// site is a running server, and what its clients need.
type site struct {
	server  *Server
	handler *scrapes
	meter   *testMeter
	address string
	tls     *tls.Config // nil for plain HTTP
}

// siteConfig configures a site; zero values are defaults.
type siteConfig struct {
	network, address string
	secure           bool
	slots, limit     int
	stall            time.Duration
}

// serve starts a server of a host's metrics until the end of the test.
func serve(t *testing.T, h *host, cfg siteConfig) *site {
	t.Helper()

	s := &site{meter: &testMeter{}}
	s.handler = newScrapes(MetricsConfig{Gatherer: h, MaxRequests: cfg.slots, Meter: s.meter, Logger: log.NewNopLogger()}, cfg.limit)
	file := ""

	if cfg.secure {
		file, s.tls = secured(t)
	}

	s.server = NewServer(s.handler, &toolkit.FlagConfig{WebConfigFile: &file}, log.NewNopLogger(), slog.New(slog.DiscardHandler))
	if cfg.stall > 0 {
		s.handler.stall = cfg.stall
		s.server.server.HTTP2.WriteByteTimeout = cfg.stall
	}

	s.address = listen(t, s.server, cfg.network, cfg.address)

	return s
}

// listen runs a server until the end of the test, and returns its address.
func listen(t *testing.T, s *Server, network, address string) string {
	t.Helper()

	l, err := net.Listen(network, address)
	if err != nil {
		t.Skip(err) // no IPv6
	}

	done := make(chan error, 1)
	go func() { done <- toolkit.Serve(smallBuffers{l}, s.server, s.flags, s.logger) }()

	select {
	case <-s.Listening():
	case err := <-done:
		t.Fatal(err)
	}

	t.Cleanup(func() {
		limit, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()

		s.Stop(limit)

		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})

	return l.Addr().String()
}

// smallBuffers accepts connections with the send buffer of a path across a network. On
// the loopback interface the kernel would take whole answers.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(chunkSize)
	}

	return c, err
}

// secured returns a web configuration with TLS, and the configuration of a client that
// trusts it.
func secured(t *testing.T) (file string, client *tls.Config) {
	t.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}

	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}

	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	writeFile(t, filepath.Join(dir, "cert.pem"), string(certificate))
	writeFile(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))

	file = filepath.Join(dir, "web.yml")
	writeFile(t, file, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)

	return file, &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()

	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// client returns a client of the site; read is nil or limits what each of its
// connections reads.
func (s *site) client(t *testing.T, read func(net.Conn) net.Conn) *http.Client {
	t.Helper()

	transport := &http.Transport{
		ForceAttemptHTTP2: s.tls != nil, TLSClientConfig: s.tls.Clone(), DisableCompression: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil && read != nil {
				c = read(c)
			}

			return c, err
		},
	}
	t.Cleanup(transport.CloseIdleConnections)

	return &http.Client{Transport: transport, Timeout: patience}
}

func (s *site) url() string {
	if s.tls != nil {
		return "https://" + s.address
	}

	return "http://" + s.address
}

// scrape requests the metrics, and returns the status and the whole body.
func (s *site) scrape(ctx context.Context, c *http.Client, query string, header http.Header) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+"/metrics"+query, http.NoBody)
	if err != nil {
		return 0, "", err
	}

	request.Header = header

	response, err := c.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()

	var b bytes.Buffer

	_, err = io.Copy(&b, response.Body)

	return response.StatusCode, b.String(), err
}
