package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"tcphealth_exporter/api"
	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/collector"
	"tcphealth_exporter/health"
)

// options are the command line.
type options struct {
	web            *web.FlagConfig
	telemetryPath  string
	maxRequests    int
	hideOwnMetrics bool
	lifecycle      bool

	dryRun      bool
	configFile  string
	configCheck bool
	policy      *health.Policy // nil without a file

	logLevel, logFormat string

	interval        time.Duration
	recheckInterval time.Duration
	maxCPU          float64
	congestionInfo  bool
	filterText      string
	filter          *bytecode.Filter
	record, replay  string

	maxConnections    int
	retention, window time.Duration

	connections  int
	minAge, hold time.Duration
	setList      string
	sets         []collector.Set
	groups       int
}

// errAnswered means that the command line was a question and got its answer.
var errAnswered = errors.New("answered")

const (
	minInterval = 10 * time.Millisecond
	// minWindowIntervals is how many intervals a window must span.
	minWindowIntervals = 3
	// maxMaxConnections is more than a host can have: the kernel's own table has
	// half a million buckets at most by default.
	maxMaxConnections = 1 << 26
	// maxGroups is as many as there are ports; each has some forty series.
	maxGroups = 1 << 16
)

// parseOptions reads the command line. Help and version go to stdout.
func parseOptions(args []string, stdout io.Writer) (*options, error) {
	var o options

	answered := false
	app := kingpin.New(program, "Prometheus exporter for TCP connection health on Linux.")
	app.UsageWriter(stdout).ErrorWriter(stdout).Terminate(func(int) { answered = true })
	app.HelpFlag.Short('h')
	app.Flag("version", "Show application version.").PreAction(func(*kingpin.ParseContext) error {
		answered = true
		_, err := fmt.Fprintln(stdout, version.Print(program))

		return err
	}).Bool()

	o.register(app)

	_, err := app.Parse(args)

	switch {
	case answered:
		return nil, errAnswered
	case err != nil:
		return nil, nameFlag(app, args, err)
	}

	return &o, o.validate()
}

// nameFlag adds the name of the flag to an error about its value: kingpin
// leaves it out.
func nameFlag(app *kingpin.Application, args []string, err error) error {
	parsed, parseErr := app.ParseContext(args)
	if parseErr != nil {
		return err
	}

	for _, e := range parsed.Elements {
		flag, ok := e.Clause.(*kingpin.FlagClause)
		if !ok || e.Value == nil {
			continue
		}

		if m := flag.Model(); m.Value.Set(*e.Value) != nil {
			return fmt.Errorf("--%s: %w", m.Name, err)
		}
	}

	return err
}

// register declares the flags.
func (o *options) register(app *kingpin.Application) {
	o.web = kingpinflag.AddFlags(app, ":10047")
	app.Flag("web.telemetry-path", "Path under which to expose metrics.").
		Default("/metrics").StringVar(&o.telemetryPath)
	app.Flag("web.max-requests", "Maximum number of parallel scrapes, 0 for no limit.").
		Default("40").IntVar(&o.maxRequests)
	app.Flag("web.disable-exporter-metrics", "Hide metrics about the exporter's process (go_*, process_*, promhttp_*).").
		BoolVar(&o.hideOwnMetrics)
	app.Flag("web.enable-lifecycle", "Reload the configuration file on POST or PUT to /-/reload; SIGHUP always does.").
		BoolVar(&o.lifecycle)
	app.Flag("config.file", "Profiles, and rules that choose among them; see docs/configuration.md.").
		PlaceHolder("FILE").StringVar(&o.configFile)
	app.Flag("config.check", "Check the command line and the configuration file, and exit.").
		BoolVar(&o.configCheck)
	app.Flag("dry-run", "Print by family how many series this host would have now, and exit: with 1 if --collector.connections or --collector.groups leave something out.").
		BoolVar(&o.dryRun)
	app.Flag("log.level", "Only log messages with the given severity or above: debug, info, warn, error.").
		Default("info").EnumVar(&o.logLevel, "debug", "info", "warn", "error")
	app.Flag("log.format", "Output format of log messages: logfmt, json.").
		Default("logfmt").EnumVar(&o.logFormat, "logfmt", "json")
	app.Flag("sampler.interval", "Time between two samples of all connections, 10ms and up.").
		Default("1s").DurationVar(&o.interval)
	app.Flag("sampler.filter", "Which connections to sample, in the language of ss(8), evaluated in the kernel; see docs/filter.md.").
		PlaceHolder("EXPRESSION").StringVar(&o.filterText)
	app.Flag("sampler.congestion-info", "Ask the kernel for the details of BBR, Vegas and DCTCP.").
		BoolVar(&o.congestionInfo)
	app.Flag("sampler.watch-interval", "Time between two looks at connections in doubt, 10ms and up, 0 for none.").
		Default("250ms").DurationVar(&o.recheckInterval)
	app.Flag("sampler.max-cpu", "Share of one processor that sampling may take; above it the interval is stretched; 0 for no limit.").
		Default("0.1").Float64Var(&o.maxCPU)
	app.Flag("sampler.record", "Write the raw netlink messages to a new file.").
		PlaceHolder("FILE").StringVar(&o.record)
	app.Flag("sampler.replay", "Play a recording on its own clock instead of sampling the kernel.").
		PlaceHolder("FILE").StringVar(&o.replay)
	app.Flag("tracker.max-connections", "Connections followed at most; above it they take turns.").
		Default("262144").IntVar(&o.maxConnections)
	app.Flag("tracker.retention", "How long an ended connection stays visible.").
		Default("1m").DurationVar(&o.retention)
	app.Flag("health.window", "Time over which a connection is judged, at least three intervals.").
		Default("10s").DurationVar(&o.window)
	app.Flag("collector.connections", "Connections with their own series, 0 for none.").
		Default("500").IntVar(&o.connections)
	app.Flag("collector.connections.min-age", "How old a healthy connection must be to get its own series.").
		Default("30s").DurationVar(&o.minAge)
	app.Flag("collector.connections.hold", "How long a connection keeps its own series at least, unless it ends.").
		Default("5m").DurationVar(&o.hold)
	app.Flag("collector.connections.set", "Series of a connection: health, trend, tcp, full, separated by commas.").
		Default("health,trend,tcp").StringVar(&o.setList)
	app.Flag("collector.groups", "Groups of connections with their own series; the others share the group other.").
		Default("100").IntVar(&o.groups)
}

// validate checks what the flag types don't.
func (o *options) validate() (err error) {
	if o.sets, err = collector.ParseSets(o.setList); err != nil {
		return fmt.Errorf("--collector.connections.set: %w", err)
	}

	if o.filter, err = parseFilter(o.filterText); err != nil {
		return fmt.Errorf("--sampler.filter: %w", err)
	}

	if o.configFile != "" {
		if o.policy, err = loadPolicy(o.configFile); err != nil {
			return err
		}
	}

	for _, address := range *o.web.WebListenAddresses {
		if err := validateAddress(address); err != nil {
			return fmt.Errorf("--web.listen-address: %w", err)
		}
	}

	if err := web.Validate(*o.web.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file: %w", err)
	}

	for _, c := range o.checks() {
		if !c.ok {
			return fmt.Errorf("%s: %s", c.flag, c.expected)
		}
	}

	return nil
}

// validateAddress checks an address to listen on; its host is left to the system.
func validateAddress(address string) error {
	tcp, isVsock := strings.CutPrefix(address, "vsock://")

	_, port, err := net.SplitHostPort(tcp)
	if err != nil || isVsock {
		return err
	}

	_, err = net.LookupPort("tcp", port)

	return err
}

// check is a condition that a flag must meet.
type check struct {
	ok             bool
	flag, expected string
}

func (o *options) checks() []check {
	return []check{
		{
			validPath(o.telemetryPath),
			"--web.telemetry-path", fmt.Sprintf("expected a path such as /metrics, found %q", o.telemetryPath),
		},
		{o.maxRequests >= 0, "--web.max-requests", "expected 0 or more"},
		{
			o.interval >= minInterval,
			"--sampler.interval", fmt.Sprintf("expected %s or more, found %s", minInterval, o.interval),
		},
		{
			o.recheckInterval == 0 || o.recheckInterval >= minInterval,
			"--sampler.watch-interval", fmt.Sprintf("expected 0, or %s or more, found %s", minInterval, o.recheckInterval),
		},
		{
			o.window >= minWindowIntervals*o.interval,
			"--health.window", fmt.Sprintf("expected at least three intervals (%s), found %s", minWindowIntervals*o.interval, o.window),
		},
		{o.maxCPU >= 0 && o.maxCPU <= 1, "--sampler.max-cpu", fmt.Sprintf("expected 0 to 1, found %v", o.maxCPU)},
		{o.record == "" || o.replay == "", "--sampler.record", "can't be combined with --sampler.replay"},
		{
			o.maxConnections >= 1 && o.maxConnections <= maxMaxConnections,
			"--tracker.max-connections", fmt.Sprintf("expected 1 to %d, found %d", maxMaxConnections, o.maxConnections),
		},
		{o.retention >= 0, "--tracker.retention", "expected no negative duration"},
		{o.connections >= 0, "--collector.connections", "expected 0 or more"},
		{o.minAge >= 0, "--collector.connections.min-age", "expected no negative duration"},
		{
			o.groups >= 0 && o.groups <= maxGroups,
			"--collector.groups", fmt.Sprintf("expected 0 to %d, found %d", maxGroups, o.groups),
		},
		{o.hold >= 0, "--collector.connections.hold", "expected no negative duration"},
	}
}

// validPath tells whether the server can serve p beside its own paths. Braces
// are wildcards to it.
func validPath(p string) bool {
	ours := strings.HasPrefix(p+"/", "/-/") || strings.HasPrefix(p+"/", api.Prefix)

	return path.IsAbs(p) && path.Clean(p) == p && p != "/" && !ours && !strings.ContainsAny(p, "{}?#")
}

// healthConfig returns the configuration of the tracker. A replay names
// interfaces and cgroups by number, for the recording's host is not this one.
func (o *options) healthConfig(interval time.Duration, replaying bool) health.Config {
	cfg := health.Config{
		Interval:       interval,
		Window:         o.window,
		Retention:      max(o.retention, 1), // zero would stand for the default
		MaxConnections: o.maxConnections,
		Export:         health.ExportConfig{Max: min(o.connections, o.maxConnections), MinAge: o.minAge, Hold: o.hold},
		Groups:         health.GroupConfig{Max: o.groups},
		Policy:         o.policy,
	}
	if !replaying {
		cfg.InterfaceName = interfaceName
		cfg.CgroupName = (&cgroupNames{root: cgroupRoot}).name
	}

	return cfg
}
