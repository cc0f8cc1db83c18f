package collector_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
)

// groupsScene has the group for the rest, of which nothing is known, a server and
// a client with another figure in every field, and a group of an old kernel.
func groupsScene(testing.TB) *health.Snapshot {
	old := numbered(300, "client", "", "fe80::2%eth0", "22", "", "", "")
	old.Known, old.AbortKnown = 1<<group.RetransmittedSegments, false

	return &health.Snapshot{
		At: sampledAt, Outstanding: spread(400), Lifetimes: spread(500),
		GroupLabels: group.DefaultGrouping().Labels(),
		Groups: []group.Group{
			{
				Labels: []string{"other", "", "", "", "", "", ""}, Totals: group.Totals{Known: 1<<group.NumCounters - 1, EdgeKnown: true},
				RTT: &group.Histogram{Bounds: []float64{0.001, 0.125, 2}, Buckets: make([]uint64, 4)},
			},
			numbered(100, "server", "443", "", "", "", "", "nginx.service"),
			numbered(200, "client", "", "10.0.0.7", "5432", "shop", "web", ""),
			old,
		},
	}
}

// numbered returns a group whose figures count up from n.
func numbered(n int, labels ...string) group.Group {
	g := group.Group{Labels: labels}
	next := func() int {
		n++

		return n
	}

	for i := range g.Statuses {
		g.Statuses[i] = next()
		g.StatusEntries[i] = uint64(1000 * next())
	}

	for i := range g.Causes {
		g.Causes[i] = next()
	}

	for i := range g.Unhealthy {
		g.Unhealthy[i] = next()
	}

	for i := range g.Counters {
		g.Counters[i] = uint64(1_000_000 * next())
	}

	g.Idle, g.CloseWait, g.Opened, g.Closed = next(), next(), uint64(next()), uint64(next())
	g.Known, g.EdgeKnown = 1<<group.NumCounters-1, true
	g.RTT = spread(n)

	for i := range g.Ended {
		g.Ended[i] = uint64(next())
	}

	g.WithoutKeepalive, g.CloseWaitOldest = next(), float64(next())+0.5
	g.AbortsIn, g.AbortKnown = float64(next())+0.25, true

	return g
}

// spread returns a distribution, another one for each seed. Its native buckets
// have gaps of up to four.
func spread(seed int) *group.Histogram {
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	h := &group.Histogram{
		Count: uint64(seed % 3), Sum: float64(seed) / 8, Bounds: []float64{0.001, 0.125, 2}, Buckets: make([]uint64, 4),
		Zero: uint64(seed % 3), First: r.IntN(40) - 20, Native: make([]uint64, 1+r.IntN(60)),
	}
	h.Buckets[0] = h.Zero

	for i := 0; i < len(h.Native); i += 1 + r.IntN(5) {
		n := 1 + r.Uint64N(1000)
		h.Native[i] = n
		h.Buckets[r.IntN(len(h.Buckets))] += n
		h.Count += n
	}

	return h
}

// TestGroupLabelsOfAnotherGrouping: after a reload the series have other labels.
func TestGroupLabelsOfAnotherGrouping(t *testing.T) {
	var source sequence

	source.Store(groupsScene(t))
	g := source.gathering()
	labels := func() []string {
		shown := decode(t, expose(t, g, textFormat()), textFormat())

		return shown["tcphealth_group_sent_bytes_total"].labels
	}

	if want := []string{"local_port", "namespace", "remote_address", "remote_port", "role", "unit", "workload"}; !slices.Equal(labels(), want) {
		t.Errorf("labels %v", labels())
	}

	source.Store(&health.Snapshot{
		GroupLabels: []string{"network"}, Groups: []group.Group{numbered(1, "other"), numbered(100, "private")},
	})

	for range 2 {
		if want := []string{"network"}; !slices.Equal(labels(), want) {
			t.Errorf("labels %v", labels())
		}
	}
}

// TestGroupsOfAnOldKernel shows what the kernel has, and nothing of the rest: not
// even zero.
func TestGroupsOfAnOldKernel(t *testing.T) {
	s := groupsScene(t)
	s.Groups = s.Groups[len(s.Groups)-1:]
	shown := decode(t, expose(t, serving(s), textFormat()), textFormat())

	for name := range maps.Keys(shown) {
		if m := find(name); m.Type == "counter" && m.Source != "" && m.Source != "tcpi_total_retrans" {
			t.Errorf("%s of %s is shown", name, m.Source)
		}
	}

	if _, ok := shown["tcphealth_group_retransmitted_segments_total"]; !ok {
		t.Error("what the kernel has is not shown")
	}
}
