package collector_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
)

// describe returns the descriptions that a collector sends.
func describe(c prometheus.Collector) []*prometheus.Desc {
	ch := make(chan *prometheus.Desc)

	go func() {
		c.Describe(ch)
		close(ch)
	}()

	var all []*prometheus.Desc
	for d := range ch {
		all = append(all, d)
	}

	return all
}

// collect counts the series that a collector sends.
func collect(c prometheus.Collector) int {
	ch := make(chan prometheus.Metric, 1024)

	go func() {
		c.Collect(ch)
		close(ch)
	}()

	n := 0
	for range ch {
		n++
	}

	return n
}

func descriptions(c prometheus.Collector) []string {
	all := make([]string, 0, 100)
	for _, d := range describe(c) {
		all = append(all, d.String())
	}

	return all
}

func TestDescribeTwice(t *testing.T) {
	c := serving(nil)
	before := descriptions(c)

	collect(c)

	if diff := cmp.Diff(before, descriptions(c)); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}

	if diff := cmp.Diff(before, descriptions(serving(flagsScene(t)))); diff != "" {
		t.Errorf("depends on the snapshot (-none +some):\n%s", diff)
	}

	slices.Sort(before)

	if twice := len(before) - len(slices.Compact(before)); twice != 0 {
		t.Errorf("%d descriptions are there twice", twice)
	}
}

// TestNothingBeforeTheFirstSample tells absent and zero apart: before the first
// sample there are no figures, while the sampler's own are there at once.
func TestNothingBeforeTheFirstSample(t *testing.T) {
	if n := collect(serving(nil)); n != 0 {
		t.Errorf("%d series without a snapshot", n)
	}

	if body := expose(t, pedantic(t, serving(nil)), textFormat()); len(body) != 0 {
		t.Errorf("exposed without a snapshot:\n%s", body)
	}

	if n := collect(collector.NewSamplerMetrics(1)); n < 5 {
		t.Errorf("%d series of the sampler", n)
	}
}

// TestConcurrentScrapes scrapes one collector from many goroutines.
func TestConcurrentScrapes(t *testing.T) {
	registry := pedantic(t, serving(crowd(t, 50)), busySampler())
	want := string(expose(t, registry, textFormat()))

	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 3 {
				if got := string(expose(t, registry, textFormat())); got != want {
					t.Errorf("(-alone +beside others):\n%s", cmp.Diff(want, got))
				}
			}
		})
	}

	group.Wait()
}

// TestScrapesWhileSampling swaps snapshots under the scrapes: each scrape must
// show one of them and no mixture.
func TestScrapesWhileSampling(t *testing.T) {
	var latest atomic.Pointer[health.Snapshot]

	snapshots := []*health.Snapshot{crowd(t, 3), crowd(t, 17)}
	registry := pedantic(t, collector.New(collector.Config{Latest: latest.Load}))
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

	for range 4 {
		readers.Go(func() {
			for range 5 {
				shown := decode(t, expose(t, registry, textFormat()), textFormat())
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

// TestRejectsDuplicates shows that the uniqueness which health promises is
// checked: two connections of one name fail the scrape instead of lying.
func TestRejectsDuplicates(t *testing.T) {
	s := healthyScene(t)
	s.Connections = append(s.Connections, s.Connections[0])

	if _, err := pedantic(t, serving(s)).Gather(); err == nil {
		t.Error("two connections with the same addresses and ports went through")
	}
}

// crowd returns a snapshot of n connections that tell all they can.
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

func BenchmarkCollect(b *testing.B) {
	defaults := []collector.Set{collector.SetHealth, collector.SetTrend, collector.SetTCP}

	for _, n := range []int{100, 1000} {
		for name, sets := range map[string][]collector.Set{"default": defaults, "full": nil} {
			b.Run(fmt.Sprintf("connections=%d/sets=%s", n, name), func(b *testing.B) {
				c := serving(crowd(b, n), sets...)
				series := 0

				b.ReportAllocs()

				for b.Loop() {
					series = collect(c)
				}

				b.ReportMetric(float64(series), "series")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*series), "ns/series")
			})
		}
	}
}
