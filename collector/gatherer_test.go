package collector_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
)

// crowd returns a snapshot of n connections with all their series.
func crowd(tb testing.TB, n int) *health.Snapshot {
	tb.Helper()

	model := healthyConnection(tb)
	s := healthyScene(tb)
	s.Tracker.Live = n
	s.Connections = make([]health.Connection, n)

	for i := range s.Connections {
		s.Connections[i] = model
		s.Connections[i].Identity = identity("10.0.0.1", "443", fmt.Sprintf("10.1.%d.%d", i/256, i%256), strconv.Itoa(1024+i))
		s.Connections[i].Score = i % 101
	}

	return s
}

// sequence is a source of snapshots that the test changes.
type sequence struct {
	atomic.Pointer[health.Snapshot]
}

// gathering returns a gatherer of what s points at.
func (s *sequence) gathering(sets ...collector.Set) *collector.Gatherer {
	return collector.NewGatherer(collector.Config{Latest: s.Load, Sets: sets})
}

// TestNothingBeforeTheFirstSample distinguishes absent from zero: before the first
// sample there are no figures, while the sampler's own are there at once.
func TestNothingBeforeTheFirstSample(t *testing.T) {
	if families := gather(t, serving(nil)); len(families) != 0 {
		t.Errorf("exposed without a snapshot: %v", families)
	}

	if families := gather(t, registered(t, collector.NewSamplerMetrics(1))); len(families) < 5 {
		t.Errorf("%d families of the sampler", len(families))
	}
}

// TestRejectsDuplicates shows that the uniqueness which health promises is
// checked: two connections of one name fail the scrape instead of lying.
func TestRejectsDuplicates(t *testing.T) {
	var source sequence

	g := source.gathering()
	source.Store(healthyScene(t))
	gather(t, g)

	twice := healthyScene(t)
	twice.Connections = append(twice.Connections, twice.Connections[0])
	source.Store(twice)

	for range 2 {
		families, done, err := g.Gather()
		if err == nil || !strings.Contains(err.Error(), "10.0.0.9") {
			t.Errorf("two connections with the same addresses and ports: %v", err)
		}

		if n := len(familyOf(families, "tcphealth_connection_score").GetMetric()); n != 1 {
			t.Errorf("%d scores", n)
		}

		done()
	}

	source.Store(healthyScene(t))
	gather(t, g)
}

func familyOf(families []*dto.MetricFamily, name string) *dto.MetricFamily {
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
	if i < 0 {
		return nil
	}

	return families[i]
}

// TestScrapesOfOneSnapshotShareMemory has as many scrapes as the exporter serves
// by default.
func TestScrapesOfOneSnapshotShareMemory(t *testing.T) {
	var source sequence

	g := source.gathering()
	source.Store(crowd(t, 10))

	first := gather(t, g)

	for range 40 {
		if again := gather(t, g); again[0] != first[0] {
			t.Fatal("a scrape of the same snapshot has families of its own")
		}
	}
}

// TestMemoryIsBounded has scrapes that take so long that each is of another
// snapshot.
func TestMemoryIsBounded(t *testing.T) {
	var source sequence

	g := source.gathering()
	used := make(map[*dto.MetricFamily]bool)

	var (
		shown    []string
		releases []func()
	)

	for n := range 40 {
		source.Store(crowd(t, n+1))

		families, done, err := g.Gather()
		if err != nil {
			t.Fatal(err)
		}

		used[families[0]] = true
		releases = append(releases, done)
		shown = append(shown, strconv.Itoa(len(familyOf(families, "tcphealth_connection_score").GetMetric())))
	}

	want := "1 2 3 4" + strings.Repeat(" 4", 36) // the newest there was memory for
	if got := strings.Join(shown, " "); len(used) != 4 || got != want {
		t.Errorf("%d sets of families, which show so many connections: %s", len(used), got)
	}

	releases[1]()

	for n, connections := range []int{40, 41} {
		source.Store(crowd(t, connections))

		families, done, _ := g.Gather()
		if got := len(familyOf(families, "tcphealth_connection_score").GetMetric()); got != 40 {
			t.Errorf("scrape %d behind one that is done: %d connections", n, got)
		}

		releases = append(releases, done)
	}

	for _, done := range releases {
		done()
	}

	clear(used)

	for n := range 10 {
		source.Store(crowd(t, n))

		families, done, _ := g.Gather()
		used[families[0]] = true

		done()
	}

	if len(used) != 1 {
		t.Errorf("one scrape after the other has %d sets of families", len(used))
	}
}

// TestFamiliesStayUntilDone holds what was gathered against what it was at first,
// while other scrapes come and go.
func TestFamiliesStayUntilDone(t *testing.T) {
	var source sequence

	g := source.gathering()
	source.Store(flagsScene(t))

	families, done, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}

	want := string(encode(t, families, protoText()))

	_, other, _ := g.Gather()
	other()
	other() // ends no scrape but its own

	for _, scene := range scenes() {
		source.Store(scene(t))
		expose(t, g, textFormat())
	}

	if diff := cmp.Diff(want, string(encode(t, families, protoText()))); diff != "" {
		t.Errorf("(-when gathered +when done):\n%s", diff)
	}

	done()
}

func protoText() expfmt.Format { return expfmt.NewFormat(expfmt.TypeProtoText) }

// TestConcurrentScrapes scrapes from many goroutines, in all formats.
func TestConcurrentScrapes(t *testing.T) {
	g := prometheus.NewMultiTRegistry(serving(crowd(t, 50)), registered(t, busySampler()))

	var group sync.WaitGroup

	for _, kind := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoDelim} {
		format := expfmt.NewFormat(kind)
		want := string(expose(t, g, format))

		for range 4 {
			group.Go(func() {
				for range 3 {
					if got := string(expose(t, g, format)); got != want {
						t.Errorf("%s (-alone +beside others):\n%s", format, cmp.Diff(want, got))
					}
				}
			})
		}
	}

	group.Wait()
}

// TestScrapesWhileSampling swaps snapshots under the scrapes: each scrape must
// show one of them and no mixture.
func TestScrapesWhileSampling(t *testing.T) {
	var latest sequence

	snapshots := []*health.Snapshot{crowd(t, 3), crowd(t, 17)}
	g := latest.gathering()
	latest.Store(snapshots[0])

	stop := make(chan struct{})

	var writer, readers sync.WaitGroup

	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				latest.Store(snapshots[i%2])
			}
		}
	})

	for range 6 {
		readers.Go(func() {
			for range 5 {
				shown := decode(t, expose(t, g, textFormat()), textFormat())
				scores := len(shown["tcphealth_connection_score"].values)

				if followed := shown["tcphealth_tracker_connections"].values; len(followed) != 1 || followed[0] != float64(scores) {
					t.Errorf("%v connections, but %d scores", followed, scores)
				}
			}
		})
	}

	readers.Wait()
	close(stop)
	writer.Wait()
}

// TestSteadyGatherAllocatesNothing has new figures and the same connections at
// each scrape.
func TestSteadyGatherAllocatesNothing(t *testing.T) {
	var source sequence

	g := source.gathering()
	snapshots := []*health.Snapshot{grouped(crowd(t, 1000)), grouped(crowd(t, 1000))}
	n := 0

	for i := range snapshots[1].Connections {
		c := &snapshots[1].Connections[i]
		c.Score, c.Row.SendQueue = 1, 77
	}

	allocations := testing.AllocsPerRun(10, func() {
		n++
		source.Store(snapshots[n%2])

		_, done, _ := g.Gather()
		done()
	})
	if allocations > 5 {
		t.Errorf("%v allocations for a scrape of 1000 connections and 100 groups", allocations)
	}
}

// TestNoOwnSample: the time of the last sample is absent if only other network namespaces
// were sampled.
func TestNoOwnSample(t *testing.T) {
	const name = "tcphealth_sampler_last_sample_timestamp_seconds"

	for _, s := range []*health.Snapshot{{At: sampledAt}, {Sockets: 1}} {
		g := collector.NewGatherer(collector.Config{Latest: func() *health.Snapshot { return s }})
		if got := strings.Contains(string(expose(t, g, textFormat())), name+" "); got == s.At.IsZero() {
			t.Errorf("sampled at %v: exposed %v", s.At, got)
		}
	}
}
