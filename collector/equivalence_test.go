package collector_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/health/judge"
)

// requireSame compares a gatherer with constant metrics of the same snapshot in a
// registry that checks everything.
func requireSame(t *testing.T, name string, want prometheus.Gatherer, got prometheus.TransactionalGatherer) {
	t.Helper()

	expected, err := want.Gather()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}

	families, done, err := got.Gather()
	defer done()

	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}

	withoutUnknownOwners(expected)

	families = slices.Clone(families)
	for i, f := range families {
		families[i] = proto.CloneOf(f)
	}

	sortGroups(expected)
	sortGroups(families)

	if slices.EqualFunc(expected, families, func(a, b *dto.MetricFamily) bool { return proto.Equal(a, b) }) {
		return
	}

	t.Fatalf("%s (-constant metrics +gathered):\n%s", name,
		cmp.Diff(string(encode(t, expected, protoText())), string(encode(t, families, protoText()))))
}

// withoutUnknownOwners removes the empty labels of the owners of groups.
func withoutUnknownOwners(families []*dto.MetricFamily) {
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "tcphealth_group_") {
			continue
		}

		for _, m := range f.GetMetric() {
			m.Label = slices.DeleteFunc(m.Label, func(l *dto.LabelPair) bool {
				return l.GetValue() == "" && slices.Contains([]string{"namespace", "workload", "unit"}, l.GetName())
			})
		}
	}
}

// sortGroups sorts the series of groups, of which the registry expects the same labels of all.
func sortGroups(families []*dto.MetricFamily) {
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "tcphealth_group_") {
			slices.SortFunc(f.GetMetric(), func(a, b *dto.Metric) int {
				return strings.Compare(fmt.Sprint(a.GetLabel()), fmt.Sprint(b.GetLabel()))
			})
		}
	}
}

// TestSameAsConstantMetrics gathers all scenes in turn, there and back, with the
// memory of those before.
func TestSameAsConstantMetrics(t *testing.T) {
	for _, sets := range [][]collector.Set{nil, {collector.SetHealth}, {collector.SetTrend, collector.SetTCP}, {collector.SetFull}} {
		var source sequence

		cfg := collector.Config{Latest: source.Load, Sets: sets}
		reference, g := pedantic(t, collector.NewReference(cfg)), collector.NewGatherer(cfg)

		for range 3 {
			for name, scene := range scenes() { // in random order
				source.Store(scene(t))
				requireSame(t, fmt.Sprintf("sets %v, scene %q", sets, name), reference, g)
			}
		}
	}
}

// TestSameUnderChurn is the same for connections, listeners and facts that come
// and go.
func TestSameUnderChurn(t *testing.T) {
	var source sequence

	cfg := collector.Config{Latest: source.Load}
	reference, g := pedantic(t, collector.NewReference(cfg)), collector.NewGatherer(cfg)
	r := rand.New(rand.NewPCG(1, 2))
	pool := everyConnection(t)

	var releases []func()

	for n := range 300 {
		s := flagsScene(t)
		s.Connections = nil

		for _, i := range r.Perm(len(pool))[:r.IntN(len(pool)+1)] {
			s.Connections = append(s.Connections, changed(r, pool[i]))
		}

		if s.Outstanding, s.Lifetimes = spread(r.IntN(100)), spread(r.IntN(100)); r.IntN(4) == 0 {
			s.Lifetimes = nil
		}

		s.GroupLabels = group.DefaultGrouping().Labels()
		for _, i := range r.Perm(9)[:r.IntN(9)] {
			s.Groups = append(s.Groups, numbered(r.IntN(1000), "server", strconv.Itoa(i), "", "", "", "", []string{"", "nginx.service"}[i%2]))
		}

		for _, port := range r.Perm(9)[:r.IntN(9)] {
			s.Listeners = append(s.Listeners, health.Listener{LocalAddress: "::", LocalPort: strconv.Itoa(port), Max: r.Uint32()})
		}

		for f := range s.LastActivated {
			if r.IntN(4) == 0 {
				s.LastActivated[f] = health.Activation{Identity: pool[r.IntN(len(pool))].Identity, At: sampledAt.Add(time.Duration(n) * time.Second)}
			}
		}

		source.Store(s)
		requireSame(t, fmt.Sprintf("snapshot %d", n), reference, g)

		// Some scrapes take longer than others, but not all memory is used.
		if len(releases) < 2 && r.IntN(3) == 0 {
			_, done, _ := g.Gather()
			releases = append(releases, done)
		} else if len(releases) > 0 && r.IntN(3) == 0 {
			releases[0]()
			releases = releases[1:]
		}
	}

	for _, done := range releases {
		done()
	}
}

// everyConnection returns the connections of all scenes, each under a name of its
// own.
func everyConnection(t *testing.T) (all []health.Connection) {
	for _, scene := range []func(testing.TB) *health.Snapshot{healthyScene, flagsScene, endedScene, oldKernelScene, zoneScene} {
		all = append(all, scene(t).Connections...)
	}

	for i := range all {
		all[i].LocalPort = strconv.Itoa(i)
	}

	return all
}

// changed gives a connection other figures, flags and facts.
func changed(r *rand.Rand, c health.Connection) health.Connection {
	c.Score, c.Row.UID = r.IntN(101), r.Uint32N(3)
	c.Flags = judge.Flags(r.Uint32()&r.Uint32()) & (1<<judge.NumFlags - 1)
	c.Cause = judge.Cause(r.IntN(int(judge.NumCauses)))

	if r.IntN(2) == 0 {
		c.Ended = sampledAt
	}

	return c
}
