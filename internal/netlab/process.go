package netlab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

const (
	runPatience  = time.Minute // Bounds a command that is waited for.
	pipePatience = time.Second // Bounds the wait for output that a killed command's children might still write.
)

// Run runs a command inside the namespace and returns what it wrote to its standard output and standard error. The test
// fails at once if the command cannot be started, returns a status other than 0, or takes more than a minute.
func (n *Namespace) Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = pipePatience
	var output []byte
	err := n.DoErr(func() (err error) {
		output, err = cmd.CombinedOutput()
		return err
	})
	if err != nil {
		t.Fatalf("running %v in a namespace: %v\n%s", cmd, err, output)
	}
	return string(output)
}

// Process is a command that runs inside a namespace, beside the test.
type Process struct {
	cmd    *exec.Cmd
	output Output
	done   chan struct{} // Closed when the process has ended and err is set.
	err    error
}

// Start starts a command inside the namespace. When the test is over the process is killed if it still runs, by its own
// process ID, so a command that starts others has to see to them itself. If the test has failed, its log shows what the
// command wrote. The command's standard input is empty.
func (n *Namespace) Start(t testing.TB, name string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.WaitDelay = pipePatience
	if err := n.DoErr(p.cmd.Start); err != nil {
		t.Fatalf("starting %v in a namespace: %v", p.cmd, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%v ended with %v and wrote:\n%s", p.cmd, p.Wait(), p.Output())
		}
	})
	return p
}

// PID returns the process ID.
func (p *Process) PID() int {
	return p.cmd.Process.Pid
}

// Output returns what the process has written so far to its standard output and standard error.
func (p *Process) Output() string {
	return p.output.String()
}

// Wait waits for the process to end. It returns nil if it ended with status 0, else an [exec.ExitError].
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Stop kills the process and waits for its end. It does nothing to a process that has ended already.
func (p *Process) Stop() {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic("killing a process of our own: " + err.Error())
	}
	<-p.done
}
