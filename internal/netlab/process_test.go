package netlab

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestRun(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	var want string
	n.Do(func() { want = readNetns(t) })
	if got := n.Run(t, "readlink", "/proc/self/ns/net"); got != want+"\n" {
		t.Errorf("the command ran in %q, want %q", got, want)
	}
}

func TestRunFails(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	tests := []struct {
		name, want string
		command    []string
	}{
		{"status", "exit status 3\nsorry\n", []string{"sh", "-c", "echo sorry >&2; exit 3"}},
		{"no such program", "executable file not found", []string{"no-such-tool"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := observe(t, func(t testing.TB) { n.Run(t, tt.command[0], tt.command[1:]...) })
			requireMessage(t, "failed", got.fatal, tt.want)
		})
	}
}

func TestStart(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	var want string
	n.Do(func() { want = readNetns(t) })
	p := n.Start(t, "sh", "-c", "readlink /proc/self/ns/net; exit 3")
	var status *exec.ExitError
	if err := p.Wait(); !errors.As(err, &status) || status.ExitCode() != 3 {
		t.Errorf("the process ended with %v, want status 3", err)
	}
	if got := p.Output(); got != want+"\n" {
		t.Errorf("the process ran in %q, want %q", got, want)
	}
	p.Stop() // Of a process that has ended.
}

func TestStartIsKilledAtCleanup(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	var p *Process
	t.Run("inner", func(t *testing.T) {
		p = n.Start(t, "sleep", "1000")
		if err := syscall.Kill(p.PID(), 0); err != nil {
			t.Errorf("the process is not there: %v", err)
		}
	})
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the process ended with %v, want killed", err)
	}
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("looking for the process gave %v, want %v", err, syscall.ESRCH)
	}
}

func TestStartFails(t *testing.T) {
	RequireRoot(t)
	n := New(t)
	got := observe(t, func(t testing.TB) { n.Start(t, "no-such-tool") })
	requireMessage(t, "failed", got.fatal, "executable file not found")
}
