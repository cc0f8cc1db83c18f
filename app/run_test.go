package app

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tcphealth_exporter/internal/diagtest"
	"tcphealth_exporter/internal/faults"
	"tcphealth_exporter/internal/holder"
	"tcphealth_exporter/internal/netlab"
)

var update = flag.Bool("update", false, "rewrite the golden files; testdata/scene.rec only if it is missing")

// patience is the maximum wait for an operation that takes milliseconds.
const patience = 10 * time.Second

// instance is a running exporter, within this process or in another one.
type instance struct {
	client  *http.Client
	base    string // URL without a path
	stderr  *netlab.Output
	stopped chan struct{} // closed when it has ended with code
	code    int
	end     func()
}

// start runs the exporter within this process until the end of the test.
func start(t *testing.T, args ...string) *instance {
	t.Helper()

	if slices.Contains(args, "--sampler.replay="+scenePath) {
		diagtest.NeedsRecordings(t)
	}

	address := freeAddress(t)
	ctx, cancel := context.WithCancel(context.Background())
	p := &instance{
		client:  &http.Client{Timeout: patience},
		base:    "http://" + address,
		stderr:  new(netlab.Output),
		stopped: make(chan struct{}),
		end:     cancel,
	}

	go func() {
		p.code = run(ctx, append([]string{"--web.listen-address=" + address}, args...), io.Discard, p.stderr)
		close(p.stopped)
	}()

	t.Cleanup(func() {
		p.client.CloseIdleConnections()

		if code := p.stop(t); code != exitOK {
			t.Errorf("the exporter ended with %d", code)
		}

		if t.Failed() {
			t.Logf("the exporter wrote:\n%s", p.stderr.String())
		}
	})
	await(t, "the server", func() bool { return p.status("/-/healthy") != 0 })

	return p
}

// stop ends the exporter and returns its exit code.
func (p *instance) stop(t *testing.T) int {
	t.Helper()
	p.end()

	select {
	case <-p.stopped:
		return p.code
	case <-time.After(patience):
		t.Fatal("the exporter does not end")

		return -1
	}
}

// awaitReady waits for the first sample, or for the last one of a replay.
func (p *instance) awaitReady(t *testing.T) {
	t.Helper()
	await(t, "readiness", func() bool { return p.status("/-/ready") == http.StatusOK })
}

// status requests a path and returns the status code, 0 without an answer.
func (p *instance) status(path string) int {
	response, err := p.client.Get(p.base + path)
	if err != nil {
		return 0
	}

	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()

	return response.StatusCode
}

// get returns the body of a path.
func (p *instance) get(t *testing.T, path string) string {
	t.Helper()

	response, body := p.do(t, http.MethodGet, path, nil)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s\n%s", path, response.Status, body)
	}

	return body
}

// do makes a request and returns the response with its body.
func (p *instance) do(t *testing.T, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), method, p.base+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}

	maps.Copy(request.Header, header)

	response, err := p.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return response, string(body)
}

// lines returns the lines of the log that contain all of the texts.
func (p *instance) lines(texts ...string) []string {
	var found []string

next:
	for line := range strings.Lines(p.stderr.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}

		found = append(found, line)
	}

	return found
}

// await polls until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()

	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timeout while waiting for %s", what)
		}
	}
}

// freeAddress returns an address of the loopback interface with a free port.
func freeAddress(t *testing.T) string {
	t.Helper()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	return listener.Addr().String()
}

// built is the binary that all tests share, built on first use.
var built struct {
	once sync.Once
	path string
	err  error
}

// binary returns the path of the built program. Any user may run it.
func binary(t *testing.T) string {
	t.Helper()

	built.once.Do(func() {
		dir, err := os.MkdirTemp("", program)
		if err != nil {
			built.err = err

			return
		}

		built.path = filepath.Join(dir, program)
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", built.path, "..")

		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")

		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		} else {
			built.err = os.Chmod(dir, 0o755)
		}
	})

	if built.err != nil {
		t.Fatalf("build: %v", built.err)
	}

	return built.path
}

func TestMain(m *testing.M) {
	if err := faults.Launch(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "launch:", err)

		return
	}

	holder.Main(m)

	if built.path != "" {
		_ = os.RemoveAll(filepath.Dir(built.path))
	}
}
