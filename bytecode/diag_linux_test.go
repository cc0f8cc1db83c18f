package bytecode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

const (
	sizeofHeader  = 16
	sizeofRequest = 60
	sizeofMessage = 72

	typeGetsock     = 18 // TCPDIAG_GETSOCK: both families at once
	attrBytecode    = 1
	attrMark        = 15
	attrCgroup      = 21
	listenOnly      = 1 << 10
	allStates       = 0xfff
	hotStates       = 0xb36
	stateSynReceive = 3
	stateFinWait1   = 4
	stateLastAck    = 9
)

// diag asks the kernel for sockets.
type diag struct {
	fd  int
	buf []byte
}

// dialDiag opens a netlink socket in the namespace, or in that of the process.
func dialDiag(t testing.TB, ns *netlab.Namespace) *diag {
	t.Helper()

	d := &diag{buf: make([]byte, 64<<10)}
	open := func() (err error) {
		d.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)

		return err
	}

	err := error(nil)
	if ns == nil {
		err = open()
	} else {
		err = ns.DoErr(open)
	}

	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = unix.Close(d.fd) })

	return d
}

// request sends a dump request. A nil program is none.
func (d *diag) request(program []byte, states uint32, ext byte) error {
	req := make([]byte, sizeofHeader+sizeofRequest, sizeofHeader+sizeofRequest+4+len(program)+3)
	binary.NativeEndian.PutUint16(req[4:], typeGetsock)
	binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	req[sizeofHeader] = unix.AF_INET
	req[sizeofHeader+3] = ext
	binary.NativeEndian.PutUint32(req[sizeofHeader+52:], states)

	if program != nil {
		req = binary.NativeEndian.AppendUint16(req, uint16(4+len(program)))
		req = binary.NativeEndian.AppendUint16(req, attrBytecode)
		req = append(req, program...)
		req = append(req, make([]byte, -len(req)&3)...)
	}

	binary.NativeEndian.PutUint32(req, uint32(len(req)))

	return unix.Sendto(d.fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// dump requests sockets and hands their rows out.
func (d *diag) dump(program []byte, states uint32, ext byte, row func(b []byte)) error {
	if err := d.request(program, states, ext); err != nil {
		return err
	}

	for {
		n, err := unix.Read(d.fd, d.buf)
		if err != nil {
			return err
		}

		for b := d.buf[:n]; len(b) >= sizeofHeader; {
			length := int(binary.NativeEndian.Uint32(b))

			switch binary.NativeEndian.Uint16(b[4:]) {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				return unix.Errno(-int32(binary.NativeEndian.Uint32(b[sizeofHeader:])))
			}

			if row != nil {
				row(b[sizeofHeader:length])
			}

			b = b[min((length+3)&^3, len(b)):]
		}
	}
}

// offer returns the kernel's answer to a program: nil, EINVAL or EPERM.
func (d *diag) offer(program []byte) error {
	if program == nil {
		program = []byte{}
	}

	return d.dump(program, listenOnly, 0, nil)
}

// features returns what the kernel can test.
func (d *diag) features(t testing.TB) Features {
	t.Helper()

	f, err := Probe(func(program []byte) (bool, error) {
		err := d.offer(program)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
			return false, nil
		}

		return err == nil, err
	})
	if err != nil {
		t.Fatal(err)
	}

	return f
}

// socket is a row of a dump.
type socket struct {
	Subject

	cookie uint64
	state  byte
}

func (s socket) String() string {
	return fmt.Sprintf("family %d state %d %v -> %v dev %d mark %#x cgroup %d", s.Family, s.state,
		show(s.Local), show(s.Remote), s.Ifindex, s.Mark, s.CgroupID)
}

func show(e Endpoint) string {
	p := prefix{start: numberOf(&e.Addr), bits: 128, v6: true}

	return fmt.Sprintf("[%s]:%d", p, e.Port)
}

// sockets returns what passes the program, by cookie.
func (d *diag) sockets(t testing.TB, program []byte, states uint32) map[uint64]socket {
	t.Helper()

	found := make(map[uint64]socket)

	err := d.dump(program, states, 0, func(b []byte) {
		s := decodeRow(b)
		found[s.cookie] = s
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, listing(program))
	}

	return found
}

func decodeRow(b []byte) socket {
	s := socket{state: b[1], cookie: binary.NativeEndian.Uint64(b[44:])}
	s.Family = b[0]
	s.Local = Endpoint{rowAddr(b[0], b[8:24]), binary.BigEndian.Uint16(b[4:])}
	s.Remote = Endpoint{rowAddr(b[0], b[24:40]), binary.BigEndian.Uint16(b[6:])}
	s.Ifindex = binary.NativeEndian.Uint32(b[40:])

	for b = b[sizeofMessage:]; len(b) >= 4; {
		length := int(binary.NativeEndian.Uint16(b))

		switch binary.NativeEndian.Uint16(b[2:]) {
		case attrMark:
			s.Mark = binary.NativeEndian.Uint32(b[4:])
		case attrCgroup:
			s.CgroupID = binary.NativeEndian.Uint64(b[4:])
		}

		b = b[min((length+3)&^3, len(b)):]
	}

	return s
}

func rowAddr(family byte, b []byte) (addr [16]byte) {
	if family == familyIPv6 {
		return [16]byte(b)
	}

	addr[10], addr[11] = 0xff, 0xff
	copy(addr[12:], b[:4])

	return addr
}
