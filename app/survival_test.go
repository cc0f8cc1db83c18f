package app

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/logging"
)

// fullPipe returns the writing end of a pipe that nothing reads and that takes no more.
func fullPipe(t *testing.T) (w, r *os.File) {
	t.Helper()

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _, _ = r.Close(), w.Close() })

	if err := w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}

	for err == nil {
		_, err = w.Write(make([]byte, 4096))
	}

	return w, r
}

// TestFullLog: a log that nothing reads does not keep the program from starting, from
// sampling, or from ending.
func TestFullLog(t *testing.T) {
	w, _ := fullPipe(t)
	p := spawn(t, func(cmd *exec.Cmd) { cmd.Stderr = w }, "--sampler.interval=10ms", "--sampler.max-cpu=0", "--health.window=1s")
	p.awaitReady(t)

	if p.status("/metrics") != http.StatusOK {
		t.Error("no metrics")
	}

	p.end()
	<-p.stopped

	if p.code != exitOK {
		t.Errorf("ended with %d", p.code)
	}
}

// TestLogReaderDies: the program goes on and counts the lines.
func TestLogReaderDies(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}

	p := spawn(t, func(cmd *exec.Cmd) { cmd.Stderr = w })
	p.awaitReady(t)

	_, _ = w.Close(), r.Close()

	for range 3 { // without a file, each is logged
		if err := p.signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}

		time.Sleep(50 * time.Millisecond)
	}

	if n, _ := p.metric(t, "tcphealth_exporter_log_lines_dropped_total"); n < 3 {
		t.Errorf("%v lines were dropped", n)
	}

	p.end()
	<-p.stopped

	if p.code != exitOK {
		t.Errorf("ended with %d", p.code)
	}
}

// TestFullOutput: what could not be printed is an error.
func TestFullOutput(t *testing.T) {
	for _, args := range [][]string{{"--config.check"}, {"--version"}, {"--help"}, {"--dry-run"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()

		var stderr bytes.Buffer

		cmd := exec.Command(binary(t), args...)
		cmd.Stdout, cmd.Stderr = full, &stderr

		_ = cmd.Run()

		if code := cmd.ProcessState.ExitCode(); code != exitFailure || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("%q: ended with %d, stderr %q", args, code, stderr.String())
		}
	}
}

// TestBlockedStart: a signal ends the program while something blocks it, such as a file on
// a network file system.
func TestBlockedStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	blocked := make(chan struct{})
	defer close(blocked)

	stderr := new(netlab.Output)
	code := runUntil(ctx, stderr, func() int {
		cancel()
		<-blocked

		return exitOK
	})

	if code != exitFailure || stderr.String() != program+": error: interrupted while something blocked\n" {
		t.Errorf("ended with %d: %s", code, stderr)
	}
}

// TestConfigBecomesFIFO: a reload fails, and a later one of a regular file succeeds.
func TestConfigBecomesFIFO(t *testing.T) {
	path := writeConfig(t, calmConfig)
	p := start(t, "--config.file="+path, "--web.enable-lifecycle")
	p.awaitReady(t)

	reload := func(status int, want string) {
		t.Helper()

		if response, body := p.do(t, "POST", "/-/reload", nil); response.StatusCode != status || !strings.Contains(body, want) {
			t.Errorf("%s %q, want %d %q", response.Status, body, status, want)
		}

		if got, _ := p.metric(t, lastReload); (got == 1) != (status == http.StatusOK) {
			t.Errorf("%s %v after %d", lastReload, got, status)
		}
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}

	for range 3 {
		reload(http.StatusInternalServerError, "not a regular file")
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	writeFile(t, path, "\n")
	reload(http.StatusInternalServerError, "empty")
	writeFile(t, path, calmConfig)
	reload(http.StatusOK, "loaded")
}

// TestConfigIsBeingWritten: half a file is not loaded, the whole one is.
func TestConfigIsBeingWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yml")
	whole := "profiles: {calm: {base: auto}}\nrules: [{filter: 'dport = 443', profile: calm}]\n"
	half, _, _ := strings.Cut(whole, "rules")

	writeFile(t, path, half)

	go func() {
		for range 30 { // for longer than a file must not have changed
			time.Sleep(settleTime / 10)
			_ = os.WriteFile(path, []byte(half), 0o600)
		}

		_ = os.WriteFile(path, []byte(whole), 0o600)
	}()

	f := configFile{path: path}
	if text, err := f.reload(); err != nil || string(text) != whole {
		t.Errorf("read %q, %v", text, err)
	}
}

// TestConfigIsAlwaysWritten: reading gives up, and a modification time in the future, as
// after the clock was set back, does not matter.
func TestConfigIsAlwaysWritten(t *testing.T) {
	path := writeConfig(t, calmConfig)
	future := time.Now().Add(time.Hour)

	if err := os.Chtimes(path, future, future); err != nil {
		t.Fatal(err)
	}

	f := configFile{path: path}
	if text, err := f.reload(); err != nil || string(text) != calmConfig {
		t.Errorf("of the future: %q, %v", text, err)
	}

	stop := make(chan struct{})
	defer close(stop)

	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(settleTime / 10):
				_ = os.WriteFile(path, []byte(calmConfig), 0o600)
			}
		}
	}()

	time.Sleep(settleTime)

	if _, err := f.reload(); err == nil || !strings.Contains(err.Error(), "is being written") {
		t.Errorf("a file that is always written: %v", err)
	}
}

// TestOneReadAtATime: while a read hangs, as on a dead network file system, others fail.
func TestOneReadAtATime(t *testing.T) {
	f := configFile{path: writeConfig(t, calmConfig)}
	f.reading.Store(true)

	if _, err := f.reload(); err == nil || !strings.Contains(err.Error(), "the last attempt has not ended") {
		t.Errorf("%v", err)
	}

	f.reading.Store(false)

	for range 2 {
		if _, err := f.reload(); err != nil {
			t.Error(err)
		}
	}
}

// TestShortWatchdog: notifications that fail many times a second are not logged each time,
// and do not come more often than is useful.
func TestShortWatchdog(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "missing"))
	t.Setenv("WATCHDOG_USEC", "1")

	out := new(netlab.Output)
	logger, _ := logging.New(out, new(logging.Queue).Dropped, "info", "logfmt")
	s := newSupervisor(new(latest), logger)

	if s.period != minPeriod || !s.watched || !strings.Contains(out.String(), "watchdog period too short") {
		t.Errorf("a keep-alive every %v: %s", s.period, out)
	}

	const reports = 200

	for range reports {
		s.report()
		await(t, "the notification", func() bool { return len(s.notifications) == 0 })
	}

	if n := strings.Count(out.String(), "systemd notification failed"); n != logging.Repeats {
		t.Errorf("%d failures are logged %d times", reports, n)
	}
}

// TestNotificationsAreNotReceived: a service manager that does not read notifications
// blocks nothing.
func TestNotificationsAreNotReceived(t *testing.T) {
	m := newManager(t)
	t.Setenv("NOTIFY_SOCKET", m.path)

	out := new(netlab.Output)
	logger, _ := logging.New(out, new(logging.Queue).Dropped, "info", "logfmt")
	s := newSupervisor(new(latest), logger)

	for range 10_000 { // more than the socket and the queue hold
		_ = s.reloading(func() error { return nil })
	}

	if n := strings.Count(out.String(), "systemd notification dropped"); n != logging.Repeats {
		t.Errorf("%d warnings", n)
	}

	// The newest one is kept: it may be that of the end of a reload.
	s.notify("STATUS=newest")

	last := ""
	await(t, "the last notification", func() bool {
		for {
			select {
			case last = <-s.notifications:
			default:
				return last != ""
			}
		}
	})

	if last != "STATUS=newest" {
		t.Errorf("the last notification is %q", last)
	}
}

// TestRecordingIsLost: a recording that somebody truncates or deletes ends with an error,
// which metrics and the log report, and sampling goes on.
func TestRecordingIsLost(t *testing.T) {
	for want, lose := range map[string]func(path string) error{
		"the file was truncated from": func(path string) error { return os.Truncate(path, 100) },
		"the file was deleted":        os.Remove,
	} {
		path := filepath.Join(t.TempDir(), "recording")
		p := start(t, "--sampler.record="+path, "--sampler.interval=50ms", "--health.window=1s")
		p.awaitReady(t)

		if active, _ := p.metric(t, "tcphealth_recording_active"); active != 1 {
			t.Errorf("active %v at first", active)
		}

		if err := lose(path); err != nil {
			t.Fatal(err)
		}

		await(t, "the end of the recording", func() bool {
			active, _ := p.metric(t, "tcphealth_recording_active")

			return active == 0
		})

		if n, _ := p.metric(t, "tcphealth_recording_errors_total"); n != 1 {
			t.Errorf("%v errors", n)
		}

		await(t, "the log", func() bool { return len(p.lines("recording stopped, sampling continues", want)) == 1 })

		if p.status("/-/healthy") != http.StatusOK {
			t.Error("sampling has stopped")
		}
	}
}

// TestRecordingIsTruncatedBetween a check and a write: the next write fails.
func TestRecordingIsTruncatedBetween(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recording")

	f, err := createRecording(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close(true)

	if _, err := f.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}

	if err := f.check(); err != nil {
		t.Fatal(err)
	}

	if err := os.Truncate(path, 5); err != nil {
		t.Fatal(err)
	}

	n, err := f.file.WriteString("abcde") // what Write does after its check
	f.written.Add(uint64(n))

	if text := readFile(t, path); text != "01234abcde" || err != nil {
		t.Errorf("the file has %q, %v", text, err)
	}

	if _, err := f.Write([]byte("x")); err == nil || !strings.Contains(err.Error(), "truncated from 15 to 10 bytes") {
		t.Error(err)
	}
}

// TestEmptyRecordingIsRemoved, but not a file that has taken its place.
func TestEmptyRecordingIsRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recording")

	for _, replaced := range []bool{false, true} {
		f, err := createRecording(path)
		if err != nil {
			t.Fatal(err)
		}

		if replaced {
			writeFile(t, path+".new", "of another program")

			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}

		f.close(false)

		if _, err := os.Stat(path); (err == nil) != replaced {
			t.Errorf("replaced %t: %v", replaced, err)
		}
	}
}

// TestRecordingMetricsAreAbsent without a recording.
func TestRecordingMetricsAreAbsent(t *testing.T) {
	p := start(t)
	if _, there := p.metric(t, "tcphealth_recording_active"); there {
		t.Error("a recording is active")
	}
}
