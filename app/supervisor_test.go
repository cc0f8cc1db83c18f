package app

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/log"

	"tcphealth_exporter/health"
)

// manager is the receiving side of sd_notify(3).
type manager struct {
	*net.UnixConn

	path string
}

func newManager(t *testing.T) *manager {
	t.Helper()

	path := filepath.Join(t.TempDir(), "notify")

	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = conn.Close() })

	return &manager{conn, path}
}

// next returns the lines of the next message that has the assignment.
func (m *manager) next(t *testing.T, assignment string) []string {
	t.Helper()

	if err := m.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}

	for buf := make([]byte, 4096); ; {
		n, err := m.Read(buf)
		if err != nil {
			t.Fatalf("waiting for %s: %v", assignment, err)
		}

		lines := strings.Split(strings.TrimSpace(string(buf[:n])), "\n")
		if slices.Contains(lines, assignment) {
			return lines
		}
	}
}

// TestServiceManager: notifications are sent at the start, as keep-alives, around reloads
// that succeed or fail, and at the end.
func TestServiceManager(t *testing.T) {
	m := newManager(t)
	file := filepath.Join(t.TempDir(), "config.yml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	write("profiles: {}\n")

	p := spawn(t, func(cmd *exec.Cmd) {
		cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=600000")
	}, "--config.file="+file)

	if ready := m.next(t, "READY=1"); len(ready) != 2 || !strings.HasPrefix(ready[1], "STATUS=tracking ") {
		t.Errorf("ready with %q", ready)
	}

	if p.status("/-/ready") != 200 {
		t.Error("the notification of readiness came before the first sample")
	}

	if alive := m.next(t, "WATCHDOG=1"); len(alive) != 2 || !strings.HasPrefix(alive[1], "STATUS=tracking ") {
		t.Errorf("alive with %q", alive)
	}

	for _, text := range []string{"rules: []\n", "rules: [\n"} {
		write(text)

		if err := p.signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}

		if begun := m.next(t, "RELOADING=1"); len(begun) != 2 || !strings.HasPrefix(begun[1], "MONOTONIC_USEC=") {
			t.Errorf("reloading with %q", begun)
		}

		m.next(t, "READY=1")
	}

	p.end()
	m.next(t, "STOPPING=1")
}

// TestWatchdogOfAHang: keep-alives stop if the sampling goroutine hangs, and continue
// if sampling fails and is retried.
func TestWatchdogOfAHang(t *testing.T) {
	m := newManager(t)
	t.Setenv("NOTIFY_SOCKET", m.path)
	t.Setenv("WATCHDOG_USEC", "3000000")

	s := newSupervisor(&latest{interval: time.Second, started: time.Now().Add(-time.Hour)}, log.NewNopLogger())
	if s.period != time.Second || !s.watched {
		t.Fatalf("a keep-alive every %v, wanted: %t", s.period, s.watched)
	}

	s.moved(time.Minute)
	m.next(t, "READY=1")
	s.report()
	m.next(t, "WATCHDOG=1")

	s.moved(-time.Second - supervisorGrace)
	s.report()

	if lines := m.next(t, "STATUS=no sample yet"); len(lines) != 1 {
		t.Errorf("a hanging exporter sends %q", lines)
	}

	s.latest.set(&health.Snapshot{At: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)})
	s.latest.at.Store(0)
	s.report()

	if lines := m.next(t, "STATUS=no sample since 2026-11-25T12:00:00Z"); len(lines) != 1 {
		t.Errorf("a hanging exporter sends %q", lines)
	}
}

// TestBadWatchdog: the program starts in spite of invalid watchdog settings.
func TestBadWatchdog(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "soon")

	if s := newSupervisor(new(latest), log.NewNopLogger()); s.watched || s.period != statusPeriod {
		t.Errorf("a watchdog every %v: %t", s.period, s.watched)
	}
}
