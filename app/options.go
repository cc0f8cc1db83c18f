package app

import (
	"cmp"
	"io"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/cmdline"
	"tcphealth_exporter/collector"
	"tcphealth_exporter/config"
	"tcphealth_exporter/health"
	"tcphealth_exporter/health/export"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/hostinfo"
	"tcphealth_exporter/netns/broker/command"
)

// options is the parsed command line.
type options struct {
	web            *web.FlagConfig
	telemetryPath  string
	maxRequests    int
	hideOwnMetrics bool
	lifecycle      bool
	profiling      bool

	dryRun      bool
	configFile  string
	configCheck bool
	policy      *health.Policy // nil without a file

	logLevel, logFormat string

	interval        time.Duration
	recheckInterval time.Duration
	// watchInterval is --sampler.watch-interval as given, the old name of the former.
	watchInterval  string
	maxCPU         float64
	congestionInfo bool
	filterText     string
	filter         *bytecode.Filter
	record, replay string

	maxConnections    int
	retention, window time.Duration

	// deprecated are the flags in use that have another name now, with that name.
	deprecated map[string]string
	// oldKeys are the keys in the configuration file that have another name now.
	oldKeys []config.Deprecated

	connections  int
	minAge, hold time.Duration
	setList      string
	sets         []collector.Set
	listeners    int
	groups       int
	// owner is auto or off.
	owner         string
	containerLogs string
	cgroupfs      string

	// netnsMode is own, proc or all.
	netnsMode, netnsBroker string
	netnsMax               int
	// netnsCounters is the maximum number of namespaces with counters.
	netnsCounters int
	procInterval  time.Duration
	netnsExclude  []string
	procfs        string
}

const (
	minInterval = 10 * time.Millisecond
	maxInterval = time.Hour
	maxWindow   = 24 * time.Hour
	minMaxCPU   = 1e-6
	// defaultRecheck is the default of --sampler.recheck-interval.
	defaultRecheck = 250 * time.Millisecond
	oldRecheckFlag = "sampler.watch-interval"
	ownerAuto      = "auto"
	// unset is the default of flags that are old names.
	unset = "unset"
	// minWindowIntervals is how many intervals a window must span.
	minWindowIntervals = 3
	// maxMaxConnections is more than a host can have: by default, the kernel's own
	// table has at most half a million buckets.
	maxMaxConnections = 1 << 26
	// maxGroups is the number of ports; each group has about forty series.
	maxGroups = 1 << 16
)

// parseOptions reads the command line. Help and version go to stdout.
func parseOptions(args []string, stdout io.Writer) (*options, error) {
	var o options

	app := cmdline.New(program, about, stdout)
	o.register(app)

	if err := app.Parse(args); err != nil {
		return nil, err
	}

	if err := o.validate(); err != nil {
		return nil, &cmdline.UsageError{Err: err}
	}

	return &o, nil
}

// about describes the program in its help.
const about = "Prometheus exporter for TCP connection health on Linux.\n\n" +
	"The command " + command.Name + " opens sockets in other network namespaces; see " + program + " " + command.Name + " --help."

// register declares the flags.
func (o *options) register(app *cmdline.App) {
	o.web = kingpinflag.AddFlags(app.Application, ":10047")
	app.Flag("web.telemetry-path", "Path under which to expose metrics.").
		Default("/metrics").StringVar(&o.telemetryPath)
	cmdline.IntegerVar(app.Flag("web.max-requests", "Maximum number of scrapes that are rendered at the same time, 0 for no limit; others wait for up to 10 s.").
		Default("40"), &o.maxRequests)
	app.Flag("web.disable-exporter-metrics", "Exclude metrics about the exporter itself (promhttp_*, process_*, go_*).").
		BoolVar(&o.hideOwnMetrics)
	app.Flag("web.enable-lifecycle", "Enable reloading the configuration file with POST or PUT requests to /-/reload; SIGHUP always reloads it.").
		BoolVar(&o.lifecycle)
	app.Flag("web.enable-pprof", "Serve profiles of the exporter under /debug/pprof/, to anyone who can reach it.").
		BoolVar(&o.profiling)
	app.Flag("config.file", "Configuration file with profiles, rules, groups and networks; see docs/configuration.md.").
		PlaceHolder("FILE").StringVar(&o.configFile)
	app.Flag("config.check", "Check the command line and the configuration file, then exit.").
		BoolVar(&o.configCheck)
	app.Flag("dry-run", "Print the number of series that this host would expose now by metric family, then exit; the exit code is 1 if a budget leaves connections, groups or listeners out.").
		BoolVar(&o.dryRun)
	app.LogFlags(&o.logLevel, &o.logFormat)
	app.Flag("sampler.interval", "Interval between samples of all connections, 10ms to 1h.").
		Default("1s").DurationVar(&o.interval)
	app.Flag("sampler.filter", "Connections to sample, in the filter language of ss(8), evaluated in the kernel; see docs/filter.md.").
		PlaceHolder("EXPRESSION").StringVar(&o.filterText)
	app.Flag("sampler.congestion-info", "Include the state of the congestion control algorithms BBR, Vegas and DCTCP.").
		BoolVar(&o.congestionInfo)
	app.Flag("sampler.recheck-interval", "Interval between rechecks of suspicious connections, 10ms to 1h, or 0 to disable them.").
		Default(defaultRecheck.String()).DurationVar(&o.recheckInterval)
	app.Flag(oldRecheckFlag, "Deprecated: use --sampler.recheck-interval.").
		Hidden().Default(unset).StringVar(&o.watchInterval)
	app.Flag("sampler.max-cpu", "Maximum share of one CPU core for sampling, above which the interval is stretched; 0 for no limit.").
		Default("0.1").Float64Var(&o.maxCPU)
	app.Flag("sampler.record", "Record the raw netlink messages to a new file.").
		PlaceHolder("FILE").StringVar(&o.record)
	app.Flag("sampler.replay", "Replay a recording on its own clock instead of sampling the kernel.").
		PlaceHolder("FILE").StringVar(&o.replay)
	cmdline.IntegerVar(app.Flag("tracker.max-connections", "Maximum number of tracked connections, above which connections are tracked in rotation.").
		Default("262144"), &o.maxConnections)
	app.Flag("tracker.retention", "How long an ended connection stays visible.").
		Default("1m").DurationVar(&o.retention)
	app.Flag("health.window", "Time window over which a connection is judged, at least three intervals, at most 24h.").
		Default("10s").DurationVar(&o.window)
	cmdline.IntegerVar(app.Flag("collector.connections", "Maximum number of connections with series of their own, 0 for none.").
		Default("500"), &o.connections)
	app.Flag("collector.connections.min-age", "Minimum age of a healthy connection with series of its own.").
		Default("30s").DurationVar(&o.minAge)
	app.Flag("collector.connections.hold", "Minimum time that a connection keeps series of its own, unless it ends.").
		Default("5m").DurationVar(&o.hold)
	app.Flag("collector.connections.set", "Comma-separated sets of series per connection: health, trend, tcp, full.").
		Default("health,trend,tcp").StringVar(&o.setList)
	cmdline.IntegerVar(app.Flag("collector.listeners", "Maximum number of listeners with series of their own, 0 for none. They have the same minimum age as connections.").
		Default("200"), &o.listeners)
	cmdline.IntegerVar(app.Flag("collector.groups", "Maximum number of groups with series of their own; all other connections share the group other.").
		Default("100"), &o.groups)
	o.registerOwner(app)
	o.registerNetns(app)
}

// registerOwner declares the flags about owners.
func (o *options) registerOwner(app *cmdline.App) {
	app.Flag("collector.owner", "Expose the owner of connections, by the cgroup of their sockets: auto, off.").
		Default(ownerAuto).EnumVar(&o.owner, ownerAuto, "off")
	app.Flag("path.containerlogs", "Directory of the kubelet's links, POD_NAMESPACE_CONTAINER-ID.log, whose names name the containers.").
		Default("/var/log/containers").StringVar(&o.containerLogs)
	app.Flag("path.cgroupfs", "Mount point of cgroups: of the cgroup v2 hierarchy, or of the directory unified with it.").
		Default(hostinfo.CgroupMount).StringVar(&o.cgroupfs)
}

// healthConfig returns the configuration of the tracker, without the names of this
// host.
func (o *options) healthConfig(interval time.Duration) health.Config {
	return health.Config{
		Interval:       interval,
		Window:         o.window,
		Retention:      max(o.retention, 1), // zero would stand for the default
		MaxConnections: o.maxConnections,
		Export:         export.Config{Max: min(o.connections, o.maxConnections), MinAge: o.minAge, Hold: o.hold},
		Groups:         group.Config{Max: o.groups},
		MaxListeners:   cmp.Or(o.listeners, -1), // zero would stand for the default
		Policy:         o.policy,
	}
}
