package broker

import (
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// fake answers every request with the same bytes and descriptors; without bytes, it does not
// answer.
func fake(t *testing.T, answer []byte, fds ...int) string {
	t.Helper()

	path := socketPath(t)
	listener, err := Listen(path)
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })

	go func() {
		conn, err := listener.AcceptUnix()
		if err != nil {
			return
		}
		defer conn.Close()

		for b := make([]byte, RequestSize); err == nil; {
			if _, err = conn.Read(b); err == nil && len(answer) > 0 {
				_, _, err = conn.WriteMsgUnix(answer, rightsOf(fds), nil)
			}
		}
	}()

	return path
}

func rightsOf(fds []int) []byte {
	if len(fds) == 0 {
		return nil
	}

	return unix.UnixRights(fds...)
}

// TestClientBadReplies: after a reply that is none to the request, the client is
// disconnected. It closes descriptors that are not due.
func TestClientBadReplies(t *testing.T) {
	opened, found, failed := replyTable[0].Bytes(), replyTable[1].Bytes(), replyTable[4].Bytes()
	in := int(os.Stdin.Fd())

	for name, test := range map[string]struct {
		answer []byte
		fds    []int
		want   error
	}{
		"no reply":                     {nil, nil, os.ErrDeadlineExceeded},
		"short":                        {opened[1:], []int{in}, ErrMalformed},
		"long":                         {append(slices.Clone(opened), 0), []int{in}, ErrMalformed},
		"another version":              {with(opened, 0, 2), []int{in}, ErrMalformed},
		"no descriptor":                {opened, nil, ErrMalformed},
		"two descriptors":              {opened, []int{in, in}, ErrMalformed},
		"many descriptors":             {opened, slices.Repeat([]int{in}, 100), ErrMalformed},
		"descriptor of a failure":      {failed, []int{in}, ErrMalformed},
		"reply to a search":            {found, nil, ErrMalformed},
		"reply to a search, with more": {found, []int{in}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, fake(t, test.answer, test.fds...))
			before := usageNow(t)

			got, err := c.Open(1, 0)
			if got != (Opened{}) || !errors.Is(err, ErrDisconnected) || !errors.Is(err, test.want) {
				t.Errorf("%+v, %v", got, err)
			}

			if _, again := c.Open(1, 0); again == nil || again.Error() != err.Error() {
				t.Errorf("the next request: %v", again)
			}

			if now := usageNow(t).descriptors; now > before.descriptors {
				t.Errorf("%d descriptors after %d", now, before.descriptors)
			}
		})
	}
}

// TestClientErrors: the error matches the error number, and the client stays connected.
func TestClientErrors(t *testing.T) {
	for name, test := range map[string]struct {
		reply Reply
		text  string
	}{
		"failed":  {Reply{Status: StatusFailed, Errno: unix.ESTALE}, "process 7: stale"},
		"refused": {Reply{Status: StatusRefused, Errno: unix.EPROTO}, "process 7: request refused: protocol error"},
	} {
		c := dial(t, fake(t, test.reply.Bytes()))

		for range 2 {
			if _, err := c.Open(7, 0); !errors.Is(err, test.reply.Errno) || errors.Is(err, ErrDisconnected) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestClientReply: the descriptor is closed on exec(2), and names of any bytes arrive.
func TestClientReply(t *testing.T) {
	opened, err := dial(t, fake(t, Reply{Inode: 99}.Bytes(), int(os.Stdin.Fd()))).Open(1, 0)
	must(t, err)

	flags, err := unix.FcntlInt(uintptr(opened.FD), unix.F_GETFD, 0)
	must(t, err)

	if opened.Inode != 99 || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("opened %+v, flags %x", opened, flags)
	}

	closeFD(t, opened.FD)

	process, err := dial(t, fake(t, replyTable[2].Bytes())).Process(1, 2)
	if want := (Process{PID: int(replyTable[2].PID), Comm: replyTable[2].Comm}); process != want || err != nil {
		t.Errorf("found %+v, %v", process, err)
	}
}

// TestClientArguments: requests that cannot be are not sent.
func TestClientArguments(t *testing.T) {
	c := dial(t, fake(t, nil))

	for _, pid := range []int{0, -1, 1 << 31, 1<<32 + 1} {
		if _, err := c.Open(pid, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("process %d: %v", pid, err)
		}
	}

	for _, ids := range [][2]uint64{{0, 1}, {1, 0}} {
		if _, err := c.Process(ids[0], ids[1]); !errors.Is(err, ErrMalformed) || errors.Is(err, ErrDisconnected) {
			t.Errorf("socket and cgroup %v: %v", ids, err)
		}
	}
}

// TestClientRestart: a client stays disconnected when the broker is started again; another
// one works.
func TestClientRestart(t *testing.T) {
	b := start(t, socketPath(t), Config{})
	c := dial(t, b.path)

	if _, err := c.Open(1<<31-1, 0); !errors.Is(err, unix.ESRCH) {
		t.Fatal(err)
	}

	b.end()

	if _, err := Dial(b.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no broker: %v", err)
	}

	start(t, b.path, Config{})

	for range 2 {
		if _, err := c.Open(1<<31-1, 0); !errors.Is(err, ErrDisconnected) {
			t.Errorf("after the restart: %v", err)
		}
	}

	if _, err := dial(t, b.path).Open(1<<31-1, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("dialed again: %v", err)
	}
}

// TestClientClose: Close can be called twice, and interrupts a request.
func TestClientClose(t *testing.T) {
	c := dial(t, fake(t, nil))
	must(t, c.Close())
	must(t, c.Close())

	if _, err := c.Open(1, 0); !errors.Is(err, ErrDisconnected) || !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestErrnoOf: an error without a number is EIO.
func TestErrnoOf(t *testing.T) {
	for want, err := range map[syscall.Errno]error{
		unix.EIO:    errors.New("other"),
		unix.ESTALE: errors.Join(unix.ESTALE, unix.EBADF),
		unix.EACCES: &os.PathError{Op: "open", Path: "file", Err: unix.EACCES},
	} {
		if got := errnoOf(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}
