package bench

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

const (
	headerSize  = 16
	requestSize = headerSize + 60
	doneType    = 3
	hotStates   = 0xb36 // all states with a connection
	infoOnly    = 0x02
)

// floor is the minimum cost of a sample: one legacy dump of tcp_info,
// received into one buffer and discarded.
type floor struct {
	fd      int
	request []byte
	buf     []byte
}

func newFloor(b *testing.B, ns *netlab.Namespace) *floor {
	b.Helper()

	f := &floor{buf: make([]byte, 64<<10), request: make([]byte, requestSize)}
	binary.NativeEndian.PutUint32(f.request, requestSize)
	binary.NativeEndian.PutUint16(f.request[4:], 18) // TCPDIAG_GETSOCK
	binary.NativeEndian.PutUint16(f.request[6:], 0x301)
	f.request[headerSize] = unix.AF_INET
	f.request[headerSize+3] = infoOnly
	binary.NativeEndian.PutUint32(f.request[headerSize+52:], hotStates)

	for i := headerSize + 44; i < headerSize+52; i++ {
		f.request[i] = 0xff
	}

	err := ns.DoErr(func() (err error) {
		f.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)

		return err
	})
	if err != nil {
		b.Fatal(err)
	}

	b.Cleanup(func() { _ = unix.Close(f.fd) })

	return f
}

// dump makes one dump and returns the bytes received.
func (f *floor) dump() (received int, err error) {
	if err := unix.Sendto(f.fd, f.request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}

	for {
		n, err := unix.Read(f.fd, f.buf)
		if err != nil {
			return received, err
		}

		received += n

		done, err := ends(f.buf[:n])
		if done || err != nil {
			return received, err
		}
	}
}

// ends reports whether the datagram's last message is NLMSG_DONE.
func ends(b []byte) (bool, error) {
	for len(b) >= headerSize {
		length := int(binary.NativeEndian.Uint32(b))
		if length < headerSize || length > len(b) {
			return false, errors.New("malformed message")
		}

		if binary.NativeEndian.Uint16(b[4:]) == doneType {
			return true, nil
		}

		b = b[min((length+3)&^3, len(b)):]
	}

	return false, nil
}

// bareDumps counts dumps at the sampler's rate, and their CPU time in ns.
type bareDumps struct{ used, count atomic.Int64 }

// dumpForever dumps at intervals from a given time until the benchmark is over.
func dumpForever(b *testing.B, ns *netlab.Namespace, from time.Time, interval time.Duration) *bareDumps {
	b.Helper()

	f, all, done := newFloor(b, ns), new(bareDumps), make(chan struct{})
	ended := make(chan struct{})

	b.Cleanup(func() {
		close(done)
		<-ended
	})

	go func() {
		defer close(ended)

		runtime.LockOSThread() // whose processor time is measured

		time.Sleep(time.Until(from))

		for ticker := time.NewTicker(interval); ; {
			select {
			case <-done:
				return
			case <-ticker.C:
			}

			if _, err := f.dump(); err != nil {
				b.Error(err)

				return
			}

			var usage unix.Rusage
			if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
				b.Error(err)

				return
			}

			all.used.Store(usage.Utime.Nano() + usage.Stime.Nano())
			all.count.Add(1)
		}
	}()

	return all
}

// each returns the mean CPU time in seconds of the dumps since others.
func (d *bareDumps) each(used, count int64) float64 {
	return time.Duration(d.used.Load()-used).Seconds() / float64(d.count.Load()-count)
}
