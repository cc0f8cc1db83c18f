package broker

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/go-kit/log"
	"golang.org/x/sys/unix"
)

// patience is the maximum wait for an operation that takes milliseconds.
const patience = 10 * time.Second

func must(t testing.TB, err error) {
	t.Helper()

	if err != nil {
		t.Fatal(err)
	}
}

// await polls until ok.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()

	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timeout while waiting for %s", what)
		}
	}
}

// instance is a running broker.
type instance struct {
	path string
	end  func() // ends it, and waits
}

// start runs a broker until the end of the test.
func start(t testing.TB, path string, cfg Config) *instance {
	t.Helper()

	listener, err := Listen(path)
	must(t, err)

	if cfg.Logger == nil {
		cfg.Logger = log.NewNopLogger()
	}

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)

	go func() { ended <- Serve(ctx, listener, cfg) }()

	b := &instance{path: path}
	b.end = func() {
		if cancel(); b.end != nil {
			b.end = nil

			must(t, <-ended)
		}
	}

	t.Cleanup(func() {
		if b.end != nil {
			b.end()
		}
	})

	return b
}

// socketPath returns a path for a socket.
func socketPath(t testing.TB) string {
	t.Helper()

	return filepath.Join(t.TempDir(), "socket")
}

// dial connects to a broker until the end of the test.
func dial(t testing.TB, path string) *Client {
	t.Helper()

	c, err := Dial(path)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })

	return c
}

// dialRaw connects to a broker without a client.
func dialRaw(t testing.TB, path string) *net.UnixConn {
	t.Helper()

	conn, err := net.DialUnix(network, nil, &net.UnixAddr{Name: path, Net: network})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))

	return conn
}

// closeFD closes a descriptor that must be open.
func closeFD(t testing.TB, fd int) {
	t.Helper()
	must(t, unix.Close(fd))
}

// usage is what may leak.
type usage struct{ descriptors, goroutines int }

func usageNow(t testing.TB) usage {
	t.Helper()

	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)

	return usage{len(entries), runtime.NumGoroutine()}
}

// awaitUsage waits until no more is in use than before.
func awaitUsage(t testing.TB, before usage) {
	t.Helper()
	await(t, "descriptors and goroutines to be released", func() bool {
		now := usageNow(t)

		return now.descriptors <= before.descriptors && now.goroutines <= before.goroutines
	})
}

// inodeOf returns the inode number of a file.
func inodeOf(t testing.TB, path string) uint64 {
	t.Helper()

	var stat unix.Stat_t

	must(t, unix.Stat(path, &stat))

	return stat.Ino
}
