package holder

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// order is the environment variable that makes a process of the test binary
// hold connections instead of testing: to how many addresses, how many to each, and
// the first address.
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
	StartMany(t, ns, 1, connections, address, attr)
}

// StartMany is Start for so many connections to each of some addresses, which are
// counted up from the first one.
func StartMany(t testing.TB, ns *netlab.Namespace, addresses, each int, first string, attr *syscall.SysProcAttr) {
	t.Helper()

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s", order, addresses, each, first))
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
		t.Fatalf("holding %d connections to each of %d addresses: %q, %v", each, addresses, line, err)
	}
}

// hold opens connections to itself, says so, and keeps them until it is killed
// or its parent is gone.
func hold(what string, out io.Writer) error {
	var (
		addresses, each int
		text            string
	)

	if _, err := fmt.Sscan(what, &addresses, &each, &text); err != nil {
		return fmt.Errorf("read %s=%q: %w", order, what, err)
	}

	first, err := netip.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("read %s=%q: %w", order, what, err)
	}

	var held []io.Closer

	for to := first; addresses > 0; addresses-- {
		pairs, err := pairs(to.String(), each)
		if err != nil {
			return err
		}

		held = append(held, pairs...)
		to = to.Next()
	}

	_, _ = fmt.Fprintln(out, "holding", len(held))

	for parent := os.Getppid(); os.Getppid() == parent; {
		time.Sleep(100 * time.Millisecond)
	}

	runtime.KeepAlive(held)

	return nil
}

// pairs returns the listener at an address, and both ends of connections to it.
func pairs(address string, count int) ([]io.Closer, error) {
	ctx := context.Background()
	listen := net.ListenConfig{KeepAlive: -1}
	listen.SetMultipathTCP(false)

	l, err := listen.Listen(ctx, "tcp4", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, err
	}

	dialer := net.Dialer{KeepAlive: -1}
	held := append(make([]io.Closer, 0, 1+2*count), l)

	for range count {
		client, err := dialer.DialContext(ctx, "tcp4", l.Addr().String())
		if err != nil {
			return nil, err
		}

		server, err := l.Accept()
		if err != nil {
			return nil, err
		}

		held = append(held, client, server)
	}

	return held, nil
}
