package netns

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/internal/netlab"
)

// BenchmarkSample measures a tick over namespaces with so many connections each: by a dump
// of each, by reading the known connections, and, where there is none, by the number of
// sockets; and by the files of procfs.
func BenchmarkSample(b *testing.B) {
	netlab.RequireRoot(b)

	for _, tc := range []struct{ namespaces, pairs int }{{100, 0}, {100, 10}, {100, 100}} {
		diag, files := newScene(b, nil), newScene(b, byFiles)
		peers := make([]*peer, tc.namespaces)

		for i := range peers {
			peers[i] = newPeer(b, 20000+i, tc.pairs)
		}

		name := fmt.Sprintf("namespaces=%d/connections=%d", tc.namespaces, 2*tc.pairs)

		for _, method := range []string{"walk", "skip", "revisit", "files", "files-skip"} {
			if (method == "skip" || method == "files-skip") && tc.pairs > 0 || method == "revisit" && tc.pairs == 0 {
				continue
			}

			s := diag
			if strings.HasPrefix(method, "files") {
				s = files
			}

			s.await("all namespaces", func() bool { return len(s.namespaces()) == tc.namespaces })
			b.Run(name+"/"+method, func(b *testing.B) { measure(b, s, method) })
		}

		for _, p := range peers {
			p.kill()
		}

		for _, s := range []*scene{diag, files} {
			s.await("end of all namespaces", func() bool { return len(s.namespaces()) == 0 })
		}
	}
}

// BenchmarkIdle measures a tick over a thousand namespaces without sockets.
func BenchmarkIdle(b *testing.B) {
	netlab.RequireRoot(b)

	const namespaces = 1000

	mine := make(map[int]bool)

	for range namespaces {
		cmd := exec.Command("sleep", "600")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}

		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}

		mine[cmd.Process.Pid] = true

		b.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}

	for _, way := range []string{"", "files-"} {
		s := newScene(b, func(c *Config) {
			if way != "" {
				byFiles(c)
			}

			c.Max, c.Exclude = namespaces, func(pids []int) (exclude, final bool) { return !mine[pids[0]], true }
		})

		s.await("all namespaces", func() bool { return len(s.namespaces()) == namespaces })

		for _, method := range []string{"walk", "skip"} {
			b.Run(way+method, func(b *testing.B) { measure(b, s, way+method) })
		}
	}
}

// byFiles has a watcher read files, at each tick.
func byFiles(c *Config) { c.Opener, c.Pace = nil, time.Nanosecond }

// measure ticks, with each namespace sampled by a method. It reports the minimum of the CPU
// time, because other programs disturb it.
func measure(b *testing.B, s *scene, method string) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	least := time.Hour

	walk := method != "skip" && method != "files-skip"

	for range quietDumps + 1 {
		s.Sample(0, s.recorder)
	}

	before := s.Stats()

	for b.Loop() {
		for _, n := range s.namespaces() {
			n.walked, n.took = time.Now(), time.Second
			if walk && method != "revisit" {
				n.walked = time.Time{}
			}
		}

		cpu := threadCPU(b)
		s.Sample(0, s.recorder)
		least = min(least, threadCPU(b)-cpu)
	}

	after := s.Stats()
	b.ReportMetric(float64(least.Microseconds())/1000, "cpu-ms/tick")
	b.ReportMetric(float64(after.Walks-before.Walks)/float64(b.N), "walks/tick")
}

// threadCPU returns the CPU time of this thread.
func threadCPU(b *testing.B) time.Duration {
	b.Helper()

	var u unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &u); err != nil {
		b.Fatal(err)
	}

	return time.Duration(u.Nano())
}
