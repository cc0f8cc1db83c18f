package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// process is the built program, running as a process of its own.
type process struct {
	*instance

	pid    int
	signal func(os.Signal) error
}

// spawn runs the built program until the end of the test. prepare may change the
// command before.
func spawn(t *testing.T, prepare func(*exec.Cmd), args ...string) *process {
	t.Helper()

	address := freeAddress(t)
	cmd := exec.Command(binary(t), append([]string{"--web.listen-address=" + address}, args...)...)
	p := &process{instance: &instance{
		client:  &http.Client{Timeout: patience},
		base:    "http://" + address,
		stderr:  new(netlab.Output),
		stopped: make(chan struct{}),
	}}
	cmd.Stderr, cmd.Stdout = p.stderr, p.stderr
	cmd.Dir = os.TempDir()

	if prepare != nil {
		prepare(cmd)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	p.pid, p.signal = cmd.Process.Pid, cmd.Process.Signal
	p.end = func() { _ = p.signal(syscall.SIGTERM) }

	go func() {
		_ = cmd.Wait()
		p.code = cmd.ProcessState.ExitCode()
		close(p.stopped)
	}()

	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.stopped
		p.client.CloseIdleConnections()

		if t.Failed() {
			t.Logf("the exporter wrote:\n%s", p.stderr.String())
		}
	})

	return p
}

// metric returns the value of a series, and reports whether there is one.
func (p *instance) metric(t *testing.T, series string) (float64, bool) {
	t.Helper()

	return valueOf(t, p.get(t, "/metrics"), series)
}

// valueOf returns the value of a series in an exposition.
func valueOf(t *testing.T, body, series string) (float64, bool) {
	t.Helper()

	for line := range strings.Lines(body) {
		text, ok := strings.CutPrefix(line, series+" ")
		if !ok {
			continue
		}

		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			t.Fatal(err)
		}

		return v, true
	}

	return 0, false
}

// TestSignals ends the program during all operations that take time.
func TestSignals(t *testing.T) {
	for name, busy := range map[string]func(*testing.T, *process){
		"idle":                 func(*testing.T, *process) {},
		"under scrapes":        requestForever("/metrics"),
		"under questions":      requestForever(connectionsPath),
		"client says nothing":  func(t *testing.T, p *process) { connect(t, p, "") },
		"half a request":       func(t *testing.T, p *process) { connect(t, p, "GET /metrics HTTP/1.1\r\nHost:") },
		"answer is not read":   func(t *testing.T, p *process) { connect(t, p, strings.Repeat(getMetrics, 200)) },
		"kept-alive, not used": func(_ *testing.T, p *process) { p.status("/metrics") },
	} {
		for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(fmt.Sprintf("%s/%s", name, signal), func(t *testing.T) {
				p := spawn(t, nil, "--sampler.interval=10ms", "--sampler.max-cpu=0", "--health.window=1s")
				p.awaitReady(t)
				busy(t, p)

				began := time.Now()

				if err := p.signal(signal); err != nil {
					t.Fatal(err)
				}

				<-p.stopped

				if took := time.Since(began); p.code != exitOK || took >= time.Second {
					t.Errorf("ended with %d after %v", p.code, took)
				}

				if n := len(p.lines("level=info", "msg=stopped")); n != 1 {
					t.Errorf("the end is logged %d times", n)
				}

				if lines := p.lines("level=error"); len(lines) != 0 {
					t.Errorf("errors: %q", lines)
				}
			})
		}
	}
}

const getMetrics = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"

// connect opens a connection, writes a text, and reads nothing.
func connect(t *testing.T, p *process, text string) {
	t.Helper()

	c, err := net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = c.Close() })

	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}

	time.Sleep(50 * time.Millisecond)
}

// requestForever keeps four requests running until the program has ended.
func requestForever(path string) func(*testing.T, *process) {
	return func(t *testing.T, p *process) {
		var group sync.WaitGroup

		answered := make(chan struct{}, 1000)

		for range 4 {
			group.Go(func() {
				for p.status(path) == http.StatusOK {
					select {
					case answered <- struct{}{}:
					default:
					}
				}
			})
		}

		t.Cleanup(group.Wait)
		<-answered
	}
}

// TestNothingLeaks counts file descriptors and goroutines over many scrapes.
func TestNothingLeaks(t *testing.T) {
	p := spawn(t, nil, "--sampler.interval=10ms", "--sampler.max-cpu=0", "--health.window=1s")
	p.awaitReady(t)

	census := func() [2]int {
		t.Helper()

		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
		if err != nil {
			t.Fatal(err)
		}

		goroutines, _ := p.metric(t, "go_goroutines")

		return [2]int{len(fds), int(goroutines)}
	}

	scrape := func(n int) {
		t.Helper()

		for range n {
			if p.status("/metrics") != 200 {
				t.Fatal("a scrape failed")
			}
		}
	}

	scrape(5)

	var before [2]int // at most, because some goroutines come and go

	for range 25 {
		scrape(1)

		now := census()
		before = [2]int{max(before[0], now[0]), max(before[1], now[1])}
	}

	p.client.CloseIdleConnections() // a new connection is not a leak
	scrape(25)

	var after [2]int

	// Resources may be freed with a delay.
	await(t, fmt.Sprintf("the census %v", before), func() bool {
		after = census()

		return after[0] <= before[0] && after[1] <= before[1]
	})
	t.Logf("fds and goroutines: %v, after 50 scrapes %v", before, after)
}

// TestUnprivileged runs the program as an unprivileged user.
func TestUnprivileged(t *testing.T) {
	netlab.RequireRoot(t)

	nobody := func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}

	// A connection of another user, which must be visible.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	_, localPort, _ := net.SplitHostPort(c.LocalAddr().String())
	_, remotePort, _ := net.SplitHostPort(c.RemoteAddr().String())
	series := fmt.Sprintf(`tcphealth_connection_score{local_address="127.0.0.1",local_port="%s",remote_address="127.0.0.1",remote_port="%s"}`,
		localPort, remotePort)

	binary(t) // the build is not part of the measurement

	began := time.Now()
	p := spawn(t, nobody)

	await(t, series, func() bool {
		if p.status("/metrics") != 200 {
			return false
		}

		_, ok := p.metric(t, series)

		return ok
	})

	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the connection is exported after %v", took)
	}

	status := readFile(t, fmt.Sprintf("/proc/%d/status", p.pid))
	if !strings.Contains(status, "\nUid:\t65534\t65534\t65534\t65534\n") || !strings.Contains(status, "\nCapEff:\t0000000000000000\n") {
		t.Errorf("the process was privileged:\n%s", status)
	}
}

// forbidNetlink returns a launcher that becomes a program under a policy that forbids netlink.
func forbidNetlink(t *testing.T) string {
	t.Helper()
	netlab.RequireTool(t, "gcc")

	jail := filepath.Join(t.TempDir(), "forbid_netlink")
	if out, err := exec.Command("gcc", "-o", jail, "testdata/forbid_netlink.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	return jail
}

// TestForbiddenNetlink runs the program under a policy that forbids netlink, with a filter for
// what procfs does not have: it keeps running, logs the failure once, and retries with
// exponential backoff.
func TestForbiddenNetlink(t *testing.T) {
	t.Parallel()

	jail := forbidNetlink(t)
	p := spawn(t, func(cmd *exec.Cmd) {
		cmd.Args = append([]string{jail, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = jail
	}, "--sampler.interval=100ms", "--sampler.filter=cgroup 1")

	await(t, "the server", func() bool { return p.status("/-/ready") != 0 })

	// Attempts are made at 0, 1 and 3 s; a slow machine may delay them.
	began := time.Now()

	for n, pause := range []time.Duration{0, time.Second, 3 * time.Second} {
		await(t, fmt.Sprintf("%d failures", n+1), func() bool {
			failures, _ := p.metric(t, `tcphealth_sampler_errors_total{reason="forbidden"}`)

			return failures >= float64(n+1)
		})

		if took := time.Since(began); took < pause-time.Second/2 {
			t.Errorf("failure %d came after %v, expected %v", n+1, took, pause)
		}
	}

	if ready, healthy := p.status("/-/ready"), p.status("/-/healthy"); ready != 503 || healthy != 503 {
		t.Errorf("ready %d, healthy %d", ready, healthy)
	}

	if body := p.get(t, "/metrics"); strings.Contains(body, "tcphealth_connections{") {
		t.Errorf("figures of the host without a sample:\n%s", body)
	}

	lines := p.lines("level=error")
	if len(lines) != 1 || !strings.Contains(lines[0], "reason=forbidden") || !strings.Contains(lines[0], "AF_NETLINK") {
		t.Errorf("expected one line of error with a hint: %q", lines)
	}

	if code := p.stop(t); code != exitOK {
		t.Errorf("ended with %d", code)
	}
}

func TestStartupLog(t *testing.T) {
	for format, fields := range map[string][]string{
		"logfmt": {"level=info", `msg="starting tcphealth_exporter"`, "time="},
		"json":   {`"level":"info"`, `"msg":"starting tcphealth_exporter"`, `"time":"`},
	} {
		p := start(t, "--log.format="+format)
		p.awaitReady(t)

		await(t, "the line in "+format, func() bool { return len(p.lines(fields...)) == 1 }) // is written in the background
	}

	quiet := start(t, "--log.level=error")
	quiet.awaitReady(t)

	if got := quiet.stderr.String(); got != "" {
		t.Errorf("--log.level=error: %q", got)
	}

	chatty := start(t, "--log.level=debug")
	chatty.awaitReady(t)

	await(t, "a line at debug", func() bool { return len(chatty.lines("level=debug", "netlink socket opened")) == 1 })
}

// TestRecordAndReplay records this host and replays the recording: both end with the
// same connections.
func TestRecordAndReplay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host.rec")

	recorder := start(t, "--sampler.record="+path, "--sampler.interval=20ms", "--sampler.max-cpu=0")
	recorder.awaitReady(t)
	await(t, "five samples", func() bool {
		n, _ := recorder.metric(t, "tcphealth_sampler_tick_duration_seconds_count")

		return n >= 5
	})

	if code := recorder.stop(t); code != exitOK {
		t.Fatalf("the recording ended with %d", code)
	}

	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, mode %v: other users may read the recording", err, info.Mode())
	}

	player := start(t, "--sampler.replay="+path)
	player.awaitReady(t)

	if got, _ := player.metric(t, "tcphealth_sampler_interval_seconds"); got != 0.02 {
		t.Errorf("the replay's interval is %v", got)
	}

	if n, _ := player.metric(t, "tcphealth_sampler_tick_duration_seconds_count"); n < 5 {
		t.Errorf("the replay has %v samples", n)
	}
}

// TestMaxCPU: with a minimal CPU budget, the interval is stretched as far as the window
// allows, this is logged once, and no connection becomes unhealthy.
func TestMaxCPU(t *testing.T) {
	p := spawn(t, nil, "--sampler.interval=100ms", "--health.window=1500ms", "--sampler.max-cpu=0.00001")
	p.awaitReady(t)

	const series = "tcphealth_sampler_interval_seconds"

	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if v, _ := p.metric(t, series); v == 0.5 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the interval is %v", v)
		}
	}

	time.Sleep(1200 * time.Millisecond)

	if code := p.status("/-/healthy"); code != http.StatusOK {
		t.Errorf("health is %d", code)
	}

	if n := len(p.lines("level=warn", "interval stretched")); n != 1 {
		t.Errorf("logged %d times", n)
	}
}
