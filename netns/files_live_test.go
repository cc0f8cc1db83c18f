package netns

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// TestLiveFiles samples namespaces by files: at a pace, sooner if a connection is
// suspicious, and not at all while there is no connection.
func TestLiveFiles(t *testing.T) {
	netlab.RequireRoot(t)

	const cgroup = 77

	s := newScene(t, func(c *Config) {
		c.Opener, c.Pace = nil, time.Hour
		c.CgroupOf = func([]int) uint64 { return cgroup }
	})
	p := newPeer(t, 20000, 2)
	tick := func() { s.Sample(0, s.recorder) }

	s.await("first sample", func() bool {
		tick()

		return s.Stats().Walks == 1
	})

	space, connections := s.spaceOf(20000)
	if connections != 4 || !strings.HasPrefix(s.Name(space), "proc:") {
		t.Errorf("%d connections in %q, want 4", connections, s.Name(space))
	}

	for _, socket := range s.recorder.last[space] {
		if socket.CgroupID != cgroup || !socket.Has(sampler.FromProc) {
			t.Errorf("cgroup %d, attributes %b", socket.CgroupID, socket.Attrs)
		}
	}

	n, before := s.namespaces()[0], targetsOf(s, space)

	for range 5 {
		tick()
	}

	if got := s.dumpsOf(space); got != 1 {
		t.Errorf("%d samples within the pace, want 1", got)
	}

	n.suspicious = true

	tick()
	tick() // nothing was suspicious in the last one

	if got := s.dumpsOf(space); got != 2 {
		t.Errorf("%d samples with a suspicious connection, want 2", got)
	}

	if after := targetsOf(s, space); !slices.Equal(after, before) {
		t.Errorf("connections were %v, now %v", before, after)
	}

	p.order("close")

	for range 4 {
		n.sampled.Add(-int64(time.Hour))
		tick()
	}

	if got := s.Stats(); s.dumpsOf(space) != 4 || got.SkippedWalks != 2 {
		t.Errorf("%d samples, of which %d skipped, without connections", s.dumpsOf(space), got.SkippedWalks)
	}

	p.kill()
	s.await("end of the namespace", func() bool {
		tick()

		return s.isGone(space)
	})

	if len(s.strange) > 0 || s.aborted > 0 {
		t.Errorf("%d sockets of another namespace, %d dumps failed", len(s.strange), s.aborted)
	}
}

// TestLiveFilesAgain: a reader that takes the place of another one gives the connections the
// same cookies.
func TestLiveFilesAgain(t *testing.T) {
	netlab.RequireRoot(t)

	s := newScene(t, func(c *Config) { c.Opener = nil })
	s.sample(20 * time.Millisecond)

	newPeer(t, 20000, 2)

	space := s.awaitSpace(20000, 4)
	before := targetsOf(s, space)

	s.lose(space)
	s.await("samples by another reader", func() bool { return s.Stats().Opens[Opened] == 2 })

	dumps := s.dumpsOf(space)
	s.await("sample", func() bool { return s.dumpsOf(space) > dumps })

	if after := targetsOf(s, space); !slices.Equal(after, before) || s.isGone(space) {
		t.Errorf("connections were %v, now %v", before, after)
	}
}

// TestLiveForget: the connections of a namespace that cannot be sampled for a while end,
// once, and it is sampled again when that is possible.
func TestLiveForget(t *testing.T) {
	netlab.RequireRoot(t)

	opener := new(failing)
	s := newScene(t, func(c *Config) { c.Opener = opener })
	newPeer(t, 20000, 1)
	s.await("first sample", func() bool {
		s.Sample(0, s.recorder)

		return s.Stats().Walks == 1
	})

	space, _ := s.spaceOf(20000)
	away := ErrUnavailable
	opener.err.Store(&away)

	n := s.namespaces()[0]
	_ = n.Close()

	s.Sample(0, s.recorder)

	if s.isGone(space) {
		t.Error("gone at once")
	}

	n.lost = n.lost.Add(-forgetAfter)

	s.Sample(0, s.recorder)
	s.Sample(0, s.recorder)

	if len(s.gone) != 1 || s.gone[0] != space {
		t.Errorf("gone: %v", s.gone)
	}

	opener.err.Store(nil)
	s.await("another sample", func() bool {
		s.Sample(0, s.recorder)

		return s.Stats().Walks == 2
	})

	if n.forgotten || len(s.gone) != 1 {
		t.Errorf("forgotten: %v, gone: %v", n.forgotten, s.gone)
	}
}

// TestLiveExclude: a namespace is not sampled while it is unknown whether it is excluded, nor
// if it is.
func TestLiveExclude(t *testing.T) {
	netlab.RequireRoot(t)

	asked := make(chan struct{}, 1000)
	s := newScene(t, func(c *Config) {
		c.Exclude = func(pids []int) (excluded, final bool) {
			if excluded, final = others(pids); excluded {
				return excluded, final
			}

			asked <- struct{}{}

			return len(asked) > 3, len(asked) > 3
		}
	})

	newPeer(t, 20000, 1)
	s.await("exclusion", func() bool { return len(asked) == 4 && len(s.namespaces()) == 0 })

	if got := s.Stats(); got.Opens[Opened] != 0 {
		t.Errorf("%+v", got)
	}
}

// TestLiveSurvey counts namespaces with a process, and no others.
func TestLiveSurvey(t *testing.T) {
	netlab.RequireRoot(t)

	before, err := Survey("/proc")
	if err != nil {
		t.Fatal(err)
	}

	newPeer(t, 20000, 0)
	newPeer(t, 20001, 0).order("child")
	netlab.New(t) // without a process

	if got, err := Survey("/proc"); got != before+2 || err != nil {
		t.Errorf("%d namespaces, %v, want %d", got, err, before+2)
	}

	if _, err := Survey(t.TempDir()); err == nil {
		t.Error("no error without procfs")
	}
}
