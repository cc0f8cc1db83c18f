package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// socketsPerHolder is how many sockets one process holds at most.
const socketsPerHolder = 16_000

var (
	holdFlag = flag.Int("hold", 0, "hold this many connections to -hold.address instead of testing")
	addrFlag = flag.String("hold.address", "", "address to listen on")
)

func TestMain(m *testing.M) {
	flag.Parse()

	if *holdFlag > 0 {
		if err := holdHere(*holdFlag, *addrFlag, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}

		return
	}

	os.Exit(m.Run())
}

// holdHere opens n connections to itself, says so, and keeps them until it is
// killed or its parent is gone.
func holdHere(n int, address string, out io.Writer) error {
	ctx := context.Background()
	quiet := net.KeepAliveConfig{Enable: false}

	listen := net.ListenConfig{KeepAliveConfig: quiet, KeepAlive: -1}
	listen.SetMultipathTCP(false)

	l, err := listen.Listen(ctx, "tcp4", address+":0")
	if err != nil {
		return err
	}

	dialer := net.Dialer{KeepAliveConfig: quiet, KeepAlive: -1}
	held := make([]net.Conn, 0, 2*n)

	for range n {
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

	fmt.Fprintf(out, "holding %d\n", len(held))

	for parent := os.Getppid(); os.Getppid() == parent; {
		time.Sleep(time.Second)
	}

	return nil
}

// population makes sockets idle sockets in a new namespace.
func population(b *testing.B, sockets int) *netlab.Namespace {
	b.Helper()

	ns := netlab.New(b)

	for i := 0; sockets > 0; i++ {
		n := min(sockets, socketsPerHolder)
		sockets -= n
		hold(b, ns, n, fmt.Sprintf("127.0.%d.1", i+1))
	}

	return ns
}

// hold makes sockets idle sockets in a process of their own; the servers among
// them have the address.
func hold(b *testing.B, ns *netlab.Namespace, sockets int, address string) {
	b.Helper()

	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}

	waitFor(b, ns.Start(b, self, fmt.Sprintf("-hold=%d", sockets/2), "-hold.address="+address))
}

func waitFor(b *testing.B, p *netlab.Process) {
	b.Helper()

	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(p.Output(), "holding ") {
			return
		}
	}

	b.Fatalf("no sockets after a minute: %s", p.Output())
}
