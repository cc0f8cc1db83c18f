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

	if err := hold(what, os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
	}
}

// Holder is a process that holds connections.
type Holder struct {
	tb       testing.TB
	asked    io.WriteCloser
	reported *bufio.Reader
	process  *exec.Cmd
}

// Start has another process in the namespace hold idle connections over IPv4
// between itself and the address, without keepalive, until the test is over.
// attr may give the process another user. A process holds 9,900 connections, two
// sockets each, at most.
func Start(t testing.TB, ns *netlab.Namespace, connections int, address string, attr *syscall.SysProcAttr) *Holder {
	t.Helper()

	return StartMany(t, ns, 1, connections, address, attr)
}

// StartMany is Start for so many connections to each of some addresses, which are
// counted up from the first one.
func StartMany(t testing.TB, ns *netlab.Namespace, addresses, each int, first string, attr *syscall.SysProcAttr) *Holder {
	t.Helper()

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d %s", order, addresses, each, first))
	cmd.SysProcAttr = attr
	cmd.Stderr = os.Stderr

	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}

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

	h := &Holder{t, in, bufio.NewReader(out), cmd}
	h.await("holding")

	return h
}

// await reads the next answer of the process.
func (h *Holder) await(what string) {
	h.tb.Helper()

	if line, err := h.reported.ReadString('\n'); err != nil || !strings.HasPrefix(line, what) {
		h.tb.Fatalf("%s connections: %q, %v", what, line, err)
	}
}

// Stop ends the process, which closes the connections.
func (h *Holder) Stop() {
	_ = h.asked.Close()
	_ = h.process.Wait()
}

// Exchange has a message go each way on every nth connection.
func (h *Holder) Exchange(nth int) {
	h.tb.Helper()

	if _, err := fmt.Fprintln(h.asked, nth); err != nil {
		h.tb.Fatal(err)
	}

	h.await("exchanged")
}

// pair has both ends of a connection.
type pair struct{ client, server net.Conn }

// hold opens connections to itself, says so, and keeps them until it is killed
// or its parent is gone. Each number that it is given makes it exchange messages.
func hold(what string, in io.Reader, out io.Writer) error {
	var (
		addresses, each int
		text            string
	)

	if _, err := fmt.Sscan(what, &addresses, &each, &text); err != nil {
		return fmt.Errorf("read %s=%q: %w", order, what, err)
	}

	to, err := netip.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("read %s=%q: %w", order, what, err)
	}

	var (
		listeners []net.Listener
		held      []pair
	)

	for ; addresses > 0; addresses-- {
		l, pairs, err := connect(to.String(), each)
		if err != nil {
			return err
		}

		listeners, held = append(listeners, l), append(held, pairs...)
		to = to.Next()
	}

	_, _ = fmt.Fprintln(out, "holding", len(held))

	for nth := 0; ; { // until the other end of the pipe is closed
		if _, err := fmt.Fscan(in, &nth); err != nil {
			break
		}

		for i := 0; i < len(held); i += nth {
			if err := held[i].exchange(); err != nil {
				return err
			}
		}

		_, _ = fmt.Fprintln(out, "exchanged")
	}

	runtime.KeepAlive(listeners)
	runtime.KeepAlive(held)

	return nil
}

// exchange has a message go each way.
func (p *pair) exchange() error {
	b := []byte("hello")

	for _, way := range []pair{*p, {p.server, p.client}} {
		if _, err := way.client.Write(b); err != nil {
			return err
		}

		if _, err := io.ReadFull(way.server, b); err != nil {
			return err
		}
	}

	return nil
}

// connect returns a listener at an address, and connections to it.
func connect(address string, count int) (net.Listener, []pair, error) {
	ctx := context.Background()
	listen := net.ListenConfig{KeepAlive: -1}
	listen.SetMultipathTCP(false)

	l, err := listen.Listen(ctx, "tcp4", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, nil, err
	}

	dialer := net.Dialer{KeepAlive: -1}
	pairs := make([]pair, count)

	for i := range pairs {
		if pairs[i].client, err = dialer.DialContext(ctx, "tcp4", l.Addr().String()); err != nil {
			return nil, nil, err
		}

		if pairs[i].server, err = l.Accept(); err != nil {
			return nil, nil, err
		}
	}

	return l, pairs, nil
}
