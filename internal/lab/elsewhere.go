package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-kit/log"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/netns"
	"tcphealth_exporter/netns/broker"
	"tcphealth_exporter/sampler/loop"
)

// sampleElsewhere has a loop sample a namespace as one of another process, with the help of
// a broker. It returns what is to run beside the loop.
func sampleElsewhere(tb testing.TB, n *netlab.Namespace, l *loop.Loop) (run func(ctx context.Context)) {
	tb.Helper()
	anchor := n.Start(tb, "sleep", "3600").PID()
	path := filepath.Join(tempDir(tb), "socket")
	listener, err := broker.Listen(path)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	tb.Cleanup(cancel)
	go func() { _ = broker.Serve(ctx, listener, broker.Config{Logger: log.NewNopLogger()}) }()
	client, err := broker.Dial(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	others := func(pids []int) (excluded, final bool) { return !sameNamespace(pids[0], anchor), true }
	w, err := netns.New(netns.Config{Procfs: "/proc", Opener: opener{client}, Exclude: others})
	if err != nil {
		tb.Fatal(err)
	}
	l.Others = w
	return w.Run
}

// sameNamespace reports whether two processes are in the same network namespace.
func sameNamespace(a, b int) bool {
	aName, aErr := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", a))
	bName, bErr := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", b))
	return aErr == nil && bErr == nil && aName == bName
}

// tempDir is a directory with a short name: those of sockets are limited.
func tempDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// opener opens namespaces by a broker.
type opener struct{ *broker.Client }

// Open implements [netns.Opener].
func (o opener) Open(pid int, inode uint64) (fd int, nsInode uint64, err error) {
	opened, err := o.Client.Open(pid, inode)
	return opened.FD, opened.Inode, err
}

var _ loop.Others = (*netns.Watcher)(nil)
