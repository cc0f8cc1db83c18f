package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/google/go-cmp/cmp"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/logging"
	"tcphealth_exporter/sampler"
	"tcphealth_exporter/sampler/loop"
)

const (
	calmConfig   = "profiles:\n  auto:\n    flags: {rtt_high: off}\n"
	brokenConfig = "profiles:\n  auto:\n    flags: {rtt_higher: off}\n"
	brokenError  = `:3:13: profiles.auto.flags.rtt_higher: unknown flag, did you mean "rtt_high"?`
	lastReload   = "tcphealth_config_last_reload_successful"
	lastSuccess  = "tcphealth_config_last_reload_success_timestamp_seconds"
)

// writeConfig writes a configuration file and returns its path.
func writeConfig(t *testing.T, content string) string {
	t.Helper()

	path := filepath.Join(t.TempDir(), "config.yml")
	writeFile(t, path, content)

	return path
}

func TestConfigCheck(t *testing.T) {
	path := writeConfig(t, calmConfig+"  db: {}\nrules:\n  - {filter: dport = 5432, profile: db}\n")

	for args, want := range map[string]string{
		"--config.check --config.file=" + path:                          path + " is valid (profiles: 4, rules: 1)\n",
		"--config.check --config.file=../deploy/tcphealth_exporter.yml": "../deploy/tcphealth_exporter.yml is valid (profiles: 5, rules: 2)\n",
		"--config.check": "the command line is valid, --config.file is not set\n",
	} {
		reach := regexp.MustCompile("^" + regexp.QuoteMeta(want) + `--netns.mode=own: the exporter's own network namespace
--netns.mode=proc: [0-9]+ other network namespaces
--netns.mode=all: no other network namespace: no connection to the netns broker: dial .*: connect: no such file or directory
$`)
		args += " --netns.broker=/nowhere/socket"

		if code, stdout, stderr := runToEnd(t, strings.Fields(args)...); code != exitOK || !reach.MatchString(stdout) || stderr != "" {
			t.Errorf("%s: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}

	code, _, stderr := runToEnd(t, "--config.check", "--config.file="+path, "--sampler.filter=sport")
	if code != exitUsage || !strings.Contains(stderr, "filter:1:6: expected a port") {
		t.Errorf("with a bad filter on the command line: code %d, stderr %q", code, stderr)
	}
}

// TestBadConfig: a file with a mistake ends the program at once, with or without
// --config.check. The error is one line, and marks the position of a mistake in a filter.
func TestBadConfig(t *testing.T) {
	for content, want := range map[string]string{
		brokenConfig:            brokenError + "\n",
		"profiles: {db: {}\n":   ":2:1: bad YAML: while parsing a flow mapping, did not find expected ',' or '}'\n",
		"rules:\n- profile: db": `:2:3: rules[0]: missing "filter", expected a mapping with a filter and a profile` + "\n",
		"rules: [{filter: sport = htpp, profile: bulk}]": `:1:18: rules[0].filter: filter:1:9: expected a port after "sport =", found "htpp"` +
			"\nsport = htpp\n        ^\n",
	} {
		path := writeConfig(t, content)
		want = program + ": error: " + path + want

		for _, args := range [][]string{{"--config.check"}, {"--web.listen-address=127.0.0.1:0"}} {
			code, stdout, stderr := runToEnd(t, append(args, "--config.file="+path)...)
			if code != exitUsage || stdout != "" || stderr != want {
				t.Errorf("%q: code %d, stdout %q, stderr %q, want %q", content, code, stdout, stderr, want)
			}
		}
	}
}

// reloadable returns an exporter with a configuration file, its handler, which reloads,
// and its log.
func reloadable(t *testing.T, path string) (*exporter, http.Handler, *netlab.Output) {
	t.Helper()

	e := wired(t, "--web.enable-lifecycle", "--config.file="+path)
	logged := new(netlab.Output)
	e.reloader.logger = log.NewLogfmtLogger(logged)

	h, err := e.handler()
	if err != nil {
		t.Fatal(err)
	}

	return e, h, logged
}

// TestBrokenFileChangesNothing: the active policy, and one that waits for the next
// sample, stay the same. The failure is logged, exported and returned.
func TestBrokenFileChangesNothing(t *testing.T) {
	path := writeConfig(t, calmConfig)
	e, h, logged := reloadable(t, path)

	reload := func(method, content string, code int, answer string) (waiting *health.Policy) {
		t.Helper()
		writeFile(t, path, content)

		if w := ask(h, method, "/-/reload"); w.Code != code || w.Body.String() != answer {
			t.Errorf("answered %d %q, want %d %q", w.Code, w.Body.String(), code, answer)
		}

		got, _ := valueOf(t, ask(h, http.MethodGet, "/metrics").Body.String(), lastReload)
		if want := float64(map[int]int{200: 1, 500: 0}[code]); got != want {
			t.Errorf("%s %v after %d", lastReload, got, code)
		}

		return e.reloader.next.Load()
	}

	refusal := "Configuration not loaded: " + path + brokenError + "\n"

	if reload("POST", brokenConfig, 500, refusal) != nil {
		t.Error("a broken file has a policy")
	}

	first := reload("POST", calmConfig, 200, "Configuration loaded.\n")
	if first == nil || first.Profiles[0].Thresholds.Steps[judge.RTTHigh] != nil {
		t.Errorf("the waiting policy is %v", first)
	}

	if got := reload("PUT", brokenConfig, 500, refusal); got != first {
		t.Error("a broken file replaced the waiting policy")
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	if w := ask(h, "POST", "/-/reload"); w.Code != 500 || !strings.Contains(w.Body.String(), "no such file") || e.reloader.next.Load() != first {
		t.Errorf("without the file: %d %q", w.Code, w.Body.String())
	}

	if got := reload("PUT", calmConfig, 200, "Configuration loaded.\n"); got == nil || got == first {
		t.Errorf("the waiting policy is %v", got)
	}

	if n := strings.Count(logged.String(), `level=error msg="reloading the configuration failed, the previous configuration stays active" file=`+path); n != 3 {
		t.Errorf("three failures are logged %d times:\n%s", n, logged)
	}
}

// TestReloadsAreShared: requests wait for the reload in progress, and share the next one.
func TestReloadsAreShared(t *testing.T) {
	const requests = 8

	e, h, logged := reloadable(t, writeConfig(t, calmConfig))
	e.reloader.mutex.Lock()

	var group sync.WaitGroup

	for range requests {
		group.Go(func() {
			if code := ask(h, "POST", "/-/reload").Code; code != http.StatusOK {
				t.Errorf("answered %d", code)
			}
		})
	}

	await(t, "the requests", func() bool {
		e.reloader.queue.Lock()
		defer e.reloader.queue.Unlock()

		return e.reloader.pending != nil && e.reloader.pending.requests == requests
	})

	if e.reloader.next.Load() != nil || logged.String() != "" {
		t.Errorf("reloaded during another reload:\n%s", logged)
	}

	e.reloader.mutex.Unlock()
	group.Wait()

	if n := strings.Count(logged.String(), "configuration loaded"); n != 1 {
		t.Errorf("%d reloads for %d requests", n, requests)
	}

	if code := ask(h, "POST", "/-/reload").Code; code != http.StatusOK || strings.Count(logged.String(), "configuration loaded") != 2 {
		t.Errorf("the next request is answered with %d:\n%s", code, logged)
	}
}

// interrupted reloads the file after each datagram of a sample.
type interrupted struct {
	governed

	tb     testing.TB
	reload func() error
}

func (i interrupted) Sockets(at time.Time, rows []sampler.Socket) {
	failed := make(chan error)
	go func() { failed <- i.reload() }()

	if err := <-failed; err != nil {
		i.tb.Error(err)
	}

	i.governed.Sockets(at, rows)

	if i.next.Load() == nil {
		i.tb.Error("a policy became active within a sample")
	}
}

func (i interrupted) Begin(sampler.Space) {
	i.governed.Begin(0)

	if i.next.Load() != nil {
		i.tb.Error("a policy waits after the beginning of a sample")
	}
}

// TestReloadDuringSamples replays a recording with a reload after each datagram: no
// sample is lost, and the metrics are the same as without reloads.
func TestReloadDuringSamples(t *testing.T) {
	path := writeConfig(t, "profiles: {auto: {hold: 1s}}\nrules:\n- {filter: dport > 1, profile: auto}\n")
	play := func(consumer func(e *exporter) sampler.Consumer) (samples float64, body string) {
		e, h, _ := reloadable(t, path)

		file, err := os.Open(scenePath)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()

		recording, err := sampler.NewReplay(file)
		if err != nil {
			t.Fatal(err)
		}

		e.tracker = health.NewTracker(e.opts.healthConfig(recording.Meta().Interval), e.latest.set)

		if err := loop.Play(t.Context(), recording, consumer(e), e.metrics, nil); err != nil {
			t.Fatal(err)
		}

		body = ask(h, http.MethodGet, "/metrics").Body.String()
		samples, _ = valueOf(t, body, "tcphealth_sampler_tick_duration_seconds_count")

		return samples, regexp.MustCompile(`(?m)^tcphealth_config_.*\n`).ReplaceAllString(reproducible(body), "")
	}

	wantSamples, want := play(func(e *exporter) sampler.Consumer { return e.tracker })
	samples, got := play(func(e *exporter) sampler.Consumer {
		return interrupted{governed{e.tracker, &e.reloader.next}, t, e.reloader.reload}
	})

	if samples != wantSamples || samples < sceneSamples {
		t.Errorf("%v samples, %v without reloads", samples, wantSamples)
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exposed (-without +with reloads):\n%s", diff)
	}
}

// TestReloadUnderLoad reloads by signal and request during samples and scrapes.
func TestReloadUnderLoad(t *testing.T) {
	path := writeConfig(t, calmConfig)
	p := start(t, "--sampler.interval=20ms", "--sampler.max-cpu=0", "--health.window=1s", "--web.enable-lifecycle", "--config.file="+path)
	p.awaitReady(t)

	ticks := func() float64 {
		n, _ := p.metric(t, "tcphealth_sampler_tick_duration_seconds_count")
		missed, _ := p.metric(t, "tcphealth_sampler_ticks_missed_total")

		return n + missed
	}

	began, before := time.Now(), ticks()

	var group sync.WaitGroup

	for range 4 {
		group.Go(func() {
			for range 25 {
				if response, body := p.do(t, "POST", "/-/reload", nil); response.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", response.Status, body)
				}

				p.status("/metrics")
			}
		})
	}

	group.Wait()

	least := float64(time.Since(began)/(20*time.Millisecond)) - 1
	if got := ticks() - before; got < least {
		t.Errorf("%v ticks of at least %v", got, least)
	}

	for _, reason := range sampler.Reasons() {
		if n, _ := p.metric(t, fmt.Sprintf("tcphealth_sampler_errors_total{reason=%q}", reason)); n != 0 {
			t.Errorf("%v errors: %s", n, reason)
		}
	}

	if n := len(p.lines("configuration loaded")); n < logging.Repeats || n > logging.Repeats+5 {
		t.Errorf("101 loads are logged %d times", n)
	}
}

// TestHangup reloads by SIGHUP: verdicts follow the file, as long as it is valid.
func TestHangup(t *testing.T) {
	path := writeConfig(t, calmConfig)
	p := spawn(t, nil, "--sampler.interval=20ms", "--sampler.max-cpu=0", "--health.window=200ms", "--config.file="+path)
	p.awaitReady(t)

	const flagged = `tcphealth_flagged_connections{flag="rtt_high"}`

	_, port, _ := strings.Cut(strings.TrimPrefix(p.base, "http://"), ":")
	hangUp := func(content, logged string) {
		t.Helper()
		writeFile(t, path, content)

		n := len(p.lines(logged))

		if err := p.signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}

		await(t, logged, func() bool { return len(p.lines(logged)) == n+1 })
	}
	value := func(series string) float64 {
		t.Helper()

		v, ok := p.metric(t, series)
		if !ok {
			t.Errorf("no %s", series)
		}

		return v
	}

	started := value(lastSuccess)
	if age := time.Since(time.UnixMilli(int64(1000 * started))); value(lastReload) != 1 || value(flagged) != 0 || age < 0 || age > patience {
		t.Errorf("at start: loaded %v, %s ago, %v flagged", value(lastReload), age, value(flagged))
	}

	// The scrapes have an RTT, which is too high for this profile.
	hangUp(calmConfig+"  strict: {flags: {rtt_high: {threshold: 0s, points: 5}}}\nrules:\n- {filter: 'sport = "+port+
		" or dport = "+port+"', profile: strict}\n", "msg=\"configuration loaded\"")
	await(t, "the new limits", func() bool { return value(flagged) > 0 })

	reloaded := value(lastSuccess)
	if reloaded <= started {
		t.Errorf("loaded at %f, and again at %f", started, reloaded)
	}

	hangUp(brokenConfig, "reloading the configuration failed, the previous configuration stays active")

	for range 20 { // scrapes continue
		if value(lastReload) != 0 || value(lastSuccess) != reloaded || value(flagged) == 0 {
			t.Fatalf("broken: loaded %v at %f, %v flagged", value(lastReload), value(lastSuccess), value(flagged))
		}
	}

	hangUp(calmConfig, "msg=\"configuration loaded\"")
	await(t, "the old limits", func() bool { return value(flagged) == 0 && value(lastReload) == 1 })

	if status := p.status("/-/ready"); status != http.StatusOK {
		t.Errorf("ready: %d", status)
	}
}

// TestNothingToReload: a reload without a file is an error without consequences.
func TestNothingToReload(t *testing.T) {
	p := spawn(t, nil, "--web.enable-lifecycle")
	p.awaitReady(t)

	if err := p.signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}

	await(t, "a line in the log", func() bool { return len(p.lines("level=warn", "nothing to reload")) == 1 })

	response, body := p.do(t, "POST", "/-/reload", nil)
	if want := "Configuration not loaded: nothing to reload without --config.file\n"; response.StatusCode != http.StatusInternalServerError || body != want {
		t.Errorf("%s: %q", response.Status, body)
	}

	if body := p.get(t, "/metrics"); strings.Contains(body, "tcphealth_config_") {
		t.Error("there are metrics of a file without a file")
	}

	if code := p.stop(t); code != exitOK {
		t.Errorf("ended with %d", code)
	}
}

// TestReloadMethods: reloading by request must be enabled, and needs POST or PUT.
func TestReloadMethods(t *testing.T) {
	path := writeConfig(t, calmConfig)

	for _, test := range []struct {
		flag, method string
		code         int
		body         string
	}{
		{"--no-web.enable-lifecycle", "POST", 403, "Lifecycle API is not enabled: start with --web.enable-lifecycle.\n"},
		{"--no-web.enable-lifecycle", "PUT", 403, "Lifecycle API is not enabled: start with --web.enable-lifecycle.\n"},
		{"--no-web.enable-lifecycle", "GET", 405, "Method Not Allowed\n"},
		{"--web.enable-lifecycle", "GET", 405, "Method Not Allowed\n"},
		{"--web.enable-lifecycle", "HEAD", 405, "Method Not Allowed\n"},
		{"--web.enable-lifecycle", "POST", 200, "Configuration loaded.\n"},
		{"--web.enable-lifecycle", "PUT", 200, "Configuration loaded.\n"},
	} {
		e := wired(t, test.flag, "--config.file="+path)

		h, err := e.handler()
		if err != nil {
			t.Fatal(err)
		}

		w := ask(h, test.method, "/-/reload")
		if w.Code != test.code || w.Body.String() != test.body {
			t.Errorf("%s %s: %d %q", test.flag, test.method, w.Code, w.Body.String())
		}

		if allow := w.Header().Get("Allow"); test.code == 405 && allow != "POST, PUT" {
			t.Errorf("%s %s: allows %q", test.flag, test.method, allow)
		}

		if reloaded := e.reloader.next.Load() != nil; reloaded != (test.code == 200) {
			t.Errorf("%s %s: reloaded %t", test.flag, test.method, reloaded)
		}
	}
}

// TestFollowHangupsEnds: the wait for signals ends with the program.
func TestFollowHangupsEnds(t *testing.T) {
	r := newReloader(new(options), newSupervisor(new(latest), log.NewNopLogger()), log.NewLogfmtLogger(new(bytes.Buffer)))
	defer r.stop()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.followHangups(ctx)
}
