package bench

import (
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

// BenchmarkTick compares the full tick with the floor and with ss, turn and turn
// about, while all connections are idle and while a message goes each way on every
// tenth of them between two dumps. It reports per socket: wall time (medians), their
// ratios to the floor, and the ratio of the processor time, garbage collection
// included; and per tick: the allocations; and the bytes per connection, as the table
// says and as the heap grew.
func BenchmarkTick(b *testing.B) {
	netlab.RequireRoot(b)
	netlab.RequireTool(b, "ss")

	for _, sockets := range []int{1_000, 10_000, 54_000} {
		for name, nth := range map[string]int{"idle": 0, "active=10%": 10} {
			b.Run(fmt.Sprintf("sockets=%d/%s", sockets, name), func(b *testing.B) { benchmarkTick(b, sockets, nth) })
		}
	}
}

// settled is longer than a window: who has done nothing for so long is idle.
const settled = 11 * time.Second

func benchmarkTick(b *testing.B, sockets, nth int) {
	ns, exchange := population(b, sockets)
	f, heap := newFloor(b, ns), heapBytes()
	tick, last := newTick(b, ns)

	time.Sleep(settled)

	for range 15 { // fill the windows, of those that are active, too
		if nth > 0 {
			exchange(nth)
		}

		tick()
	}

	if got := (*last).Tracker.Live; got != sockets {
		b.Fatalf("follows %d connections of %d", got, sockets)
	}

	heap = heapBytes() - heap

	var floors, ticks, lists meter

	dump := func() {
		if _, err := f.dump(); err != nil {
			b.Fatal(err)
		}
	}

	for turn := 0; b.Loop(); turn++ {
		if nth > 0 {
			exchange(nth)
		}

		if turn%2 == 0 {
			floors.measure(dump)
			ticks.measure(tick)
		} else {
			ticks.measure(tick)
			floors.measure(dump)
		}

		lists.measure(func() { list(b, ns) })
	}

	perSocket := 1 / float64(sockets)
	b.ReportMetric(floors.median()*perSocket, "dump-ns/socket")
	b.ReportMetric(ticks.median()*perSocket, "tick-ns/socket")
	b.ReportMetric(ticks.median()/floors.median(), "tick/dump")
	b.ReportMetric(float64(ticks.cpu)/float64(floors.cpu), "cpu-tick/dump")
	b.ReportMetric(lists.median()/floors.median(), "ss/dump")
	b.ReportMetric(float64(ticks.allocs)/float64(len(ticks.walls)), "allocs/tick")
	b.ReportMetric(float64((*last).Tracker.Bytes)*perSocket, "table-B/conn")
	b.ReportMetric(float64(heap)*perSocket, "heap-B/conn")
	b.ReportMetric(0, "ns/op") // all of it together: says nothing
}

// list runs ss and discards its output, which must not become garbage of the benchmark.
func list(b *testing.B, ns *netlab.Namespace) {
	if err := ns.DoErr(exec.Command("ss", "-tinHO").Run); err != nil {
		b.Fatal(err)
	}
}

// heapBytes returns what the heap holds after a collection.
func heapBytes() int64 {
	var m runtime.MemStats

	runtime.GC()
	runtime.ReadMemStats(&m)

	return int64(m.HeapAlloc)
}

// newTick returns a function that takes one sample with default settings, and
// where its snapshot is found.
func newTick(b *testing.B, ns *netlab.Namespace) (tick func(), last **health.Snapshot) {
	b.Helper()

	conn := dial(b, ns)

	var snapshot *health.Snapshot

	tracker := health.NewTracker(health.Config{
		Export: export.Config{Max: 500, MinAge: 30 * time.Second, Hold: 5 * time.Minute},
	}, func(s *health.Snapshot) { snapshot = s })

	conn.SetSkip(tracker.Resting)

	return func() {
		tracker.Begin(0)

		d, err := conn.Dump(tracker.Sockets)
		if err != nil {
			b.Fatal(err)
		}

		tracker.End(d)
		tracker.Publish(d.End)
	}, &snapshot
}

func dial(b *testing.B, ns *netlab.Namespace) *sampler.Conn {
	b.Helper()

	conn, err := sampler.Dial(sampler.Config{NetNS: ns.FD()})
	if err != nil {
		b.Fatal(err)
	}

	b.Cleanup(func() { _ = conn.Close() })

	return conn
}

// meter adds up what calls cost.
type meter struct {
	walls  []time.Duration
	cpu    time.Duration
	allocs uint64
}

func (m *meter) measure(call func()) {
	var before, after runtime.MemStats

	runtime.ReadMemStats(&before)

	cpu, began := processCPU(), time.Now()

	call()

	m.walls = append(m.walls, time.Since(began))
	m.cpu += processCPU() - cpu

	runtime.ReadMemStats(&after)
	m.allocs += after.Mallocs - before.Mallocs
}

func (m *meter) median() float64 {
	slices.Sort(m.walls)

	return float64(m.walls[len(m.walls)/2])
}

func processCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}

	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
