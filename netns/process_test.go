package netns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// role is the environment variable that makes a process of the test binary a [peer]: the
// port to listen on.
const role = "TCPHEALTH_TEST_NETNS"

func TestMain(m *testing.M) {
	port, ok := os.LookupEnv(role)
	if !ok {
		m.Run()

		return
	}

	if err := serve(port, os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
	}
}

// serve listens and executes orders until its input ends: "pairs N" opens N connections to
// itself, "close" closes them, "child" starts a process in the same namespace.
func serve(port string, in io.Reader, out io.Writer) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}

	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}

	l, err := net.Listen("tcp4", "127.0.0.1:"+port)
	if err != nil {
		return err
	}

	_, _ = fmt.Fprintln(out, "ready 0")

	var held []net.Conn

	for orders := bufio.NewScanner(in); orders.Scan(); {
		answer, n := 0, 0

		switch order := orders.Text(); order {
		case "close":
			for _, c := range held {
				_ = c.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			}

			held = nil
		case "child":
			child := exec.Command("sleep", "600")
			if err := child.Start(); err != nil {
				return err
			}

			answer = child.Process.Pid
		default:
			if _, err := fmt.Sscanf(order, "pairs %d", &n); err != nil {
				return err
			}
		}

		for ; n > 0; n-- {
			client, err := net.Dial("tcp4", l.Addr().String())
			if err != nil {
				return err
			}

			server, err := l.Accept()
			if err != nil {
				return err
			}

			held = append(held, client, server)
		}

		_, _ = fmt.Fprintln(out, "ready", answer)
	}

	runtime.KeepAlive(held)

	return nil
}

// peer is a process in a network namespace of its own, which ends with it.
type peer struct {
	t       testing.TB
	cmd     *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Reader
}

// newPeer starts a process that listens on a port and has so many connections to itself.
func newPeer(t testing.TB, port, pairs int) *peer {
	t.Helper()

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", role, port), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}

	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()

	if err := errors.Join(inErr, outErr); err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	p := &peer{t, cmd, in, bufio.NewReader(out)}
	t.Cleanup(p.kill)
	p.await()

	if pairs > 0 {
		p.order(fmt.Sprintf("pairs %d", pairs))
	}

	return p
}

func (p *peer) pid() int { return p.cmd.Process.Pid }

// kill ends the process, and returns when it has ended.
func (p *peer) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// order has the process do something, and returns its answer.
func (p *peer) order(what string) int {
	p.t.Helper()

	if _, err := fmt.Fprintln(p.orders, what); err != nil {
		p.t.Fatal(err)
	}

	return p.await()
}

func (p *peer) await() (answer int) {
	p.t.Helper()

	line, err := p.answers.ReadString('\n')
	if err != nil {
		p.t.Fatalf("answer %q, %v", line, err)
	}

	if _, err := fmt.Sscanf(strings.TrimSpace(line), "ready %d", &answer); err != nil {
		p.t.Fatalf("answer %q, %v", line, err)
	}

	return answer
}

// entering opens sockets by entering the namespace, on a thread that ends after that.
type entering struct{}

// Open implements [Opener].
func (entering) Open(pid int, inode uint64) (fd int, nsInode uint64, err error) {
	done := make(chan struct{})

	go onOwnThread(done, func() { fd, nsInode, err = enter(pid, inode) })
	<-done

	return fd, nsInode, err
}

// onOwnThread runs f on a thread that ends with the goroutine. The main thread cannot end,
// and is only kept busy.
func onOwnThread(done chan<- struct{}, f func()) {
	defer close(done)

	runtime.LockOSThread()

	if unix.Gettid() != unix.Getpid() {
		f()

		return
	}

	other := make(chan struct{})

	go onOwnThread(other, f)
	<-other
	runtime.UnlockOSThread()
}

func enter(pid int, inode uint64) (fd int, nsInode uint64, err error) {
	ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, 0, err
	}
	defer unix.Close(ns)

	var s unix.Stat_t
	if err := unix.Fstat(ns, &s); err != nil {
		return -1, 0, err
	}

	if now, err := inodeAt(unix.AT_FDCWD, fmt.Sprintf("/proc/%d/net/tcp", pid)); err != nil {
		return -1, 0, err
	} else if now != inode {
		return -1, 0, unix.ESTALE
	}

	if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
		return -1, 0, err
	}

	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)

	return fd, s.Ino, err
}
