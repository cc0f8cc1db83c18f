package group

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Dimension is a property by which connections are grouped. It never changes during
// a connection's lifetime: its counters would move from one series to another.
type Dimension uint8

// The dimensions in the order of their labels.
const (
	ByRole Dimension = iota
	ByLocalAddress
	// ByLocalPort distinguishes servers; it is empty for clients.
	ByLocalPort
	ByRemoteAddress
	// ByRemotePort distinguishes what clients connect to; it is empty for servers.
	ByRemotePort
	// ByNetwork is the name of the network of the remote address.
	ByNetwork
	// ByCongestion is the congestion control algorithm in the first sample.
	ByCongestion
	ByCgroup
	// ByNamespace and ByWorkload are those of the Kubernetes pod, empty for others.
	ByNamespace
	ByWorkload
	// ByUnit is the systemd unit of the cgroup; it is empty for containers.
	ByUnit

	// NumDimensions is the number of dimensions.
	NumDimensions
)

var dimensionNameTable = [NumDimensions]string{
	ByRole:          "role",
	ByLocalAddress:  "local_address",
	ByLocalPort:     "local_port",
	ByRemoteAddress: "remote_address",
	ByRemotePort:    "remote_port",
	ByNetwork:       "network",
	ByCongestion:    "congestion_algorithm",
	ByCgroup:        "cgroup",
	ByNamespace:     "namespace",
	ByWorkload:      "workload",
	ByUnit:          "unit",
}

// String returns the name, which is that of the label.
func (d Dimension) String() string {
	if d < NumDimensions {
		return dimensionNameTable[d]
	}

	return "unknown"
}

// ParseDimension returns the dimension with a name, and reports whether there is one.
func ParseDimension(name string) (Dimension, bool) {
	for d := range NumDimensions {
		if dimensionNameTable[d] == name {
			return d, true
		}
	}

	return 0, false
}

// Other is the first label of the group that collects the connections of all groups
// beyond the budget. Its other labels are empty.
const Other = "other"

// Grouping defines the groups of connections. It is immutable once it is in use.
type Grouping struct {
	by []Dimension
	// plain: it is the default grouping.
	plain    bool
	networks *Networks
}

// DefaultGrouping returns the grouping that needs no configuration: servers by their
// port, clients by the address and port that they connect to, both by their owner.
func DefaultGrouping() *Grouping {
	return &Grouping{
		by:    []Dimension{ByRole, ByLocalPort, ByRemoteAddress, ByRemotePort, ByNamespace, ByWorkload, ByUnit},
		plain: true,
	}
}

// NewGrouping returns a grouping by at least one dimension. Networks are needed for
// [ByNetwork] only.
func NewGrouping(by []Dimension, networks *Networks) *Grouping {
	g := &Grouping{by: slices.Compact(slices.Sorted(slices.Values(by)))}
	if slices.Contains(by, ByNetwork) {
		g.networks = networks
	}

	return g
}

// By returns the dimensions in the order of their labels.
func (g *Grouping) By() []Dimension { return slices.Clone(g.by) }

// Labels returns the names of the labels.
func (g *Grouping) Labels() []string {
	names := make([]string, len(g.by))
	for i, d := range g.by {
		names[i] = d.String()
	}

	return names
}

// Has reports whether connections are grouped by d.
func (g *Grouping) Has(d Dimension) bool { return slices.Contains(g.by, d) }

// OfOwner reports whether d is a property of the [Owner].
func (d Dimension) OfOwner() bool { return d == ByNamespace || d == ByWorkload || d == ByUnit }

// HasOwner reports whether connections are grouped by a property of their [Owner].
func (g *Grouping) HasOwner() bool { return slices.ContainsFunc(g.by, Dimension.OfOwner) }

// Equal reports whether both make the same groups.
func (g *Grouping) Equal(other *Grouping) bool {
	if g == nil || other == nil {
		return g == other
	}

	if g.plain != other.plain || !slices.Equal(g.by, other.by) {
		return false
	}

	return g.networks.Equal(other.networks)
}

// Traits decide the group of a connection.
type Traits struct {
	Role Role
	// Local and Remote have the zones of link-local addresses.
	Local, Remote netip.AddrPort
	// Congestion is the name of the congestion control algorithm, Cgroup the path of
	// the cgroup or its number.
	Congestion, Cgroup string
	Owner              Owner
}

// Owner is the part of a connection's owner that remains when the owner is restarted or
// updated: a systemd unit, or the namespace and the workload of a Kubernetes pod. Names that
// are unknown are empty.
type Owner struct{ Unit, Namespace, Workload string }

// labelEnd ends each label in the key of a group. No label contains it: it ends names
// from the kernel.
const labelEnd = 0

// appendKey appends the key of a connection's group: the values of its labels, so that
// no two groups have equal labels.
func (g *Grouping) appendKey(b []byte, t *Traits) []byte {
	for _, d := range g.by {
		b = append(g.appendLabel(b, d, t), labelEnd)
	}

	return b
}

// appendLabel appends the value of a dimension. An ephemeral port has none.
func (g *Grouping) appendLabel(b []byte, d Dimension, t *Traits) []byte {
	switch d {
	case ByRole:
		return append(b, t.Role.String()...)
	case ByLocalAddress:
		return appendAddress(b, t.Local, true)
	case ByLocalPort:
		return appendPort(b, t.Local, t.Role == RoleServer)
	case ByRemoteAddress:
		return appendAddress(b, t.Remote, t.Role == RoleClient || !g.plain)
	case ByRemotePort:
		return appendPort(b, t.Remote, t.Role == RoleClient)
	case ByNetwork:
		return append(b, g.networks.Name(t.Remote.Addr())...)
	case ByCongestion:
		return append(b, t.Congestion...)
	case ByCgroup:
		return append(b, t.Cgroup...)
	default:
		return append(b, t.Owner.name(d)...)
	}
}

// name returns the name by which d groups.
func (o *Owner) name(d Dimension) string {
	switch d {
	case ByNamespace:
		return o.Namespace
	case ByWorkload:
		return o.Workload
	default:
		return o.Unit
	}
}

func appendAddress(b []byte, ap netip.AddrPort, known bool) []byte {
	if !known {
		return b
	}

	return ap.Addr().AppendTo(b)
}

func appendPort(b []byte, ap netip.AddrPort, known bool) []byte {
	if !known {
		return b
	}

	return strconv.AppendUint(b, uint64(ap.Port()), 10)
}

// labelsOf returns the values of the labels in a key.
func labelsOf(key string) []string {
	values := strings.Split(key, string(rune(labelEnd)))

	return values[:len(values)-1]
}

// otherLabels returns the labels of the group beyond the budget.
func (g *Grouping) otherLabels() []string {
	values := make([]string, len(g.by))
	values[0] = Other

	return values
}
