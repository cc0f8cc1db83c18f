package app

import (
	"bytes"
	"context"
	stdbinary "encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// runToEnd runs the program, which is expected to end by itself.
func runToEnd(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	var out, errs netlab.Output

	code = run(ctx, args, &out, &errs)

	if ctx.Err() != nil {
		t.Errorf("%q ran until it was stopped", args)
	}

	return code, out.String(), errs.String()
}

// errorLine returns the only line of stderr besides the info lines of the log.
func errorLine(t *testing.T, stderr string) string {
	t.Helper()

	var errs []string

	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "level=info ") {
			errs = append(errs, line)
		}
	}

	if len(errs) != 1 || !strings.HasSuffix(errs[0], "\n") {
		t.Fatalf("expected one line of error, found %d:\n%s", len(errs), stderr)
	}

	text, ok := strings.CutPrefix(errs[0], "tcphealth_exporter: error: ")
	if !ok {
		t.Errorf("the error begins differently: %q", errs[0])
	}

	return strings.TrimSuffix(text, "\n")
}

// TestUsageErrors lists invalid command lines, and what their errors must contain: the
// name of the flag, then the mistake.
func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	invalid := filepath.Join(dir, "invalid.yml")
	writeFile(t, invalid, "tls_server_confg: {}\n")

	fifo, large := makeFIFO(t), filepath.Join(dir, "large.yml")
	writeFile(t, large, strings.Repeat("# comment\n", 2<<20))

	nested := filepath.Join(dir, "nested")
	writeFile(t, nested, "--sampler.interval=1s\n@"+nested+"\n")

	tls := func(key, file string) string {
		path := filepath.Join(filepath.Dir(fifo), key+".yml")
		writeFile(t, path, "tls_server_config: {"+key+": "+file+"}\n")

		return path
	}

	for _, test := range [][2]string{
		{"--bogus", "--bogus"},
		{"@" + fifo, "@" + fifo + ": "},
		{"@" + large, "@" + large + ": "},
		{"@" + nested, "more than 4 nested files of arguments"},
		{"@" + filepath.Join(dir, "none"), "@" + filepath.Join(dir, "none") + ": "},
		{"@", "@: "},
		{"argument", "argument"},
		{"--web.telemetry-path=", "--web.telemetry-path: expected a path such as /metrics"},
		{"--web.telemetry-path=/", "--web.telemetry-path: "},
		{"--web.telemetry-path=metrics", "--web.telemetry-path: "},
		{"--web.telemetry-path=/metrics/", "--web.telemetry-path: "},
		{"--web.telemetry-path=/a/../b", "--web.telemetry-path: "},
		{"--web.telemetry-path=//a", "--web.telemetry-path: "},
		{"--web.telemetry-path=/{a", "--web.telemetry-path: "},
		{"--web.telemetry-path=/a?b", "--web.telemetry-path: "},
		{"--web.telemetry-path=/-/ready", "--web.telemetry-path: "},
		{"--web.telemetry-path=/-/healthy", "--web.telemetry-path: "},
		{"--web.telemetry-path=/runbooks", "--web.telemetry-path: "},
		{"--web.telemetry-path=/docs/metrics", "--web.telemetry-path: "},
		{"--web.telemetry-path=/debug/pprof/heap", "--web.telemetry-path: "},
		{"--web.telemetry-path=/api", "--web.telemetry-path: "},
		{"--web.telemetry-path=/api/v1/connections", "--web.telemetry-path: "},
		{"--web.max-requests=-1", "--web.max-requests: expected 0 or more"},
		{"--web.max-requests=x", "--web.max-requests: expected an integer, found \"x\""},
		{"--web.max-requests=1.5", "--web.max-requests: expected an integer, found \"1.5\""},
		{"--collector.connections=1.5", "--collector.connections: expected an integer, found \"1.5\""},
		{"--collector.connections=NaN", "--collector.connections: expected an integer, found \"NaN\""},
		{"--collector.connections=1e3", "--collector.connections: expected an integer, found \"1e3\""},
		{"--collector.connections=9223372036854775807", "--collector.connections: expected 0 to 67108864, found 9223372036854775807"},
		{"--collector.groups=9223372036854775808", "--collector.groups: expected an integer, found \"9223372036854775808\""},
		{"--tracker.max-connections=2.0", "--tracker.max-connections: expected an integer, found \"2.0\""},
		{"--sampler.max-cpu=NaN", "--sampler.max-cpu: expected 0, or 1e-06 to 1, found NaN"},
		{"--web.listen-address=nonsense", "--web.listen-address: "},
		{"--web.listen-address=127.0.0.1", "--web.listen-address: "},
		{"--web.listen-address=127.0.0.1:99999", "--web.listen-address: "},
		{"--web.listen-address=::1:9", "--web.listen-address: "},
		{"--web.listen-address=vsock://9", "--web.listen-address: "},
		{"--web.config.file=" + filepath.Join(dir, "missing.yml"), "--web.config.file: stat "},
		{"--web.config.file=" + invalid, "--web.config.file: "},
		{"--config.file=" + filepath.Join(dir, "missing.yml"), "--config.file: open "},
		{"--config.file=" + dir, "--config.file: open " + dir + ": not a regular file"},
		{"--config.file=" + fifo, "--config.file: open " + fifo + ": not a regular file"},
		{"--config.file=/dev/zero", "--config.file: open /dev/zero: not a regular file"},
		{"--config.file=" + large, "--config.file: read " + large + ": larger than 16 MiB"},
		{"--web.config.file=" + fifo, "--web.config.file: open " + fifo + ": not a regular file"},
		{"--web.config.file=/dev/zero", "--web.config.file: open /dev/zero: not a regular file"},
		{"--config.file=/proc/kmsg", "--config.file: open /proc/kmsg: not a regular file"},
		{"--web.config.file=/proc/kmsg", "--web.config.file: open /proc/kmsg: not a regular file"},
		{"--web.config.file=" + large, "--web.config.file: read " + large + ": larger than 16 MiB"},
		{"--web.config.file=" + tls("cert_file", fifo), "--web.config.file: open " + fifo + ": not a regular file"},
		{"--web.config.file=" + tls("key_file", filepath.Base(fifo)), "--web.config.file: open " + fifo + ": not a regular file"},
		{"--web.config.file=" + tls("client_ca_file", "/dev/zero"), "--web.config.file: open /dev/zero: not a regular file"},
		{"--log.level=loud", "--log.level: "},
		{"--log.format=xml", "--log.format: "},
		{"--sampler.interval=9ms", "--sampler.interval: expected 10ms to 1h0m0s, found 9ms"},
		{"--sampler.interval=1100000h", "--sampler.interval: expected 10ms to 1h0m0s, found 1100000h0m0s"},
		{"--sampler.recheck-interval=1100000h", "--sampler.recheck-interval: expected 0, or 10ms to 1h0m0s, found 1100000h0m0s"},
		{"--health.window=1100000h", "--health.window: expected 24h0m0s or less, found 1100000h0m0s"},
		{"--sampler.interval=0s", "--sampler.interval: "},
		{"--sampler.interval=-1s", "--sampler.interval: "},
		{"--sampler.interval=1", "--sampler.interval: "},
		{"--sampler.interval=10s", "--health.window: expected at least three intervals (30s), found 10s"},
		{"--health.window=2s", "--health.window: "},
		{"--health.window=-1s", "--health.window: "},
		{"--sampler.record=x --sampler.replay=y", "--sampler.record: cannot be combined with --sampler.replay"},
		{"--netns.proc-interval=999ms", "--netns.proc-interval: expected 1s to 1h0m0s, found 999ms"},
		{"--netns.exclude=a --netns.exclude=[", `--netns.exclude: expected patterns such as kube-system or web-*, found ["a" "["]`},
		{"--netns.exclude=", "--netns.exclude: expected patterns"},
		{"--netns.exclude=a --collector.owner=off", "--netns.exclude: needs --collector.owner=auto"},
		{"--netns.mode=proc --sampler.filter=dev=3", `--sampler.filter: cannot be combined with --netns.mode=proc: only the kernel can test "dev = 3"`},
		{"--netns.mode=everything", "--netns.mode: "},
		{"--tracker.max-connections=0", "--tracker.max-connections: expected 1 to 67108864, found 0"},
		{"--tracker.max-connections=99999999999999999999", "--tracker.max-connections: "},
		{"--sampler.max-cpu=1.1", "--sampler.max-cpu: expected 0, or 1e-06 to 1, found 1.1"},
		{"--sampler.max-cpu=1e-300", "--sampler.max-cpu: expected 0, or 1e-06 to 1, found 1e-300"},
		{"--sampler.max-cpu=-0.1", "--sampler.max-cpu: expected 0, or 1e-06 to 1, found -0.1"},
		{"--tracker.retention=-1s", "--tracker.retention: expected a duration of 0 or more"},
		{"--collector.connections=-1", "--collector.connections: expected 0 to 67108864, found -1"},
		{"--collector.listeners=-1", "--collector.listeners: expected 0 to 67108864, found -1"},
		{"--collector.connections.min-age=-1s", "--collector.connections.min-age: "},
		{"--collector.connections.hold=-1s", "--collector.connections.hold: "},
		{"--collector.groups=-1", "--collector.groups: expected 0 to 65536, found -1"},
		{"--collector.groups=65537", "--collector.groups: "},
		{"--collector.connections.set=", "--collector.connections.set: "},
		{"--collector.connections.set=health,ful", `--collector.connections.set: unknown set "ful"`},
		{"--path.cgroupfs=cgroup", `--path.cgroupfs: expected an absolute path, found "cgroup"`},
		{"--collector.netns=-1", "--collector.netns: expected 0 to 8192, found -1"},
		{"netns-broker --bogus", "--bogus"},
		{"netns-broker --path.cgroupfs=cgroup", `--path.cgroupfs: expected an absolute path, found "cgroup"`},
		{"netns-broker --sampler.interval=1s", "--sampler.interval"},
		{"netns-broker argument", "argument"},
		{"netns-broker --netns.broker=socket", `--netns.broker: expected an absolute path, found "socket"`},
		{"netns-broker --netns.broker=@abstract", "--netns.broker: expected an absolute path"},
		{"netns-broker --log.level=loud", "--log.level: "},
		{"netns-broker @" + fifo, "@" + fifo + ": "},
		{"--log.level=info netns-broker", "netns-broker"},
	} {
		args, want := strings.Fields(test[0]), test[1]
		code, stdout, stderr := runToEnd(t, args...)

		if code != exitUsage || stdout != "" {
			t.Errorf("%q: code %d, stdout %q", args, code, stdout)
		}

		line := errorLine(t, stderr)
		if !strings.Contains(line, want) || !strings.HasSuffix(line, ", try --help") {
			t.Errorf("%q: the error %q does not contain %q", args, line, want)
		}
	}
}

// TestFailures lists failures at run time.
func TestFailures(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	scene := readFile(t, scenePath)
	occupied := start(t)
	fifo := makeFIFO(t)

	writeFile(t, path("empty"), "")
	writeFile(t, path("foreign"), "\x7fELF this is another program's file, and a long one")
	writeFile(t, path("version"), strings.Replace(scene, "recording 1\n", "recording 3\n", 1))
	writeFile(t, path("headless"), scene[:40])
	writeFile(t, path("truncated"), scene[:len(scene)-10])
	writeFile(t, path("sampleless"), sampleless(scene))
	writeFile(t, path("damaged"), scene[:len(scene)/2]+strings.Repeat("\xff", 4096))

	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--web.listen-address=" + strings.TrimPrefix(occupied.base, "http://")}, "address already in use"},
		{[]string{"--web.listen-address=192.0.2.1:0"}, "cannot assign requested address"},
		{[]string{"--web.systemd-socket"}, "no socket activation file descriptors found"},
		{[]string{"--sampler.replay=" + path("missing")}, "open recording: open " + path("missing") + ": no such file"},
		{[]string{"--sampler.replay=" + dir}, "open " + dir + ": not a regular file"},
		{[]string{"--sampler.replay=" + fifo}, "open " + fifo + ": not a regular file"},
		{[]string{"--sampler.replay=/dev/zero"}, "open /dev/zero: not a regular file"},
		{[]string{"--sampler.replay=/proc/kmsg"}, "open /proc/kmsg: not a regular file"},
		{[]string{"--sampler.replay=" + path("empty")}, "not a recording of this program"},
		{[]string{"--sampler.replay=" + path("foreign")}, "not a recording of this program"},
		{[]string{"--sampler.replay=" + path("version")}, "made by another version of this program"},
		{[]string{"--sampler.replay=" + path("headless")}, "truncated"},
		{[]string{"--sampler.replay=" + path("truncated")}, "truncated"},
		{[]string{"--sampler.replay=" + path("sampleless")}, "it holds no sample"},
		{[]string{"--sampler.replay=" + scenePath, "--sampler.interval=10ms", "--health.window=500ms"}, "--health.window: expected at least three of its intervals (750ms)"},
		{[]string{"--sampler.replay=" + path("damaged")}, "bad recording"},
		{[]string{"netns-broker"}, "--netns.broker: expected a path to listen at, or one socket of the service manager, found 0"},
		{[]string{"netns-broker", "--netns.broker=" + path("empty")}, "--netns.broker: listen unixpacket " + path("empty") + ": bind: address already in use"},
		{[]string{"--sampler.record=" + path("foreign")}, "create recording: open " + path("foreign") + ": file exists"},
		{[]string{"--sampler.record=" + path("no/such/directory")}, "no such file or directory"},
	} {
		args := test.args
		if strings.HasPrefix(args[0], "--sampler.") {
			args = append(args, "--web.listen-address=127.0.0.1:0")
		}

		code, stdout, stderr := runToEnd(t, args...)
		if code != exitFailure || stdout != "" {
			t.Errorf("%q: code %d, stdout %q", args, code, stdout)
		}

		if line := errorLine(t, stderr); !strings.Contains(line, test.want) {
			t.Errorf("%q: the error %q does not contain %q", args, line, test.want)
		}
	}

	unused := path("unused.rec")
	runToEnd(t, "--sampler.record="+unused, "--web.listen-address="+strings.TrimPrefix(occupied.base, "http://"))

	if _, err := os.Stat(unused); !os.IsNotExist(err) {
		t.Error("a recording without a dump was left behind")
	}

	if got := readFile(t, path("foreign")); !strings.HasPrefix(got, "\x7fELF") {
		t.Error("an existing file was overwritten by a recording")
	}
}

// sampleless returns the head of a recording: its magic line and its first frame, which
// is the metadata.
func sampleless(recording string) string {
	const magic, header = len("tcphealth_exporter recording 1\n"), 16
	meta := stdbinary.LittleEndian.Uint32([]byte(recording[magic+4:]))

	return recording[:magic+header+int(meta)]
}

// makeFIFO returns a FIFO that nothing writes to.
func makeFIFO(t *testing.T) string {
	t.Helper()

	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func TestQuestions(t *testing.T) {
	for args, wants := range map[string][]string{
		"--help":                 {"usage: tcphealth_exporter [<flags>]", "--sampler.interval=1s", "--web.config.file", "tcphealth_exporter netns-broker --help"},
		"-h":                     {"usage: "},
		"netns-broker --help":    {"usage: tcphealth_exporter netns-broker [<flags>]", "--netns.broker=PATH", "--log.level=info", "CAP_SYS_ADMIN"},
		"netns-broker --version": {"tcphealth_exporter, version "},
		"--version":              {"tcphealth_exporter, version "},
		"--version --bogus=1":    nil,
	} {
		code, stdout, stderr := runToEnd(t, strings.Fields(args)...)
		if wants == nil {
			continue // both are valid, but the program must end
		}

		if code != exitOK || stderr != "" {
			t.Errorf("%s: code %d, stderr %q", args, code, stderr)
		}

		for _, want := range wants {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: %q is missing in\n%s", args, want, stdout)
			}
		}
	}
}

// TestContractFlags checks the documented defaults.
func TestContractFlags(t *testing.T) {
	_, help, _ := runToEnd(t, "--help")

	for _, want := range []string{
		"--web.listen-address=:10047", "--web.config.file=", "--[no-]web.systemd-socket", `--web.telemetry-path="/metrics"`,
		"--[no-]web.enable-lifecycle", "--[no-]web.enable-pprof", "--config.file=FILE", "--[no-]config.check", "--[no-]dry-run",
		"--web.max-requests=40", "--[no-]web.disable-exporter-metrics", "--log.level=info", "--log.format=logfmt",
		"--sampler.interval=1s", "--sampler.max-cpu=0.1", "--[no-]sampler.congestion-info", "--sampler.record=FILE", "--sampler.replay=FILE",
		"--tracker.max-connections=262144", "--tracker.retention=1m", "--health.window=10s", "--collector.connections=500",
		"--collector.connections.min-age=30s", "--collector.connections.hold=5m",
		`--collector.connections.set="health,trend,tcp"`, "--collector.groups=100",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("%s is not in the help", want)
		}
	}
}

// TestZeroRetention: zero does not stand for the default.
func TestZeroRetention(t *testing.T) {
	o, err := parseOptions([]string{"--tracker.retention=0s"}, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}

	if got := o.healthConfig(time.Second).Retention; got <= 0 || got >= time.Millisecond {
		t.Errorf("retention %v", got)
	}
}

// TestRecheckInterval: the old name of the flag still works.
func TestRecheckInterval(t *testing.T) {
	for _, tc := range []struct {
		args       []string
		want       time.Duration
		deprecated int
	}{
		{nil, 250 * time.Millisecond, 0},
		{[]string{"--sampler.recheck-interval=100ms"}, 100 * time.Millisecond, 0},
		{[]string{"--sampler.watch-interval=0"}, 0, 1},
		{[]string{"--sampler.watch-interval=50ms"}, 50 * time.Millisecond, 1},
	} {
		o, err := parseOptions(tc.args, new(bytes.Buffer))
		if err != nil || o.recheckInterval != tc.want || len(o.deprecated) != tc.deprecated {
			t.Errorf("%v: %+v, %v; want %v", tc.args, o, err, tc.want)
		}
	}

	if _, err := parseOptions([]string{"--sampler.watch-interval=1ms"}, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "--sampler.watch-interval: ") {
		t.Errorf("a short interval under the old name: %v", err)
	}

	if _, err := parseOptions([]string{"--sampler.watch-interval=1s", "--sampler.recheck-interval=1s"}, new(bytes.Buffer)); err == nil {
		t.Error("both names at once are accepted")
	}
}

// TestDeprecatedFlag: the old name is hidden, and its use is logged once.
func TestDeprecatedFlag(t *testing.T) {
	if _, help, _ := runToEnd(t, "--help"); strings.Contains(help, oldRecheckFlag) {
		t.Error("the help has the old name")
	}

	for flag, want := range map[string]int{"--sampler.watch-interval=100ms": 1, "--sampler.recheck-interval=100ms": 0} {
		p := start(t, "--sampler.replay="+scenePath, flag)
		p.awaitReady(t)

		if n := len(p.lines("level=warn", `msg="deprecated flag"`, "flag=--sampler.watch-interval", "use=--sampler.recheck-interval")); n != want {
			t.Errorf("%s: %d warnings, want %d", flag, n, want)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()

	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	return string(b)
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()

	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
