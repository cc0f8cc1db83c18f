package collector_test

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
	"tcphealth_exporter/internal/netlab"
	"tcphealth_exporter/sampler"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// serving returns a gatherer of the snapshot with the given sets.
func serving(s *health.Snapshot, sets ...collector.Set) *collector.Gatherer {
	return collector.NewGatherer(collector.Config{Latest: func() *health.Snapshot { return s }, Sets: sets, Owner: ownerOf})
}

// ownedCgroup has an owner.
const ownedCgroup = 4242

// ownerOf returns the owner of a cgroup.
func ownerOf(cgroup uint64) []string {
	if cgroup != ownedCgroup {
		return nil
	}

	return []string{"shop", "web", "web-7d4b9c6f5d-x2k9p", "nginx", "", strings.Repeat("0123456789abcdef", 4), "12345678-9abc-def0-1234-56789abcdef0"}
}

// pedantic returns a registry that checks each series against its description.
func pedantic(tb testing.TB, collectors ...prometheus.Collector) *prometheus.Registry {
	tb.Helper()

	registry := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		if err := registry.Register(c); err != nil {
			tb.Fatal(err)
		}
	}

	return registry
}

// registered returns a gatherer of collectors.
func registered(tb testing.TB, collectors ...prometheus.Collector) prometheus.TransactionalGatherer {
	tb.Helper()

	return prometheus.ToTransactionalGatherer(pedantic(tb, collectors...))
}

// gather gathers what is valid until the test ends.
func gather(tb testing.TB, g prometheus.TransactionalGatherer) []*dto.MetricFamily {
	tb.Helper()

	families, done, err := g.Gather()
	tb.Cleanup(done)

	if err != nil {
		tb.Fatal(err)
	}

	return families
}

// expose gathers and encodes in the given format.
func expose(tb testing.TB, g prometheus.TransactionalGatherer, format expfmt.Format) []byte {
	tb.Helper()

	families, done, err := g.Gather()
	defer done()

	if err != nil {
		tb.Fatal(err)
	}

	return encode(tb, families, format)
}

func encode(tb testing.TB, families []*dto.MetricFamily, format expfmt.Format) []byte {
	tb.Helper()

	var b bytes.Buffer

	encoder := expfmt.NewEncoder(&b, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			tb.Fatal(err)
		}
	}

	if closer, ok := encoder.(expfmt.Closer); ok {
		if err := closer.Close(); err != nil {
			tb.Fatal(err)
		}
	}

	return b.Bytes()
}

func textFormat() expfmt.Format { return expfmt.NewFormat(expfmt.TypeTextPlain) }

// goldenGatherers returns what each golden file shows, by its name.
func goldenGatherers(tb testing.TB) map[string]prometheus.TransactionalGatherer {
	tb.Helper()

	all := make(map[string]prometheus.TransactionalGatherer)
	for name, scene := range scenes() {
		all[name] = serving(scene(tb))
	}

	all["sampler"] = registered(tb, busySampler())
	all["config"] = registered(tb, loadedConfig())
	all["recording"] = registered(tb, collector.NewRecordingMetrics(func() uint64 { return 123_456 }, func() uint64 { return 1 }))
	all["log"] = registered(tb, collector.NewLogMetrics(func() uint64 { return 17 }))
	all["web"] = registered(tb, busyWeb())
	all["netns"] = registered(tb, collector.NewNetnsMetrics(busyNetns))
	all["kernel"] = registered(tb, filledKernel())
	all["namespaces"] = registered(tb, filledNamespaces())

	return all
}

// busyNetns has met all that the sampling of network namespaces can meet.
func busyNetns() collector.NetnsStats {
	return collector.NetnsStats{
		Namespaces: map[string]int{"watched": 12, "idle": 30, "skipped": 1, "denied": 2, "excluded": 3},
		Opens:      map[string]uint64{"ok": 45, "race": 4, "denied": 6, "unavailable": 7, "error": 0},
		Errors:     map[string]uint64{"interrupted": 1, "timeout": 0},
		Samples:    map[string]uint64{"walk": 900, "get_one": 4200, "skipped": 12000},
		Postponed:  8, HasBroker: true, BrokerUp: true, DiscoverySeconds: 0.0021, OldestSeconds: 1.25,
	}
}

// busySampler has met all that a sampler can meet.
func busySampler() *collector.SamplerMetrics {
	m := collector.NewSamplerMetrics(1500 * time.Millisecond)
	m.Ticked(sampler.Dump{Start: sampledAt, End: sampledAt.Add(3 * time.Millisecond), Kernel: time.Millisecond}, 5*time.Millisecond)
	m.Ticked(sampler.Dump{Start: sampledAt, End: sampledAt.Add(10 * time.Second)}, 11*time.Second)
	m.Rechecked(17, 3*time.Millisecond)
	m.Rechecked(5, time.Millisecond)
	m.Missed(9)
	m.Missed(1)

	for i, err := range failures() {
		for range i + 1 {
			m.Failed(err, time.Second)
		}
	}

	return m
}

// filledNamespaces has two namespaces, one of them with an owner.
func filledNamespaces() *collector.NamespaceMetrics {
	m := collector.NewNamespaceMetrics()
	m.Set([]collector.NamespaceStats{
		{
			Name: "4026532281", Kernel: collector.KernelStats{
				ActiveOpens: 1, PassiveOpens: 2, InSegs: 1 << 40, OutSegs: 4, RetransSegs: 5,
				AttemptFails: 10, EstabResets: 11, OutRsts: 12,
				ListenOverflows: 6, ListenDrops: 7, TimeWait: 8, Orphans: 9, Memory: 1 << 20,
			},
			Sockets: 17, Owner: []string{"shop", "web", "web-7d4b9c6f5d-x2k9p", "nginx", "", strings.Repeat("a", 64), "6f1c"},
		},
		{Name: "proc:4026532686", Kernel: collector.KernelStats{OutSegs: 3}},
	}, 3)

	return m
}

// filledKernel has a figure of each kind.
func filledKernel() *collector.KernelMetrics {
	m := collector.NewKernelMetrics()
	m.Set(&collector.KernelStats{
		ActiveOpens: 1, PassiveOpens: 2, InSegs: 1 << 40, OutSegs: 4, RetransSegs: 5,
		AttemptFails: 10, EstabResets: 11, OutRsts: 12,
		ListenOverflows: 6, ListenDrops: 7, TimeWait: 8, Orphans: 9, Memory: 1 << 20,
	})

	return m
}

// loadedConfig has been loaded once; then it was refused.
func loadedConfig() *collector.ConfigMetrics {
	m := collector.NewConfigMetrics()
	m.Loaded(sampledAt)
	m.Failed()

	return m
}

// busyWeb has an answer in memory, and has aborted another one.
func busyWeb() *collector.WebMetrics {
	m := collector.NewWebMetrics([]string{"client", "stalled"})
	m.Memory(3 << 20)
	m.Aborted("stalled")

	return m
}

func TestGolden(t *testing.T) {
	all := goldenGatherers(t)

	for name, g := range all {
		t.Run(name, func(t *testing.T) {
			got := expose(t, g, textFormat())
			path := filepath.Join("testdata", name+".prom")

			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}

			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-golden +collected):\n%s", path, diff)
			}
		})
	}

	t.Run("no stray files", func(t *testing.T) {
		for _, path := range goldenFiles(t) {
			name := filepath.Base(path)
			if _, ok := all[name[:len(name)-len(".prom")]]; !ok {
				t.Errorf("%s belongs to no scene", path)
			}
		}
	})
}

func goldenFiles(tb testing.TB) []string {
	tb.Helper()

	paths, err := filepath.Glob(filepath.Join("testdata", "*.prom"))
	if err != nil || len(paths) == 0 {
		tb.Fatal("no golden files", err)
	}

	return paths
}

// TestGoldenPleasesPromtool has Prometheus' own tool judge the golden files.
func TestGoldenPleasesPromtool(t *testing.T) {
	netlab.RequireTool(t, "promtool")

	for _, path := range goldenFiles(t) {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}

		cmd := exec.Command("promtool", "check", "metrics")
		cmd.Stdin = file
		out, err := cmd.CombinedOutput()

		if _ = file.Close(); err != nil || len(out) > 0 {
			t.Errorf("promtool check metrics <%s: %v\n%s", path, err, out)
		}
	}
}

// TestLint runs the same rules in this process, over all scenes and sets.
func TestLint(t *testing.T) {
	for name, g := range goldenGatherers(t) {
		problems, err := promlint.NewWithMetricFamilies(gather(t, g)).Lint()
		if err != nil {
			t.Fatal(err)
		}

		for _, p := range problems {
			t.Errorf("%s: %s: %s", name, p.Metric, p.Text)
		}
	}
}

// TestFormats encodes the scenes in every format a scraper may ask for.
func TestFormats(t *testing.T) {
	for _, kind := range []expfmt.FormatType{
		expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoDelim, expfmt.TypeProtoText, expfmt.TypeProtoCompact,
	} {
		format := expfmt.NewFormat(kind)

		s := groupsScene(t)
		s.Connections = flagsScene(t).Connections
		g := prometheus.NewMultiTRegistry(serving(s), registered(t, busySampler()))
		body := expose(t, g, format)

		if kind == expfmt.TypeOpenMetrics {
			if !bytes.HasSuffix(body, []byte("\n# EOF\n")) {
				t.Errorf("%s: no end mark", format)
			}
		}

		if kind == expfmt.TypeTextPlain || kind == expfmt.TypeProtoDelim {
			var want []string
			for _, f := range gather(t, g) {
				want = append(want, f.GetName())
			}

			got := slices.Sorted(maps.Keys(decode(t, body, format)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-gathered +decoded):\n%s", format, diff)
			}
		}

		if len(body) < 1000 {
			t.Errorf("%s: only %d bytes", format, len(body))
		}
	}
}
