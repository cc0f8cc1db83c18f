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
	// receiveBuffer is the size of the one receive buffer. The kernel fills at
	// most 32 KiB of it, and never more than the largest size ever offered.
	receiveBuffer = 64 << 10

	dumpFlags         = netlink.Request | netlink.Dump
	sizeofSockaddr    = unix.SizeofSockaddrNetlink
	offSockaddrPortID = 4
	kernelPortID      = 0
	familyTCPInetDiag = unix.NETLINK_SOCK_DIAG
	receiveFlags      = unix.MSG_TRUNC | unix.MSG_DONTWAIT
)

// Dial opens a connection to the kernel and finds out which kind of request it
// serves. Errors wrap a syscall.Errno; [ReasonOf] classifies them.
func Dial(cfg Config) (*Conn, error) {
	w, err := dialWire(cfg.NetNS)
	if err != nil {
		return nil, err
	}

	return newConn(w, cfg, KernelRelease(), time.Now)
}

// KernelRelease returns the release of the running kernel (uname -r), empty if
// it can't be told.
func KernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}

	return unix.ByteSliceToString(u.Release[:])
}

// netlinkWire reads whole datagrams into one reused buffer. The library's own
// receive path peeks first, which shrinks the kernel's datagrams to a page and
// costs three allocations a socket.
type netlinkWire struct {
	conn *netlink.Conn
	raw  syscall.RawConn
	buf  []byte
	// read is receiveOnce, bound once so that receiving does not allocate.
	read   func(fd uintptr) bool
	sender [sizeofSockaddr]byte
	n      int
	errno  syscall.Errno
	// write is sendOnce, bound once as read is; it sends outgoing.
	write    func(fd uintptr) bool
	outgoing []byte
	sendErr  error
}

func dialWire(netns int) (*netlinkWire, error) {
	conn, err := netlink.Dial(familyTCPInetDiag, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}

	raw, err := conn.SyscallConn()
	if err != nil {
		_ = conn.Close()

		return nil, fmt.Errorf("open netlink socket: %w", err)
	}

	w := &netlinkWire{conn: conn, raw: raw, buf: make([]byte, receiveBuffer)}
	w.read, w.write = w.receiveOnce, w.sendOnce

	return w, nil
}

func (w *netlinkWire) Close() error { return w.conn.Close() }

func (w *netlinkWire) deadline(t time.Time) error { return w.conn.SetDeadline(t) }

func (w *netlinkWire) send(seq uint32, r *request) error {
	_, err := w.conn.Send(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(r.kind()), Flags: dumpFlags, Sequence: seq},
		Data:   r.payload(),
	})

	return err
}

// ask sends by hand: the library allocates for each message.
func (w *netlinkWire) ask(messages []byte) error {
	w.outgoing = messages

	if err := w.raw.Write(w.write); err != nil {
		return err
	}

	return os.NewSyscallError("write", w.sendErr)
}

// sendOnce makes one write(2) and tells whether it is settled. A netlink socket
// that is connected to nobody writes to the kernel, all or nothing.
func (w *netlinkWire) sendOnce(fd uintptr) bool {
	for {
		_, w.sendErr = unix.Write(int(fd), w.outgoing)

		if !errors.Is(w.sendErr, unix.EINTR) {
			return !errors.Is(w.sendErr, unix.EAGAIN)
		}
	}
}

func (w *netlinkWire) receive() ([]byte, error) {
	for {
		if err := w.raw.Read(w.read); err != nil {
			return nil, err
		}

		switch {
		case w.errno != 0:
			return nil, os.NewSyscallError("recvfrom", w.errno)
		case binary.NativeEndian.Uint32(w.sender[offSockaddrPortID:]) != kernelPortID:
			continue // anybody may send to a netlink port; only the kernel is heard
		case w.n > len(w.buf):
			return nil, fmt.Errorf("%w: %d bytes", ErrTruncated, w.n)
		default:
			return w.buf[:w.n], nil
		}
	}
}

// receiveOnce makes one recvfrom(2) and tells whether it is settled; otherwise
// the runtime waits for the socket. The system call is made by hand because
// the wrappers of x/sys allocate the sender's address each time.
func (w *netlinkWire) receiveOnce(fd uintptr) bool {
	for {
		length := uint32(sizeofSockaddr)
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, fd,
			uintptr(unsafe.Pointer(&w.buf[0])), uintptr(len(w.buf)), receiveFlags,
			uintptr(unsafe.Pointer(&w.sender[0])), uintptr(unsafe.Pointer(&length)))

		w.n, w.errno = int(n), errno

		if errno != unix.EINTR {
			return errno != unix.EAGAIN
		}
	}
}
