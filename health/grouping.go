package health

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Dimension is something by which connections are told apart into groups. What
// changes during a connection's life is none: its counters would move from one
// series to another.
type Dimension uint8

// The dimensions in the order of their labels.
const (
	ByRole Dimension = iota
	ByLocalAddress
	// ByLocalPort tells servers apart; that of a client is any.
	ByLocalPort
	ByRemoteAddress
	// ByRemotePort tells apart what clients connect to; that of a server's peer is any.
	ByRemotePort
	// ByNetwork is the name of the network of the remote address.
	ByNetwork
	// ByCongestion is the congestion control algorithm at first sight.
	ByCongestion
	ByCgroup

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
}

// String returns the name, which is that of the label.
func (d Dimension) String() string {
	if d < NumDimensions {
		return dimensionNameTable[d]
	}

	return "unknown"
}

// ParseDimension finds a dimension by its name.
func ParseDimension(name string) (Dimension, bool) {
	for d := range NumDimensions {
		if dimensionNameTable[d] == name {
			return d, true
		}
	}

	return 0, false
}

// GroupOther is the first label of the group of all those without a group of
// their own; the other labels are empty.
const GroupOther = "other"

// Grouping tells which connections belong together. It is not changed once it is
// in use.
type Grouping struct {
	by []Dimension
	// plain is the grouping of a program without configuration.
	plain    bool
	networks *Networks
}

// DefaultGrouping returns the grouping of a program without configuration:
// servers by their port, clients by the address and port that they connect to.
func DefaultGrouping() *Grouping {
	return &Grouping{by: []Dimension{ByRole, ByLocalPort, ByRemoteAddress, ByRemotePort}, plain: true}
}

// NewGrouping returns a grouping by at least one dimension. Networks are needed
// for [ByNetwork] alone.
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

func (g *Grouping) has(d Dimension) bool { return slices.Contains(g.by, d) }

func (g *Grouping) equal(other *Grouping) bool {
	if g.plain != other.plain || !slices.Equal(g.by, other.by) {
		return false
	}

	return g.networks == other.networks || g.networks != nil && other.networks != nil && g.networks.equal(other.networks)
}

// traits are what decides about the group of a connection.
type traits struct {
	role               Role
	local, remote      netip.AddrPort // with zones
	congestion, cgroup string
}

// labelEnd ends each label in the key of a group. No label has it: names from the
// kernel end there.
const labelEnd = 0

// appendKey appends the key of a connection's group: the values of its labels. So
// no two groups have the same ones.
func (g *Grouping) appendKey(b []byte, t *traits) []byte {
	for _, d := range g.by {
		b = append(g.appendLabel(b, d, t), labelEnd)
	}

	return b
}

// appendLabel appends what a dimension tells of a connection. A port that the
// kernel picked tells nothing.
func (g *Grouping) appendLabel(b []byte, d Dimension, t *traits) []byte {
	switch d {
	case ByRole:
		return append(b, t.role.String()...)
	case ByLocalAddress:
		return appendAddress(b, t.local, true)
	case ByLocalPort:
		return appendPort(b, t.local, t.role == RoleServer)
	case ByRemoteAddress:
		return appendAddress(b, t.remote, t.role == RoleClient || !g.plain)
	case ByRemotePort:
		return appendPort(b, t.remote, t.role == RoleClient)
	case ByNetwork:
		return append(b, g.networks.Name(t.remote.Addr())...)
	case ByCongestion:
		return append(b, t.congestion...)
	default:
		return append(b, t.cgroup...)
	}
}

func appendAddress(b []byte, ap netip.AddrPort, tells bool) []byte {
	if !tells {
		return b
	}

	return ap.Addr().AppendTo(b)
}

func appendPort(b []byte, ap netip.AddrPort, tells bool) []byte {
	if !tells {
		return b
	}

	return strconv.AppendUint(b, uint64(ap.Port()), 10)
}

// labelsOf returns the values of the labels behind a key.
func labelsOf(key string) []string {
	values := strings.Split(key, string(rune(labelEnd)))

	return values[:len(values)-1]
}

// otherLabels are those of the group for the rest.
func (g *Grouping) otherLabels() []string {
	values := make([]string, len(g.by))
	values[0] = GroupOther

	return values
}
