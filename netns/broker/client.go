package broker

import (
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// exchangeLimit is the maximum time between a request and its reply.
const exchangeLimit = time.Second

// ErrDisconnected indicates that the connection to the broker is lost, because the broker
// has ended, has too many clients, or did not reply in time. It stays lost: close the
// client, and [Dial] again.
var ErrDisconnected = errors.New("no connection to the netns broker")

// network is the type of the Unix socket, SOCK_SEQPACKET.
const network = "unixpacket"

// Client is a connection to a broker. Its methods may be called from several goroutines;
// requests are sent one after the other.
type Client struct {
	mutex sync.Mutex
	conn  *net.UnixConn
	lost  error // matches ErrDisconnected, nil while connected
}

// Opened is a socket that the broker has opened.
type Opened struct {
	// FD is the descriptor of a netlink socket of the protocol NETLINK_SOCK_DIAG, which is
	// closed on exec(2). It belongs to the caller.
	FD int
	// Inode is the inode number of the network namespace in nsfs. The kernel uses a number
	// again after its namespace has ended; the cookie of the socket (SO_NETNS_COOKIE)
	// identifies the namespace.
	Inode uint64
}

// Process is a process that has a socket open.
type Process struct {
	// PID is its id in the PID namespace of the broker.
	PID int
	// Comm is its name (proc_pid_comm(5)): up to 15 bytes of any value except zero.
	Comm string
}

// Dial connects to the broker that listens at the path.
func Dial(path string) (*Client, error) {
	conn, err := net.DialUnix(network, nil, &net.UnixAddr{Name: path, Net: network})
	if err != nil {
		return nil, fmt.Errorf("connect to the netns broker: %w", err)
	}

	return &Client{conn: conn}, nil
}

// Close closes the connection. A request in progress fails.
func (c *Client) Close() error {
	if err := c.conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}

	return nil
}

// Open opens a socket in the network namespace of a process. inode is the inode number of
// /proc/PID/net/tcp, which differs between network namespaces, or zero if any namespace
// will do.
//
// The error matches [ErrDisconnected], or the error number of the broker: ESRCH if there is
// no such process, ESTALE if the process is in another network namespace than expected,
// EACCES or EPERM if the broker lacks a capability.
func (c *Client) Open(pid int, inode uint64) (Opened, error) {
	if pid <= 0 || pid > math.MaxInt32 {
		return Opened{}, fmt.Errorf("open socket in the network namespace of process %d: %w", pid, unix.ESRCH)
	}

	reply, fd, err := c.exchange(Request{Op: OpOpen, PID: int32(pid), Inode: inode})
	if err != nil {
		return Opened{}, fmt.Errorf("open socket in the network namespace of process %d: %w", pid, err)
	}

	return Opened{FD: fd, Inode: reply.Inode}, nil
}

// Process searches a cgroup for a process that has a socket open. socket is the inode
// number of the socket, cgroup the id of the cgroup, both as reported with the socket; they
// are not zero.
//
// The error matches [ErrDisconnected], or the error number of the broker: ENOENT if there is
// no such cgroup or process, EACCES if the broker may not read the descriptors of some
// process, ETIMEDOUT if the search took too long.
func (c *Client) Process(socket, cgroup uint64) (Process, error) {
	reply, _, err := c.exchange(Request{Op: OpProcess, Inode: socket, Cgroup: cgroup})
	if err != nil {
		return Process{}, fmt.Errorf("find process of socket %d in cgroup %d: %w", socket, cgroup, err)
	}

	return Process{PID: int(reply.PID), Comm: reply.Comm}, nil
}

// exchange sends a request and returns the reply, which is [StatusOK], and its descriptor,
// -1 if it has none.
func (c *Client) exchange(q Request) (Reply, int, error) {
	if err := q.check(); err != nil {
		return Reply{}, -1, err
	}

	c.mutex.Lock()
	defer c.mutex.Unlock()

	if c.lost != nil {
		return Reply{}, -1, c.lost
	}

	reply, fd, err := ask(c.conn, q)
	if err != nil { // a reply may come later, and must not be taken for that of the next request
		c.lost = fmt.Errorf("%w: %w", ErrDisconnected, err)
		_ = c.conn.Close()

		return Reply{}, -1, c.lost
	}

	switch reply.Status {
	case StatusOK:
		return reply, fd, nil
	case StatusRefused:
		return Reply{}, -1, fmt.Errorf("request refused: %w", reply.Errno)
	default:
		return Reply{}, -1, reply.Errno
	}
}

// ask sends a request and returns the reply, with one descriptor if it is due, else -1. It
// closes descriptors that are not due.
func ask(conn *net.UnixConn, q Request) (Reply, int, error) {
	if err := conn.SetDeadline(time.Now().Add(exchangeLimit)); err != nil {
		return Reply{}, -1, err
	}

	if _, err := conn.Write(q.Bytes()); err != nil {
		return Reply{}, -1, err
	}

	b, oob := make([]byte, ReplySize+1), make([]byte, unix.CmsgSpace(4))

	n, oobn, _, _, err := conn.ReadMsgUnix(b, oob) // sets MSG_CMSG_CLOEXEC
	if err != nil {
		return Reply{}, -1, err
	}

	fds := descriptors(oob[:oobn])

	reply, err := ParseReply(b[:n])
	if err == nil {
		err = reply.answers(q, len(fds))
	}

	switch {
	case err != nil:
		closeAll(fds)

		return Reply{}, -1, err
	case len(fds) == 0:
		return reply, -1, nil
	default:
		return reply, fds[0], nil
	}
}

// answers returns an error if a reply with so many descriptors is not one to the request.
func (r Reply) answers(q Request, fds int) error {
	opened := r.Status == StatusOK && r.Inode != 0
	due := 0

	if opened {
		due = 1
	}

	if fds != due || r.Status == StatusOK && opened != (q.Op == OpOpen) {
		return fmt.Errorf("%w: reply to operation %d has inode %d, process %d and %d descriptors", ErrMalformed, q.Op, r.Inode, r.PID, fds)
	}

	return nil
}

// descriptors returns the descriptors of control messages.
func descriptors(oob []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}

	for i := range messages {
		rights, err := unix.ParseUnixRights(&messages[i])
		if err == nil {
			fds = append(fds, rights...)
		}
	}

	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
