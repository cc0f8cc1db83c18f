package counters

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/netns"
)

// anchorOf starts a process in a namespace, and returns it as its anchor.
func anchorOf(t *testing.T, n *netlab.Namespace, name string) (netns.Anchor, *netlab.Process) {
	t.Helper()

	p := n.Start(t, "sleep", "600")

	info, err := os.Stat(fmt.Sprintf("/proc/%d/net/tcp", p.PID()))
	if err != nil {
		t.Fatal(err)
	}

	return netns.Anchor{Name: name, PID: p.PID(), Inode: info.Sys().(*syscall.Stat_t).Ino}, p
}

// TestLiveRead reads the counters of each namespace, up to a maximum. An ended process, or one
// that is in another namespace, has none.
func TestLiveRead(t *testing.T) {
	netlab.RequireRoot(t)

	quiet, busy := netlab.New(t), netlab.New(t)
	busy.Pair(t, "tcp4", "127.0.0.1:0")
	busy.Pair(t, "tcp6", "[::1]:0")
	busy.Listen(t, "tcp6", "[::1]:0")

	first, _ := anchorOf(t, quiet, "quiet")
	second, process := anchorOf(t, busy, "busy")
	moved := first
	moved.Name, moved.Inode = "moved", second.Inode
	cfg := Config{Procfs: "/proc", Max: 3, Anchors: func() []netns.Anchor { return []netns.Anchor{first, moved, second, first} }}

	all, left := cfg.read()
	if len(all) != 2 || left != 1 || all[0].Name != "quiet" || all[1].Name != "busy" {
		t.Fatalf("%+v and %d more", all, left)
	}

	if k, s := all[0].Kernel, all[0].Sockets; k.ActiveOpens != 0 || s.IPv4+s.IPv6 != 0 {
		t.Errorf("without connections: %+v, %+v", k, s)
	}

	if k, s := all[1].Kernel, all[1].Sockets; k.ActiveOpens != 2 || k.PassiveOpens != 2 || s.IPv4 != 2 || s.IPv6 != 3 {
		t.Errorf("with two connections and a listener: %+v, %+v", k, s)
	}

	if _, err := cfg.readOne(moved); !errors.Is(err, errMoved) {
		t.Errorf("of another namespace: %v", err)
	}

	process.Stop()

	if all, _ := cfg.read(); len(all) != 1 || all[0].Name != "quiet" {
		t.Errorf("after the end of a process: %+v", all)
	}
}

// TestRun publishes at once and at the interval, until its context ends.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	published := make(chan int)
	ended := make(chan struct{})

	go func() {
		defer close(ended)

		Run(ctx, Config{
			Procfs: t.TempDir(), Interval: time.Millisecond,
			Anchors: func() []netns.Anchor { return make([]netns.Anchor, 2) },
			Publish: func(all []Counters, left int) {
				select {
				case published <- left - len(all):
				case <-ctx.Done():
				}
			},
		})
	}()

	for range 3 {
		if got := <-published; got != 2 {
			t.Errorf("published %d, want 2", got)
		}
	}

	cancel()
	<-ended
}
