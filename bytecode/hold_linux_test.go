package bytecode

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
)

// holdVariable makes a process of the test binary hold connections instead of
// testing: their number and the address to listen on.
const holdVariable = "BYTECODE_TEST_HOLD"

func TestMain(m *testing.M) {
	order, ok := os.LookupEnv(holdVariable)
	if !ok {
		os.Exit(m.Run())
	}

	if err := holdConnections(order); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// holdConnections opens connections to itself and keeps them until it is killed or
// its parent is gone.
func holdConnections(order string) error {
	var (
		count   int
		address string
	)

	if _, err := fmt.Sscan(order, &count, &address); err != nil {
		return err
	}

	l, err := net.Listen("tcp4", address+":0")
	if err != nil {
		return err
	}

	dialer := net.Dialer{KeepAlive: -1}
	dialer.SetMultipathTCP(false)

	held := make([]net.Conn, 0, 2*count)

	for range count {
		client, err := dialer.Dial("tcp4", l.Addr().String())
		if err != nil {
			return err
		}

		server, err := l.Accept()
		if err != nil {
			return err
		}

		held = append(held, client, server)
	}

	fmt.Println("holding", len(held))

	for parent := os.Getppid(); os.Getppid() == parent; {
		time.Sleep(100 * time.Millisecond)
	}

	return nil
}

// hold has another process hold connections between the address and itself.
func hold(t testing.TB, ns *netlab.Namespace, connections int, address string, attr *syscall.SysProcAttr) {
	t.Helper()

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", holdVariable, connections, address))
	cmd.SysProcAttr = attr

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

	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "holding") {
		t.Fatalf("holding %d connections: %q, %v", connections, line, err)
	}
}
