package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/netns/broker"
	"tcphealth_exporter/owner"
	"tcphealth_exporter/sampler"
)

// unprivilegedID is a user, and a group, without any privilege.
const unprivilegedID = 65534

// spawnBroker runs the netns broker of the built program until the end of the test.
// capabilities are those of an unprivileged user, nil runs it as the user of the test.
func spawnBroker(t *testing.T, capabilities []uintptr) (path string, cmd *exec.Cmd, output *netlab.Output) {
	t.Helper()

	dir, err := os.MkdirTemp("", "broker")
	if err != nil {
		t.Fatal(err)
	}

	path, output = filepath.Join(dir, "socket"), new(netlab.Output)
	cmd = exec.Command(binary(t), "netns-broker", "--netns.broker="+path, "--log.level=debug")
	cmd.Stdout, cmd.Stderr = output, output

	if capabilities != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: unprivilegedID, Gid: unprivilegedID}, AmbientCaps: capabilities,
		}

		if err := os.Chown(dir, unprivilegedID, unprivilegedID); err != nil {
			t.Fatal(err)
		}
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)

		if t.Failed() {
			t.Logf("the broker wrote:\n%s", output.String())
		}
	})

	await(t, "the broker", func() bool { return strings.Contains(output.String(), "listening for clients") })

	return path, cmd, output
}

// dialBroker connects to a broker until the end of the test.
func dialBroker(t *testing.T, path string) *broker.Client {
	t.Helper()

	c, err := broker.Dial(path)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = c.Close() })

	return c
}

// TestBrokerCapabilities runs the broker as an unprivileged user: it needs two capabilities,
// and its errors report what it lacks.
func TestBrokerCapabilities(t *testing.T) {
	netlab.RequireRoot(t)

	const admin, ptrace = unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE

	pid := netlab.New(t).Start(t, "sleep", "600").PID()

	for name, test := range map[string]struct {
		capabilities []uintptr
		want         error
	}{
		"none":       {[]uintptr{}, unix.EACCES},
		"SYS_ADMIN":  {[]uintptr{admin}, unix.EACCES},
		"SYS_PTRACE": {[]uintptr{ptrace}, unix.EPERM},
		"both":       {[]uintptr{admin, ptrace}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path, _, _ := spawnBroker(t, test.capabilities)

			opened, err := dialBroker(t, path).Open(pid, 0)
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%v, want %v", err, test.want)
			}

			if err == nil {
				_ = unix.Close(opened.FD)
			}
		})
	}
}

// TestBrokerSamples samples another network namespace with a socket of a broker that has two
// capabilities: only the connection there is found.
func TestBrokerSamples(t *testing.T) {
	netlab.RequireRoot(t)

	n := netlab.New(t)
	there, _ := n.Pair(t, "tcp", "127.0.0.1:0")
	here, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()

	path, _, _ := spawnBroker(t, []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE})

	opened, err := dialBroker(t, path).Open(n.Start(t, "sleep", "600").PID(), 0)
	if err != nil {
		t.Fatal(err)
	}

	conn, err := sampler.NewConn(opened.FD, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	var found []string

	if _, err := conn.Dump(func(_ time.Time, sockets []sampler.Socket) {
		for i := range sockets {
			found = append(found, sockets[i].Local.AddrPort().String())
		}
	}); err != nil {
		t.Fatal(err)
	}

	all := strings.Join(found, " ")
	if len(found) != 2 || !strings.Contains(all, there.LocalAddr().String()) || strings.Contains(all, here.Addr().String()) {
		t.Errorf("found %q; want the connection of %v only", found, there.LocalAddr())
	}
}

// TestBrokerProcess: without the capability to read /proc/PID/fd, the broker reports that.
func TestBrokerProcess(t *testing.T) {
	netlab.RequireRoot(t)

	const admin, ptrace, search = unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH

	pid, socket, cgroup := holdSocket(t)

	for name, test := range map[string]struct {
		capabilities []uintptr
		want         error
	}{
		"as root":              {nil, nil},
		"as the units":         {[]uintptr{admin, ptrace}, unix.EACCES},
		"without SYS_PTRACE":   {[]uintptr{admin, search}, unix.EACCES},
		"with DAC_READ_SEARCH": {[]uintptr{admin, ptrace, search}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path, _, _ := spawnBroker(t, test.capabilities)

			got, err := dialBroker(t, path).Process(socket, cgroup)
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || err == nil && (got.PID != pid || got.Comm != "sleep") {
				t.Errorf("found %+v, %v; want process %d, %v", got, err, pid, test.want)
			}
		})
	}
}

// holdSocket starts a process of root in a cgroup of its own that has a socket open. It
// returns its id, and the inode numbers of the socket and of the cgroup.
func holdSocket(t *testing.T) (pid int, socket, cgroup uint64) {
	t.Helper()

	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}

	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close()

	dir, err := os.MkdirTemp(cgroupRoot(t), "broker-test-")
	if err != nil {
		t.Fatal(err)
	}

	group, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()

	cmd := exec.Command("sleep", "600")
	cmd.ExtraFiles = []*os.File{file}
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()

		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})

	return cmd.Process.Pid, inodeOf(t, file), inodeOf(t, group)
}

// inodeOf returns the inode number of a file.
func inodeOf(t *testing.T, file *os.File) uint64 {
	t.Helper()

	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		t.Fatal(err)
	}

	return stat.Ino
}

// TestBrokerEnds: each signal ends the broker with 0, while a client is connected, and removes
// its socket.
func TestBrokerEnds(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		path, cmd, output := spawnBroker(t, nil)

		if _, err := dialBroker(t, path).Open(1<<31-1, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("before the end: %v", err)
		}

		if err := errors.Join(cmd.Process.Signal(signal), cmd.Wait()); err != nil {
			t.Errorf("%v: %v", signal, err)
		}

		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: the socket was left: %v", signal, err)
		}

		for _, want := range []string{
			`msg="starting tcphealth_exporter netns-broker" version=`, "address=" + path,
			fmt.Sprintf(`msg="client connected" uid=%d gid=%d pid=%d`, os.Getuid(), os.Getgid(), os.Getpid()), " msg=stopped\n",
		} {
			if !strings.Contains(output.String(), want) {
				t.Errorf("%v: the log lacks %q", signal, want)
			}
		}
	}
}

// TestBrokerActivation: the broker listens at the socket that the service manager passes, and
// leaves it when it ends.
func TestBrokerActivation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")

	listener, err := broker.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()

	file, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	output := new(netlab.Output)
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" netns-broker`, binary(t))
	cmd.ExtraFiles, cmd.Stderr = []*os.File{file}, output

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = cmd.Process.Kill() })

	// It connects before the broker accepts.
	if _, err := dialBroker(t, path).Open(1<<31-1, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("%v\n%s", err, output.String())
	}

	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		t.Errorf("%v\n%s", err, output.String())
	}

	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}

// TestProcessOf: no process is searched for if the owner of a socket was found without a
// cgroup.
func TestProcessOf(t *testing.T) {
	e := &exporter{broker: broker.NewRedialer("/nowhere/socket")}
	claimed := owner.NewOwners(owner.NewCgroups(t.TempDir()), owner.Paths{Proc: procPath}).OfProcesses([]int{os.Getpid()})

	for cgroup, want := range map[uint64]error{claimed: errNoCgroup, 1234: broker.ErrDisconnected} {
		if _, err := e.processOf(7, cgroup); !errors.Is(err, want) {
			t.Errorf("cgroup %x: %v, want %v", cgroup, err, want)
		}
	}
}

// TestProcessLive: with a broker that may read the files of processes, the API names the
// process of a connection on request; without one, why not.
func TestProcessLive(t *testing.T) {
	netlab.RequireRoot(t)
	netlab.RequireTool(t, "iperf3")

	path, cmd, _ := spawnBroker(t, nil)
	near, far := netlab.New(t), netlab.New(t)
	link := netlab.Join(t, near, far, 1)
	serveIn(t, near, fmt.Sprintf("tcphealth-test-%d-process.service", os.Getpid()))

	p := spawnIn(t, near, "--netns.broker="+path)
	p.awaitReady(t)
	far.Dial(t, "tcp4", netip.AddrPortFrom(link.A.IPv4, 5201).String())

	const list = connectionsPath + "?filter=sport+%3D+5201"

	await(t, "the connection", func() bool { return strings.Contains(p.get(t, list), `"total":1,`) })

	_, rest, _ := strings.Cut(p.get(t, list), `"cookie":"`)
	cookie, _, _ := strings.Cut(rest, `"`)
	single := connectionsPath + "/" + cookie

	if body := p.get(t, single); strings.Contains(body, `"process`) {
		t.Errorf("without a request for it: %s", body)
	}

	await(t, "the process", func() bool {
		return regexp.MustCompile(`"process":{"pid":[0-9]+,"command":"iperf3"}`).MatchString(p.get(t, single+"?process=1"))
	})

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	await(t, "the reason", func() bool {
		return strings.Contains(p.get(t, single+"?process=1"), `"process_error":"no connection to the netns broker: `)
	})
}
