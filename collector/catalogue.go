package collector

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"tcphealth_exporter/health"
	"tcphealth_exporter/sampler"
)

// namespace is the prefix of all metric names.
const namespace = "tcphealth_"

// Set is a selection of the per-connection families.
type Set string

// The sets. Families outside them are always exposed.
const (
	SetHealth Set = "health"
	SetTrend  Set = "trend"
	SetTCP    Set = "tcp"
	SetFull   Set = "full"
)

// Sets returns all sets in a fixed order.
func Sets() []Set { return []Set{SetHealth, SetTrend, SetTCP, SetFull} }

// ParseSets reads a comma-separated list such as "health,trend,tcp".
func ParseSets(list string) ([]Set, error) {
	var sets []Set

	for name := range strings.SplitSeq(list, ",") {
		set := Set(strings.TrimSpace(name))
		if !slices.Contains(Sets(), set) {
			return nil, fmt.Errorf("unknown set %q, expected some of %v", set, Sets())
		}

		sets = append(sets, set)
	}

	return sets, nil
}

// Metric describes one family of the catalogue.
type Metric struct {
	// Name is complete, with its prefix.
	Name, Help string
	// Type is counter, gauge or histogram.
	Type string
	// Labels of a group are those without configuration.
	Labels []string
	// Set is the set the family belongs to, empty for those always exposed.
	Set Set
	// Source is the kernel's field, empty for what is computed. Since is the first
	// Linux release that has it, empty for what all releases have that are sampled.
	Source, Since string
}

//go:generate go test . -run TestGoldenMetricsDoc -update

// Catalogue returns all families in the order in which they are exposed.
func Catalogue() []Metric {
	var all []Metric
	for i := range connectionFamilyTable {
		all = append(all, connectionFamilyTable[i].describe(connectionLabelTable))
	}

	for i := range groupFamilyTable {
		all = append(all, groupFamilyTable[i].describe(groupLabelTable))
	}

	for i := range hostFamilyTable {
		all = append(all, hostFamilyTable[i].describe(nil))
	}

	return slices.Concat(all, kernelMetrics(), samplerMetricTable, configMetricTable, logMetricTable, recordingMetricTable, webMetricTable, netnsMetricTable, namespaceMetrics())
}

// family is a row of the catalogue.
type family[T any] struct {
	name, help string
	kind       dto.MetricType
	set        Set
	labels     []string
	source     string
	// since is that of what is computed from fields that not all releases have.
	since string
	// series adds the series about one T.
	series func(from *T, to *series)
}

func (f *family[T]) describe(common []string) Metric {
	return Metric{
		Name:   namespace + f.name,
		Help:   f.help,
		Type:   strings.ToLower(f.kind.String()),
		Labels: slices.Concat(common, f.labels),
		Set:    f.set,
		Source: f.source,
		Since:  cmp.Or(f.since, sinceOf(f.source)),
	}
}

// sinceOf returns the first release that has a field of tcp_info, empty for the
// fields that all have, and for other sources.
func sinceOf(source string) string {
	const oldest = "2.6"

	for f := range sampler.NumFields {
		if since := f.Since(); source == "tcpi_"+f.String() && since != oldest {
			return since
		}
	}

	return ""
}

// connectionLabelTable name a connection.
var connectionLabelTable = []string{"local_address", "local_port", "remote_address", "remote_port"}

type (
	connectionFamily = family[health.Connection]
	hostFamily       = family[health.Snapshot]
)

// connectionFamilyTable are all families with a series per connection.
var connectionFamilyTable = slices.Concat(healthFamilyTable, trendFamilyTable, tcpFamilyTable, fullFamilyTable)

// gauge is a connection family with at most one series, from value.
func gauge(set Set, name, help string, value func(c *health.Connection) (float64, bool)) connectionFamily {
	return connectionFamily{
		name: "connection_" + name, help: help, kind: gaugeValue, set: set,
		series: func(c *health.Connection, to *series) {
			if v, ok := value(c); ok {
				to.add(v)
			}
		},
	}
}

func always(v float64) (float64, bool) { return v, true }

func boolean(b bool) float64 {
	if b {
		return 1
	}

	return 0
}
