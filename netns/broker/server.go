package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"golang.org/x/sys/unix"
)

// maxClients is the maximum number of clients at the same time. Others are disconnected.
const maxClients = 16

// replyLimit is the maximum time that a client may leave replies unread. Those carry
// sockets, which keep their network namespaces.
const replyLimit = time.Second

// Config configures [Serve].
type Config struct {
	// CgroupRoot is where the cgroup v2 hierarchy is mounted.
	CgroupRoot string
	// Logger gets a line for each client.
	Logger log.Logger
}

// server is a running broker.
type server struct {
	cfg    Config
	thread *thread
	slots  chan struct{}
	group  sync.WaitGroup
}

// Serve answers the requests of clients until ctx is done, which is no error. It closes the
// listener.
func Serve(ctx context.Context, listener *net.UnixListener, cfg Config) error {
	defer listener.Close()

	s := &server{cfg: cfg, slots: make(chan struct{}, maxClients)}

	var err error
	if s.thread, err = newThread(s.replaced); err != nil {
		return err
	}
	defer s.thread.close()
	defer s.group.Wait()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	context.AfterFunc(ctx, func() { _ = listener.Close() })

	_ = level.Info(cfg.Logger).Log("msg", "listening for clients", "address", listener.Addr())

	for {
		conn, err := listener.AcceptUnix()

		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("accept client: %w", err)
		default:
			s.admit(ctx, conn)
		}
	}
}

// admit serves a client on a goroutine of its own, unless there are too many.
func (s *server) admit(ctx context.Context, conn *net.UnixConn) {
	select {
	case s.slots <- struct{}{}:
		s.group.Go(func() {
			defer func() { <-s.slots }()

			s.serve(ctx, conn)
		})
	default:
		_ = level.Warn(s.cfg.Logger).Log("msg", "client disconnected: too many clients", "maximum", maxClients)
		_ = conn.Close()
	}
}

// serve answers the requests of a client until it disconnects or ctx is done.
func (s *server) serve(ctx context.Context, conn *net.UnixConn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()

	peer, err := peerOf(conn)
	if err != nil {
		_ = level.Warn(s.cfg.Logger).Log("msg", "client disconnected: unknown user", "err", err)

		return
	}

	_ = level.Info(s.cfg.Logger).Log("msg", "client connected", "uid", peer.Uid, "gid", peer.Gid, "pid", peer.Pid)

	// The smallest buffer that the kernel allows limits the number of unread replies.
	err = conn.SetWriteBuffer(ReplySize)
	for err == nil {
		err = s.answerNext(conn)
	}

	_ = level.Debug(s.cfg.Logger).Log("msg", "client disconnected", "pid", peer.Pid, "err", err)
}

// peerOf returns who connected (SO_PEERCRED).
func peerOf(conn *net.UnixConn) (peer *unix.Ucred, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}

	controlErr := raw.Control(func(fd uintptr) {
		peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})

	return peer, errors.Join(controlErr, err)
}

// answerNext waits for a request and answers it.
func (s *server) answerNext(conn *net.UnixConn) error {
	b := make([]byte, RequestSize+1)

	// Without a buffer for control messages, the kernel closes passed descriptors itself.
	n, _, flags, _, err := conn.ReadMsgUnix(b, nil)
	if err != nil {
		return err
	}

	var (
		reply = Reply{Status: StatusRefused, Errno: unix.EPROTO}
		fd    = -1
	)

	if q, err := ParseRequest(b[:n]); err == nil && flags&unix.MSG_CTRUNC == 0 {
		reply, fd, err = s.do(q)
		if err != nil {
			reply, fd = Reply{Status: StatusFailed, Errno: errnoOf(err)}, -1
		}
	}

	return send(conn, reply, fd)
}

// do carries out a request.
func (s *server) do(q Request) (Reply, int, error) {
	switch q.Op {
	case OpOpen:
		fd, inode, err := s.open(q.PID, q.Inode)

		return Reply{Inode: inode}, fd, err
	default:
		end := time.Now().Add(searchLimit)
		pid, comm, err := findHolder(s.cfg.CgroupRoot, q.Cgroup, q.Inode, func() bool { return time.Now().After(end) })

		return Reply{PID: pid, Comm: comm}, -1, err
	}
}

// errnoOf returns the error number of an error, EIO if it has none.
func errnoOf(err error) syscall.Errno {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}

	return unix.EIO
}

// send sends a reply with a descriptor, -1 for none, and closes that.
func send(conn *net.UnixConn, reply Reply, fd int) error {
	var rights []byte

	if fd >= 0 {
		defer unix.Close(fd)

		rights = unix.UnixRights(fd)
	}

	if err := conn.SetWriteDeadline(time.Now().Add(replyLimit)); err != nil {
		return err
	}

	_, _, err := conn.WriteMsgUnix(reply.Bytes(), rights, nil)

	return err
}

// replaced logs that the thread was replaced.
func (s *server) replaced(err error) {
	_ = level.Warn(s.cfg.Logger).Log("msg", "thread replaced: return to own network namespace failed", "err", err)
}
