package health

import (
	"time"

	"tcphealth_exporter/health/abort"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/sampler"
)

// Config configures a [Tracker]. Zero values stand for the defaults of the program's
// flags, except for the Max of Export and Groups.
type Config struct {
	// Interval is the time between two samples.
	Interval time.Duration
	// OthersInterval is the same for network namespaces beside the exporter's own, zero for
	// Interval. Longer times between two samples are gaps.
	OthersInterval time.Duration
	// Window is the span over which a connection is judged.
	Window time.Duration
	// Retention is how long an ended connection stays visible.
	Retention time.Duration
	// MaxConnections is the maximum size of the table.
	MaxConnections int
	Export         export.Config
	Groups         group.Config
	// MaxListeners is the maximum number of exported listeners, negative for none. Their
	// minimum age is that of healthy connections.
	MaxListeners int
	Recheck      RecheckConfig
	// Policy determines thresholds and groups, nil for [DefaultPolicy].
	Policy *Policy
	// Retries are the settings of the kernel for the exporter's own network namespace, zero
	// for the kernel's defaults.
	Retries abort.Retries
	// Ended takes each connection that ends; what it points to is valid during the
	// call. It is nil for none, and must not block.
	Ended func(*Ended)
	// CgroupName returns the path of a cgroup, empty if there is none, and reports
	// whether that is known yet. It must not block. If it is nil or returns nothing, the
	// number is used.
	CgroupName func(id uint64) (name string, known bool)
	// Owner returns the owner of the sockets of a cgroup, and reports whether all of it is
	// known yet. It must not block. If it is nil, no socket has one.
	Owner func(cgroup uint64) (o group.Owner, final bool)
	// InterfaceName names the interface of a link-local address in the exporter's own
	// network namespace. If it is nil or returns nothing, the number is used.
	InterfaceName func(index uint32) string
	// SpaceName names a network namespace beside the exporter's own, before the first sample
	// of it. If it is nil, they have no names.
	SpaceName func(sampler.Space) string
}

// RecheckConfig bounds the connections that are rechecked between samples.
type RecheckConfig struct {
	// After is the minimum outstanding age.
	After time.Duration
	// Max is the maximum number of connections.
	Max int
}

func (c Config) withDefaults() Config {
	if c.Interval == 0 {
		c.Interval = time.Second
	}

	if c.OthersInterval == 0 {
		c.OthersInterval = c.Interval
	}

	if c.Window == 0 {
		c.Window = 10 * time.Second
	}

	if c.Retention == 0 {
		c.Retention = time.Minute
	}

	if c.MaxConnections == 0 {
		c.MaxConnections = 262144
	}

	if c.Groups.Hold == 0 {
		c.Groups.Hold = 5 * time.Minute
	}

	if c.Recheck.After == 0 {
		c.Recheck.After = 300 * time.Millisecond
	}

	if c.Recheck.Max == 0 {
		c.Recheck.Max = 1024
	}

	if c.MaxListeners == 0 {
		c.MaxListeners = 200
	}

	if c.Retries == (abort.Retries{}) {
		c.Retries = abort.DefaultRetries()
	}

	if c.Policy == nil {
		c.Policy = DefaultPolicy()
	}

	return c
}
