package broker

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// sleeper starts a process that does nothing, until the end of the test.
func sleeper(t testing.TB, attr *syscall.SysProcAttr, files ...*os.File) *exec.Cmd {
	t.Helper()

	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr, cmd.ExtraFiles = attr, files
	must(t, cmd.Start())
	t.Cleanup(func() { kill(cmd) })

	return cmd
}

// kill ends a process that the test has started.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// tableInode returns the inode number of /proc/PID/net/tcp.
func tableInode(t testing.TB, pid int) uint64 {
	t.Helper()

	return inodeOf(t, "/proc/"+strconv.Itoa(pid)+"/net/tcp")
}

// TestLiveOpen opens a socket in the namespace of another process. Its inode number is that
// of the namespace, and its cookie is not that of the test's own one.
func TestLiveOpen(t *testing.T) {
	netlab.RequireRoot(t)

	pid := netlab.New(t).Start(t, "sleep", "600").PID()
	c := dial(t, start(t, socketPath(t), Config{}).path)

	for _, inode := range []uint64{0, tableInode(t, pid)} {
		opened, err := c.Open(pid, inode)
		must(t, err)

		if want := inodeOf(t, "/proc/"+strconv.Itoa(pid)+"/ns/net"); opened.Inode != want {
			t.Errorf("namespace %d, want %d", opened.Inode, want)
		}

		protocol, err := unix.GetsockoptInt(opened.FD, unix.SOL_SOCKET, unix.SO_PROTOCOL)
		if err != nil || protocol != unix.NETLINK_SOCK_DIAG {
			t.Errorf("protocol %d, %v", protocol, err)
		}

		if cookieOf(t, opened.FD) == ownCookie(t) {
			t.Error("the socket is in the namespace of the test")
		}

		closeFD(t, opened.FD)
	}
}

// cookieOf returns the cookie of the network namespace of a socket.
func cookieOf(t testing.TB, fd int) uint64 {
	t.Helper()

	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	must(t, err)

	return cookie
}

// ownCookie returns the cookie of the test's own network namespace.
func ownCookie(t testing.TB) uint64 {
	t.Helper()

	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)

	defer closeFD(t, fd)

	return cookieOf(t, fd)
}

// TestLiveOpenFails: the error names what is wrong, and no socket is left open.
func TestLiveOpenFails(t *testing.T) {
	netlab.RequireRoot(t)

	alive, dead, zombie := sleeper(t, nil), sleeper(t, nil), sleeper(t, nil)
	kill(dead)
	must(t, zombie.Process.Kill())
	await(t, "a zombie", func() bool {
		_, err := os.Stat("/proc/" + strconv.Itoa(zombie.Process.Pid) + "/ns/net")

		return errors.Is(err, os.ErrNotExist)
	})

	other := tableInode(t, sleeper(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}).Process.Pid)
	c := dial(t, start(t, socketPath(t), Config{}).path)
	_, err := c.Open(dead.Process.Pid, 0)
	before := usageNow(t)

	if !errors.Is(err, unix.ESRCH) {
		t.Error(err)
	}

	for name, test := range map[string]struct {
		pid   int
		inode uint64
		want  error
	}{
		"ended":                      {dead.Process.Pid, 0, unix.ESRCH},
		"zombie":                     {zombie.Process.Pid, 0, unix.ESRCH},
		"inode of another":           {alive.Process.Pid, other, unix.ESTALE},
		"inode of no namespace":      {alive.Process.Pid, 1, unix.ESTALE},
		"ended, and another's inode": {dead.Process.Pid, other, unix.ESRCH},
	} {
		opened, err := c.Open(test.pid, test.inode)
		if opened != (Opened{}) || !errors.Is(err, test.want) {
			t.Errorf("%s: %+v, %v", name, opened, err)
		}
	}

	awaitUsage(t, before)
}

// TestLiveConfirm: a process that has moved to another network namespace since that was opened
// is noticed, whether or not an inode number is expected.
func TestLiveConfirm(t *testing.T) {
	netlab.RequireRoot(t)

	pid := sleeper(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}).Process.Pid
	p, err := openProcess(int32(pid))
	must(t, err)

	defer p.close()

	left, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)

	defer closeFD(t, left)

	for _, inode := range []uint64{0, tableInode(t, pid)} {
		if got, err := p.confirm(left, inode); got != 0 || !errors.Is(err, unix.ESTALE) {
			t.Errorf("inode %d: namespace %d, %v", inode, got, err)
		}
	}
}

// cable starts a process in a network namespace of its own, which nothing else keeps, and
// lays a cable to it. exists reports whether the other end, in a namespace of the test, is
// there; it vanishes with the namespace of the process.
func cable(t testing.TB) (cmd *exec.Cmd, exists func() bool) {
	t.Helper()

	n := netlab.New(t)
	cmd = sleeper(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "near"

	must(t, n.DoErr(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "far", PeerNamespace: netlink.NsPid(cmd.Process.Pid)})
	}))

	return cmd, func() (found bool) {
		n.Do(func() {
			_, err := netlink.LinkByName("near")
			found = err == nil
		})

		return found
	}
}

// TestLiveNamespaceEnds: after its last process, a network namespace exists as long as the
// client keeps the socket, and not longer: the broker does not keep it.
func TestLiveNamespaceEnds(t *testing.T) {
	netlab.RequireRoot(t)

	c := dial(t, start(t, socketPath(t), Config{}).path)

	for range 5 {
		cmd, exists := cable(t)

		opened, err := c.Open(cmd.Process.Pid, tableInode(t, cmd.Process.Pid))
		must(t, err)
		kill(cmd)
		time.Sleep(100 * time.Millisecond) // longer than the end of a namespace takes

		if !exists() {
			t.Fatal("the namespace ended although the client has a socket in it")
		}

		closed := time.Now()

		closeFD(t, opened.FD)
		await(t, "the end of the namespace", func() bool { return !exists() })
		t.Logf("the namespace ended %v after the socket was closed", time.Since(closed).Round(time.Millisecond))
	}
}

// TestLiveThreadReplaced: a thread that cannot return to its own namespace is ended, so that
// it keeps none, and another one goes on.
func TestLiveThreadReplaced(t *testing.T) {
	netlab.RequireRoot(t)

	nowhere, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)

	replaced := make(chan error, 2)
	th := &thread{home: nowhere, jobs: make(chan job), replaced: func(err error) { replaced <- err }}
	th.group.Go(th.run)

	defer th.close()

	for range 2 {
		cmd, exists := cable(t)
		namespace, err := unix.Open("/proc/"+strconv.Itoa(cmd.Process.Pid)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		must(t, err)

		fd, err := th.open(namespace)
		must(t, err)

		if cookieOf(t, fd) == ownCookie(t) {
			t.Error("the socket is in the namespace of the test")
		}

		if err := <-replaced; !errors.Is(err, unix.EINVAL) {
			t.Errorf("replaced because of %v", err)
		}

		kill(cmd)
		closeFD(t, fd)
		closeFD(t, namespace)
		await(t, "the end of the namespace", func() bool { return !exists() })
	}
}

// TestLiveProcess finds the process of a cgroup that has a socket. The test has it open, too,
// but is in another cgroup.
func TestLiveProcess(t *testing.T) {
	netlab.RequireRoot(t)

	root := cgroupRoot(t)
	dir, err := os.MkdirTemp(root, "broker-test-")
	must(t, err)

	group, err := os.Open(dir)
	must(t, err)

	n := netlab.New(t)
	listener := n.Listen(t, "tcp", "127.0.0.1:0")
	file, err := listener.(interface{ File() (*os.File, error) }).File()
	must(t, err)

	cmd := sleeper(t, &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}, file)
	socket, cgroup := inodeOf(t, "/proc/self/fd/"+strconv.Itoa(int(file.Fd()))), inodeOf(t, dir)
	c := dial(t, start(t, socketPath(t), Config{CgroupRoot: root}).path)

	began := time.Now()
	got, err := c.Process(socket, cgroup)

	if want := (Process{PID: cmd.Process.Pid, Comm: "sleep"}); got != want || err != nil {
		t.Errorf("found %+v, %v; want %+v", got, err, want)
	}

	t.Logf("found after %v", time.Since(began).Round(time.Microsecond))

	for name, ids := range map[string][2]uint64{"socket": {1 << 40, cgroup}, "cgroup": {socket, 1 << 60}} {
		if got, err := c.Process(ids[0], ids[1]); got != (Process{}) || !errors.Is(err, unix.ENOENT) {
			t.Errorf("another %s: %+v, %v", name, got, err)
		}
	}

	requireRedials(t, root, socket, cgroup, cmd.Process.Pid)

	kill(cmd)
	must(t, errors.Join(file.Close(), group.Close(), os.Remove(dir)))
}

// requireRedials asks for a process without a broker, with one, too soon, and for another
// socket.
func requireRedials(t *testing.T, root string, socket, cgroup uint64, pid int) {
	t.Helper()

	path := socketPath(t)
	r := NewRedialer(path)
	ask := func(socket uint64) (Process, error) {
		r.next = time.Time{}

		return r.Process(socket, cgroup)
	}

	if _, err := ask(socket); !errors.Is(err, ErrDisconnected) {
		t.Errorf("without a broker: %v", err)
	}

	broker := start(t, path, Config{CgroupRoot: root})

	if got, err := ask(socket); got.PID != pid || err != nil {
		t.Errorf("found %+v, %v", got, err)
	}

	if _, err := r.Process(socket, cgroup); !errors.Is(err, ErrBusy) {
		t.Errorf("at once: %v", err)
	}

	if _, err := ask(1 << 40); !errors.Is(err, ErrNoProcess) {
		t.Errorf("another socket: %v", err)
	}

	broker.end()

	if _, err := ask(socket); !errors.Is(err, ErrDisconnected) {
		t.Errorf("after the end of the broker: %v", err)
	}

	start(t, path, Config{CgroupRoot: root})

	if got, err := ask(socket); got.PID != pid || err != nil {
		t.Errorf("after the restart of the broker: %+v, %v", got, err)
	}
}

// cgroupRoot returns where the cgroup v2 hierarchy is mounted.
func cgroupRoot(t testing.TB) string {
	t.Helper()

	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			return dir
		}
	}

	t.Skip("no cgroup v2 hierarchy")

	return ""
}

// BenchmarkOpen opens and closes a socket in another network namespace.
func BenchmarkOpen(b *testing.B) {
	netlab.RequireRoot(b)

	pid := sleeper(b, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}).Process.Pid
	inode := tableInode(b, pid)
	c := dial(b, start(b, socketPath(b), Config{}).path)

	for b.Loop() {
		opened, err := c.Open(pid, inode)
		must(b, err)
		closeFD(b, opened.FD)
	}
}
