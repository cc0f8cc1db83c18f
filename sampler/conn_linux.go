package sampler

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// receiveBuffer is the size of the only receive buffer. The kernel uses at most 32
	// KiB of it, and never more than the largest size offered before.
	receiveBuffer = 64 << 10

	dumpFlags         = netlink.Request | netlink.Dump
	sizeofSockaddr    = unix.SizeofSockaddrNetlink
	offSockaddrPortID = 4
	kernelPortID      = 0
	familyTCPInetDiag = unix.NETLINK_SOCK_DIAG
)

// Dial opens a connection to the kernel and determines which kind of request it
// supports. Errors wrap a syscall.Errno; [ReasonOf] classifies them.
func Dial(cfg Config) (*Conn, error) {
	fd, err := openNetlink(cfg.NetNS)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}

	return NewConn(fd, cfg)
}

// NewConn returns a connection over a netlink socket of the protocol
// NETLINK_SOCK_DIAG that was opened elsewhere. The socket belongs to the network
// namespace in which it was opened, wherever it is used; cfg.NetNS is ignored. NewConn
// takes ownership of fd, even if it fails.
func NewConn(fd int, cfg Config) (*Conn, error) {
	if err := prepare(fd); err != nil {
		return nil, errors.Join(fmt.Errorf("use netlink socket: %w", err), unix.Close(fd))
	}

	return newConn(&netlinkWire{fd: fd, buf: make([]byte, receiveBuffer)}, cfg, KernelRelease(), time.Now)
}

// prepare checks that fd is the right kind of socket, and makes it blocking.
func prepare(fd int) error {
	for option, want := range map[int]int{unix.SO_DOMAIN: unix.AF_NETLINK, unix.SO_PROTOCOL: unix.NETLINK_SOCK_DIAG} {
		got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
		if err != nil {
			return os.NewSyscallError("getsockopt", err)
		}

		if got != want {
			return fmt.Errorf("%w: domain or protocol %d, want %d", unix.EPROTOTYPE, got, want)
		}
	}

	return os.NewSyscallError("fcntl", unix.SetNonblock(fd, false))
}

// KernelRelease returns the release of the running kernel (uname -r), empty if
// it is unknown.
func KernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}

	return unix.ByteSliceToString(u.Release[:])
}

// netlinkWire reads whole datagrams into one reused buffer. The receive path of the
// library peeks first, which shrinks the kernel's datagrams to a page and costs three
// allocations per socket.
//
// The socket is blocking and unknown to the runtime's poller: the kernel would wake the
// poller needlessly for each datagram, a quarter of the cost of a dump. Answers to
// requests are available at once anyway.
type netlinkWire struct {
	fd     int
	limit  time.Time
	buf    []byte
	sender [sizeofSockaddr]byte
}

// openNetlink opens a netlink socket outside of the runtime.
func openNetlink(netns int) (fd int, err error) {
	conn, err := netlink.Dial(familyTCPInetDiag, &netlink.Config{NetNS: netns})
	if err != nil {
		return 0, err
	}

	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, errors.Join(err, conn.Close())
	}

	var dupErr error

	err = raw.Control(func(registered uintptr) {
		fd, dupErr = unix.FcntlInt(registered, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err := errors.Join(err, dupErr, conn.Close()); err != nil {
		return 0, err
	}

	return fd, nil
}

func (w *netlinkWire) Close() error {
	fd := w.fd
	w.fd = -1 // the number may be another file's soon

	return unix.Close(fd)
}

// deadline bounds both a single wait and all of them together.
func (w *netlinkWire) deadline(t time.Time) error {
	w.limit = t
	wait := unix.NsecToTimeval(max(time.Until(t), time.Millisecond).Nanoseconds()) // zero means no timeout

	return os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait))
}

func (w *netlinkWire) send(seq uint32, r *request) error {
	payload := r.payload()

	message, err := netlink.Message{
		Header: netlink.Header{
			Length: uint32(sizeofHeader + len(payload)), Type: netlink.HeaderType(r.kind()), Flags: dumpFlags, Sequence: seq,
		},
		Data: payload,
	}.MarshalBinary()
	if err != nil {
		return err
	}

	return w.ask(message)
}

// ask makes one write(2). A netlink socket that is not connected writes to the kernel,
// all or nothing.
func (w *netlinkWire) ask(messages []byte) error {
	for {
		_, err := unix.Write(w.fd, messages)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("write", err)
		}
	}
}

func (w *netlinkWire) receive() ([]byte, error) {
	for time.Now().Before(w.limit) {
		n, errno := w.receiveOnce()

		switch {
		case errno == unix.EINTR || errno == unix.EAGAIN:
			continue
		case errno != 0:
			return nil, os.NewSyscallError("recvfrom", errno)
		case binary.NativeEndian.Uint32(w.sender[offSockaddrPortID:]) != kernelPortID:
			continue // any process may send to a netlink port
		case n > len(w.buf):
			return nil, fmt.Errorf("%w: %d bytes", ErrTruncated, n)
		default:
			return w.buf[:n], nil
		}
	}

	return nil, os.ErrDeadlineExceeded
}

// receiveOnce makes one recvfrom(2). It calls the kernel directly because the wrappers
// of x/sys allocate the address of the sender each time.
func (w *netlinkWire) receiveOnce() (int, syscall.Errno) {
	length := uint32(sizeofSockaddr)
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(w.fd),
		uintptr(unsafe.Pointer(&w.buf[0])), uintptr(len(w.buf)), unix.MSG_TRUNC,
		uintptr(unsafe.Pointer(&w.sender[0])), uintptr(unsafe.Pointer(&length)))

	return int(n), errno
}
