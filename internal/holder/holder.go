package holder

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// order is the environment variable that makes a process of the test binary
// hold connections instead of testing: their number and the address.
const order = "TCPHEALTH_TEST_HOLD"

// Main is for TestMain: it runs the tests, or, in a process that [Start] made,
// holds connections.
func Main(m *testing.M) {
	what, ordered := os.LookupEnv(order)
	if !ordered {
		m.Run()

		return
	}

	if err := hold(what, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
	}
}

// Start has another process in the namespace hold idle connections over IPv4
// between itself and the address, without keepalive, until the test is over.
// attr may give the process another user. A process holds 9,900 connections, two
// sockets each, at most.
func Start(t testing.TB, ns *netlab.Namespace, connections int, address string, attr *syscall.SysProcAttr) {
	t.Helper()

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", order, connections, address))
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr

	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := ns.DoErr(cmd.Start); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})

	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "holding ") {
		t.Fatalf("holding %d connections: %q, %v", connections, line, err)
	}
}

// hold opens connections to itself, says so, and keeps them until it is killed
// or its parent is gone.
func hold(what string, out io.Writer) error {
	var (
		count   int
		address string
	)

	if _, err := fmt.Sscan(what, &count, &address); err != nil {
		return fmt.Errorf("read %s=%q: %w", order, what, err)
	}

	ctx := context.Background()
	listen := net.ListenConfig{KeepAlive: -1}
	listen.SetMultipathTCP(false)

	l, err := listen.Listen(ctx, "tcp4", net.JoinHostPort(address, "0"))
	if err != nil {
		return err
	}

	dialer := net.Dialer{KeepAlive: -1}
	held := make([]net.Conn, 0, 2*count)

	for range count {
		client, err := dialer.DialContext(ctx, "tcp4", l.Addr().String())
		if err != nil {
			return err
		}

		server, err := l.Accept()
		if err != nil {
			return err
		}

		held = append(held, client, server)
	}

	_, _ = fmt.Fprintln(out, "holding", len(held))

	for parent := os.Getppid(); os.Getppid() == parent; {
		time.Sleep(100 * time.Millisecond)
	}

	return nil
}
