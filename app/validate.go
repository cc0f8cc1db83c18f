package app

import (
	"fmt"
	"net"
	"path"
	"strings"
	"time"

	"tcphealth_exporter/api"
	"tcphealth_exporter/bytecode"
	"tcphealth_exporter/collector"
	"tcphealth_exporter/web"
)

// adoptOldNames takes over flags that were given under an old name.
func (o *options) adoptOldNames() error {
	if o.watchInterval == unset {
		return nil
	}

	if o.recheckInterval != defaultRecheck {
		return fmt.Errorf("--%s: cannot be combined with --sampler.recheck-interval, which replaces it", oldRecheckFlag)
	}

	interval, err := time.ParseDuration(o.watchInterval)
	if err == nil && interval != 0 && interval < minInterval {
		err = fmt.Errorf("expected 0, or %s or more, found %s", minInterval, interval)
	}

	if err != nil {
		return fmt.Errorf("--%s: %w", oldRecheckFlag, err)
	}

	o.recheckInterval = interval
	o.deprecated = map[string]string{"--" + oldRecheckFlag: "--sampler.recheck-interval"}

	return nil
}

// validate checks what the flag types do not.
func (o *options) validate() (err error) {
	if err := o.adoptOldNames(); err != nil {
		return err
	}

	if o.sets, err = collector.ParseSets(o.setList); err != nil {
		return fmt.Errorf("--collector.connections.set: %w", err)
	}

	if o.filterText != "" {
		if o.filter, err = bytecode.Parse(o.filterText, o.hostNames()); err != nil {
			return fmt.Errorf("--sampler.filter: %w", err)
		}
	}

	if o.configFile != "" {
		file := configFile{path: o.configFile}
		if o.policy, o.oldKeys, err = o.loadPolicy(file.load); err != nil {
			return err
		}
	}

	for _, address := range *o.web.WebListenAddresses {
		if err := validateAddress(address); err != nil {
			return fmt.Errorf("--web.listen-address: %w", err)
		}
	}

	if err := web.ValidateConfig(*o.web.WebConfigFile); err != nil {
		return fmt.Errorf("--web.config.file: %w", err)
	}

	for _, c := range append(o.checks(), o.netnsChecks()...) {
		if !c.ok {
			return fmt.Errorf("%s: %s", c.flag, c.expected)
		}
	}

	return nil
}

// validateAddress checks a listen address, except for the name of its host.
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
		{
			!web.ReservedPath(o.telemetryPath),
			"--web.telemetry-path", fmt.Sprintf("expected a path such as /metrics, found %q, which is reserved", o.telemetryPath),
		},
		{o.maxRequests >= 0, "--web.max-requests", "expected 0 or more"},
		{
			o.interval >= minInterval && o.interval <= maxInterval,
			"--sampler.interval", fmt.Sprintf("expected %s to %s, found %s", minInterval, maxInterval, o.interval),
		},
		{
			o.recheckInterval == 0 || o.recheckInterval >= minInterval && o.recheckInterval <= maxInterval,
			"--sampler.recheck-interval", fmt.Sprintf("expected 0, or %s to %s, found %s", minInterval, maxInterval, o.recheckInterval),
		},
		{
			o.window >= minWindowIntervals*o.interval,
			"--health.window", fmt.Sprintf("expected at least three intervals (%s), found %s", minWindowIntervals*o.interval, o.window),
		},
		{o.window <= maxWindow, "--health.window", fmt.Sprintf("expected %s or less, found %s", maxWindow, o.window)},
		{
			o.maxCPU == 0 || o.maxCPU >= minMaxCPU && o.maxCPU <= 1,
			"--sampler.max-cpu", fmt.Sprintf("expected 0, or %v to 1, found %v", minMaxCPU, o.maxCPU),
		},
		{o.record == "" || o.replay == "", "--sampler.record", "cannot be combined with --sampler.replay"},
		{
			o.maxConnections >= 1 && o.maxConnections <= maxMaxConnections,
			"--tracker.max-connections", fmt.Sprintf("expected 1 to %d, found %d", maxMaxConnections, o.maxConnections),
		},
		{o.retention >= 0, "--tracker.retention", "expected a duration of 0 or more"},
		{
			o.connections >= 0 && o.connections <= maxMaxConnections,
			"--collector.connections", fmt.Sprintf("expected 0 to %d, found %d", maxMaxConnections, o.connections),
		},
		{
			o.listeners >= 0 && o.listeners <= maxMaxConnections,
			"--collector.listeners", fmt.Sprintf("expected 0 to %d, found %d", maxMaxConnections, o.listeners),
		},
		{o.minAge >= 0, "--collector.connections.min-age", "expected a duration of 0 or more"},
		{
			o.groups >= 0 && o.groups <= maxGroups,
			"--collector.groups", fmt.Sprintf("expected 0 to %d, found %d", maxGroups, o.groups),
		},
		{o.hold >= 0, "--collector.connections.hold", "expected a duration of 0 or more"},
	}
}

// validPath reports whether the server can serve p beside the API. Braces are wildcards
// there.
func validPath(p string) bool {
	return path.IsAbs(p) && path.Clean(p) == p && p != "/" && !strings.HasPrefix(p+"/", api.Prefix) && !strings.ContainsAny(p, "{}?#")
}
