package netlab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// dialPatience bounds a connection attempt. Within a lab every attempt that can succeed does so in milliseconds.
const dialPatience = 5 * time.Second

// Listen opens a listening socket in the namespace; it is closed when the test is over. The host of the address is an
// IP address or empty, never a name: names are resolved on other threads, outside the namespace. The socket is plain
// TCP, not MPTCP, and connections accepted from it send no keepalives.
func (n *Namespace) Listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	requireLiteral(t, address)
	config := net.ListenConfig{KeepAlive: -1}
	config.SetMultipathTCP(false)
	var listener net.Listener
	err := n.DoErr(func() (err error) {
		listener, err = config.Listen(context.Background(), network, address)
		return err
	})
	if err != nil {
		t.Fatalf("listening in a namespace: %v", err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// Dial opens a connection from the namespace; it is closed when the test is over. The test fails at once if the attempt
// is refused or takes more than five seconds. The host of the address is an IP address, as for [Namespace.Listen]. The
// socket is plain TCP, not MPTCP, and sends no keepalives.
func (n *Namespace) Dial(t testing.TB, network, address string) net.Conn {
	t.Helper()
	requireLiteral(t, address)
	dialer := net.Dialer{Timeout: dialPatience, KeepAlive: -1}
	dialer.SetMultipathTCP(false)
	var conn net.Conn
	err := n.DoErr(func() (err error) {
		conn, err = dialer.Dial(network, address)
		return err
	})
	if err != nil {
		t.Fatalf("dialing from a namespace: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Pair opens a connection within the namespace and returns both its ends; they are closed when the test is over. The
// address is the one to listen on, with port 0 for any free port. The listener is closed again before Pair returns, so
// that the two ends are all that is left.
func (n *Namespace) Pair(t testing.TB, network, address string) (client, server net.Conn) {
	t.Helper()
	return Connect(t, n, n, network, address)
}

// Connect is [Namespace.Pair] from one namespace to another, over a cable laid by [Join]. The address is one of the
// namespace to, in which the listener is.
func Connect(t testing.TB, from, to *Namespace, network, address string) (client, server net.Conn) {
	t.Helper()
	listener := to.Listen(t, network, address)
	defer listener.Close()
	client = from.Dial(t, network, listener.Addr().String())
	server, err := listener.Accept()
	if err != nil {
		t.Fatalf("accepting in a namespace: %v", err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return client, server
}

// requireLiteral fails the test unless the host of the address is an IP address or empty.
func requireLiteral(t testing.TB, address string) {
	t.Helper()
	if err := checkLiteral(address); err != nil {
		t.Fatalf("using the address %q in a namespace: %v", address, err)
	}
}

// checkLiteral returns an error if an address needs a resolver.
func checkLiteral(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return err
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return fmt.Errorf("the host must be an IP address: %w", err)
	}
	return nil
}
