package web

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"tcphealth_exporter/internal/netlab"
)

// watched is a server with a web configuration, and its log.
type watched struct {
	address, file string
	out           netlab.Output
}

func watch(t *testing.T, file string) *watched {
	t.Helper()

	w := &watched{file: file}
	logger := level.NewFilter(log.NewLogfmtLogger(log.NewSyncWriter(&w.out)), level.AllowInfo())

	s := NewServer(http.NotFoundHandler(), &toolkit.FlagConfig{WebConfigFile: &file}, logger, slog.New(slog.NewTextHandler(&w.out, nil)))
	s.watch.interval = 20 * time.Millisecond
	w.address = listen(t, s, "tcp4", "127.0.0.1:0")

	return w
}

// lines returns the lines of the log with a text.
func (w *watched) lines(text string) []string {
	return slices.DeleteFunc(strings.Split(w.out.String(), "\n"), func(line string) bool { return !strings.Contains(line, text) })
}

// handshake reports whether a handshake succeeds.
func (w *watched) handshake(t *testing.T, cfg *tls.Config) bool {
	t.Helper()

	c, err := net.Dial("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	return tls.Client(c, cfg).Handshake() == nil
}

const (
	invalid = `msg="web configuration is invalid, requests fail"`
	valid   = `msg="web configuration is valid again"`
)

func replaceByFIFO(path string) error {
	return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))
}

// TestBrokenTLS: handshakes fail for a reason that is logged once, and once more when it
// changes. The recovery is logged, too.
func TestBrokenTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		damage func(dir string) error
		cause  string
	}{
		"key is lost":         {func(dir string) error { return os.Rename(dir+"/key.pem", dir+"/key.old") }, "key.pem: no such file"},
		"certificate is lost": {func(dir string) error { return os.Remove(dir + "/cert.pem") }, "cert.pem: no such file"},
		"key is damaged":      {func(dir string) error { return os.WriteFile(dir+"/key.pem", []byte("x"), 0o600) }, "failed to load X509KeyPair"},
		"file is lost":        {func(dir string) error { return os.Remove(dir + "/web.yml") }, "web.yml: no such file"},
		"file is damaged":     {func(dir string) error { return os.WriteFile(dir+"/web.yml", []byte("x: 1"), 0o600) }, "field x not found"},
		"key is a FIFO":       {func(dir string) error { return replaceByFIFO(dir + "/key.pem") }, "key.pem: not a regular file"},
		"file is a FIFO":      {func(dir string) error { return replaceByFIFO(dir + "/web.yml") }, "web.yml: not a regular file"},
		"file is empty":       {func(dir string) error { return os.Truncate(dir+"/web.yml", 0) }, "TLS config is not present"},
	} {
		t.Run(name, func(t *testing.T) {
			file, client := secured(t)
			w := watch(t, file)
			dir := filepath.Dir(file)
			intact := make(map[string][]byte)

			for _, name := range []string{"cert.pem", "key.pem", "web.yml"} {
				text, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}

				intact[name] = text
			}

			if !w.handshake(t, client) {
				t.Fatal("handshake failed before")
			}

			if err := tc.damage(dir); err != nil {
				t.Fatal(err)
			}

			failing := func() bool {
				if w.handshake(t, client) {
					t.Fatal("handshake succeeded")
				}

				return len(w.lines(invalid)) > 0
			}
			await(t, "warning", failing)

			for range 20 {
				failing()
				time.Sleep(5 * time.Millisecond)
			}

			if lines := w.lines(invalid); len(lines) != 1 || !strings.HasPrefix(lines[0], "level=warn ") || !strings.Contains(lines[0], tc.cause) {
				t.Errorf("warnings %q, expected one with %q", lines, tc.cause)
			}

			if len(w.lines(valid)) > 0 {
				t.Error("valid too early")
			}

			for name, text := range intact {
				_ = os.Remove(filepath.Join(dir, name)) // writing to a FIFO would block
				writeFile(t, filepath.Join(dir, name), string(text))
			}

			await(t, "recovery", func() bool { return len(w.lines(valid)) > 0 })

			if !w.handshake(t, client) || !strings.HasPrefix(w.lines(valid)[0], "level=info ") {
				t.Errorf("after the recovery: %s", w.out.String())
			}

			if err := tc.damage(dir); err != nil {
				t.Fatal(err)
			}

			await(t, "second warning", func() bool { failing(); return len(w.lines(invalid)) == 2 })
		})
	}
}

// TestHandshakesOfStrangers: handshakes that fail because of the client are not logged at
// level info.
func TestHandshakesOfStrangers(t *testing.T) {
	file, client := secured(t)
	w := watch(t, file)

	distrusting := &tls.Config{ServerName: "localhost"}
	if w.handshake(t, distrusting) {
		t.Fatal("a client without the certificate trusts it")
	}

	old := client.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11

	if w.handshake(t, old) {
		t.Fatal("TLS 1.1 is accepted")
	}

	time.Sleep(100 * time.Millisecond) // some intervals

	if text := w.out.String(); strings.Contains(text, "level=warn") || strings.Contains(text, "configuration") {
		t.Errorf("logged: %s", text)
	}
}

// TestConfigBecomesFIFO: requests on a connection that is kept alive fail, without blocking,
// until the web configuration is a file again. So they do if it is too large.
func TestConfigBecomesFIFO(t *testing.T) {
	file, cfg := secured(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	for _, http2 := range []bool{false, true} {
		w := watch(t, file)
		client := &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: http2},
		}
		t.Cleanup(client.CloseIdleConnections)

		ask := func(want int) {
			t.Helper()

			response, err := client.Get("https://" + w.address)
			if err != nil {
				t.Fatal(err)
			}

			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()

			if response.StatusCode != want || (response.ProtoMajor == 2) != http2 {
				t.Errorf("%s %s, want %d", response.Proto, response.Status, want)
			}
		}

		for _, damage := range []func(string) error{
			replaceByFIFO,
			func(path string) error { return os.Truncate(path, 1<<40) },
		} {
			ask(http.StatusNotFound)

			if err := damage(file); err != nil {
				t.Fatal(err)
			}

			for range 3 {
				ask(http.StatusInternalServerError)
			}

			if err := errors.Join(os.Remove(file), os.WriteFile(file, text, 0o600)); err != nil {
				t.Fatal(err)
			}
		}

		ask(http.StatusNotFound)
		await(t, "warning", func() bool { return len(w.lines(invalid)) > 0 })
	}
}

// TestAcceptFails: a failure to accept a connection is logged, and the server continues.
func TestAcceptFails(t *testing.T) {
	var out netlab.Output

	logger := level.NewFilter(log.NewLogfmtLogger(log.NewSyncWriter(&out)), level.AllowInfo())
	server := NewServer(http.NotFoundHandler(), &toolkit.FlagConfig{WebConfigFile: new(string)}, logger, slog.New(slog.DiscardHandler)).server

	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	go func() { _ = server.Serve(&failingListener{Listener: l}) }()
	defer server.Close()

	response, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	_ = response.Body.Close()

	if want := "level=warn msg=\"accepting connections failed\" err=\"accept: too many open files; retrying in 5ms\"\n"; out.String() != want {
		t.Errorf("logged %q, want %q", out.String(), want)
	}
}

// failingListener is a listener whose first Accept fails with EMFILE.
type failingListener struct {
	net.Listener

	failed bool
}

// Accept implements net.Listener.
func (l *failingListener) Accept() (net.Conn, error) {
	if !l.failed {
		l.failed = true

		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}

	return l.Listener.Accept()
}

// TestBrokenPasswords: without TLS, exporter-toolkit logs each request that fails.
func TestBrokenPasswords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	writeFile(t, file, "basic_auth_users: {}\n")

	w := watch(t, file)
	writeFile(t, file, "nonsense: 1\n")

	ask := func() {
		response, err := http.Get("http://" + w.address)
		if err != nil {
			t.Fatal(err)
		}

		_ = response.Body.Close()

		if response.StatusCode != http.StatusInternalServerError {
			t.Fatalf("status %s", response.Status)
		}
	}
	await(t, "warning", func() bool { ask(); return len(w.lines(invalid)) > 0 })

	for range 20 {
		ask()
	}

	if lines := w.lines("nonsense"); len(lines) != 1 || !strings.HasPrefix(lines[0], "level=warn ") {
		t.Errorf("logged %q, expected one warning", lines)
	}

	if len(w.lines("level=INFO")) == 0 {
		t.Error("other records of exporter-toolkit are lost")
	}
}

// TestChecks: failures cause few checks, another cause is logged, and nothing after the
// end.
func TestChecks(t *testing.T) {
	var out netlab.Output

	causes := make(chan error)
	w := &configWatch{interval: time.Millisecond, logger: log.NewLogfmtLogger(&out), check: func() error { return <-causes }}

	for range 1000 {
		w.failed()
	}

	causes <- errors.New("first") // the only check that runs
	causes <- errors.New("first")
	causes <- errors.New("second")
	causes <- nil

	select {
	case causes <- nil:
		t.Error("a check without a failure")
	case <-time.After(20 * time.Millisecond):
	}

	w.failed()
	causes <- errors.New("third")
	w.stop()

	select {
	case causes <- errors.New("fourth"): // has begun before the end
	case <-time.After(20 * time.Millisecond):
	}

	w.failed()

	select {
	case causes <- nil:
		t.Error("a check after the end")
	case <-time.After(20 * time.Millisecond):
	}

	var got []string

	for line := range strings.Lines(out.String()) {
		_, cause, _ := strings.Cut(strings.TrimSpace(line), "err=")
		got = append(got, cause)
	}

	if want := []string{"first", "second", ""}; !slices.Equal(got[:min(3, len(got))], want) || strings.Contains(out.String(), "fourth") {
		t.Errorf("logged %q, expected %q", out.String(), want)
	}
}
