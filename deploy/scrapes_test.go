package deploy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// line is a series of a simulated host whose value is start + slope · uptime of the
// exporter in seconds, or of the host if it is the kernel's.
type line struct {
	start, slope float64
	ofKernel     bool
}

func constant(v float64) line { return line{start: v} }

// The groups of the simulated hosts.
const (
	clients = `{role="client", remote_address="10.0.0.9"`
	servers = `{role="server", local_port="443"`
)

// healthyHost returns the series of a host on which nothing may alert. Some are just
// below a threshold.
func healthyHost() map[string]line {
	series := map[string]line{
		`up{}`:                                 constant(1),
		`tcphealth_sampler_interval_seconds{}`: constant(1),
		`tcphealth_sampler_configured_interval_seconds{}`:   constant(1),
		`tcphealth_sampler_last_sample_timestamp_seconds{}`: {slope: 1, ofKernel: true},
		`tcphealth_sampler_ticks_missed_total{}`:            {slope: 0.005},
		`tcphealth_tracker_untracked_connections{}`:         constant(0),
		`tcphealth_config_last_reload_successful{}`:         constant(1),
		`tcphealth_kernel_listen_overflows_total{}`:         {start: 7, ofKernel: true},
		`tcphealth_listener_accept_queue_max{}`:             constant(100),
		`tcphealth_listener_accept_queue_limit{}`:           constant(128),
	}

	for _, group := range []string{clients, servers} {
		maps.Copy(series, map[string]line{
			"tcphealth_group_connections" + group + `, status="HEALTHY"}`:               constant(39),
			"tcphealth_group_connections" + group + `, status="STALE"}`:                 constant(0),
			"tcphealth_group_idle_connections" + group + "}":                            constant(5),
			"tcphealth_group_close_wait_connections" + group + "}":                      constant(50),
			"tcphealth_group_close_wait_oldest_seconds" + group + "}":                   constant(600),
			"tcphealth_group_connections_without_keepalive" + group + "}":               constant(39),
			"tcphealth_group_connections_ended_total" + group + `, reason="closed"}`:    {slope: 0.05},
			"tcphealth_group_connections_ended_total" + group + `, reason="reset"}`:     {slope: 0.005},
			"tcphealth_group_connections_ended_total" + group + `, reason="timed_out"}`: {},
			"tcphealth_group_connections_by_cause" + group + `, cause="path_delay"}`:    constant(0),
		})

		for _, cause := range []string{"path_dead", "handshake", "mtu", "packet_loss", "peer_receiver", "local_application"} {
			series["tcphealth_group_unhealthy_connections"+group+`, cause="`+cause+`"}`] = constant(0)
		}
	}

	// The clients of a server may vanish.
	series["tcphealth_group_unhealthy_connections"+servers+`, cause="path_dead"}`] = constant(4)
	series["tcphealth_group_aborts_in_seconds"+servers+"}"] = constant(30)

	return series
}

// absent replaces a series that does not exist.
var absent = line{start: -1}

// faultTable has what differs on a host with a fault, by the alert that must fire.
var faultTable = map[string]map[string]line{
	"TCPHealthHalfOpen":                   {"tcphealth_group_unhealthy_connections" + clients + `, cause="path_dead"}`: constant(1)},
	"TCPHealthStale":                      {"tcphealth_group_connections" + clients + `, status="STALE"}`: constant(1)},
	"TCPHealthSYNUnanswered":              {"tcphealth_group_unhealthy_connections" + clients + `, cause="handshake"}`: constant(1)},
	"TCPHealthMTUBlackHole":               {"tcphealth_group_unhealthy_connections" + clients + `, cause="mtu"}`: constant(1)},
	"TCPHealthHighLoss":                   {"tcphealth_group_unhealthy_connections" + clients + `, cause="packet_loss"}`: constant(1)},
	"TCPHealthPeerNotReading":             {"tcphealth_group_unhealthy_connections" + clients + `, cause="peer_receiver"}`: constant(1)},
	"TCPHealthLocalApplicationNotReading": {"tcphealth_group_unhealthy_connections" + clients + `, cause="local_application"}`: constant(1)},
	"TCPHealthRTTDrift":                   {"tcphealth_group_unhealthy_connections" + clients + `, cause="path_delay"}`: constant(30)},
	// The age starts again with the exporter.
	"TCPHealthCloseWaitLeak":      {"tcphealth_group_close_wait_oldest_seconds" + clients + "}": {slope: 1}},
	"TCPHealthConnectionsAborted": {"tcphealth_group_connections_ended_total" + clients + `, reason="reset"}`: {slope: 0.05}},
	"TCPHealthAbortImminent":      {"tcphealth_group_aborts_in_seconds" + clients + "}": constant(30)},
	"TCPHealthKeepaliveMissing": {
		"tcphealth_group_connections_without_keepalive" + clients + "}": constant(150),
		"tcphealth_group_connections" + clients + `, status="HEALTHY"}`: constant(160),
		"tcphealth_group_idle_connections" + clients + "}":              constant(120),
	},
	"TCPHealthAcceptQueueFull":      {`tcphealth_listener_accept_queue_max{}`: constant(128)},
	"TCPHealthListenOverflow":       {`tcphealth_kernel_listen_overflows_total{}`: {slope: 0.1, ofKernel: true}},
	"TCPHealthExporterDown":         {`up{}`: constant(0)},
	"TCPHealthNoSamples":            {`tcphealth_sampler_last_sample_timestamp_seconds{}`: absent},
	"TCPHealthTicksMissed":          {`tcphealth_sampler_ticks_missed_total{}`: {slope: 0.1}},
	"TCPHealthConnectionsUntracked": {`tcphealth_tracker_untracked_connections{}`: constant(500)},
	"TCPHealthIntervalStretched":    {`tcphealth_sampler_interval_seconds{}`: constant(1.7)},
	"TCPHealthConfigBroken":         {`tcphealth_config_last_reload_successful{}`: constant(0)},
}

// The simulation: the exporter restarts halfway and misses one scrape.
const (
	simulated     = 170 * time.Minute
	restart       = simulated / 2
	firstUptime   = 3000.0 // seconds, at the start
	healthy, gone = "healthy", "gone"
)

// values returns the samples of a series in promtool's notation.
func (l line) values(name string, interval time.Duration) string {
	before := int(restart / interval)
	after := int(simulated/interval) - before
	step := interval.Seconds()

	first, second := l.start+l.slope*firstUptime, l.start
	if l.ofKernel {
		first, second = l.start, l.start+l.slope*float64(before+2)*step
	}

	missed := "stale"
	if strings.HasPrefix(name, "up{") {
		missed = "0"
	}

	return fmt.Sprintf("%g+%gx%d %s %g+%gx%d", first, l.slope*step, before, missed, second, l.slope*step, after)
}

// writeHost appends the series of a host.
func writeHost(b *strings.Builder, instance string, interval time.Duration, fault map[string]line) {
	series := healthyHost()
	maps.Copy(series, fault)

	for _, name := range slices.Sorted(maps.Keys(series)) {
		if series[name] == absent {
			continue
		}

		labeled := strings.Replace(name, "{", `{job="tcphealth", instance="`+instance+`", `, 1)
		fmt.Fprintf(b, "  - {series: '%s', values: '%s'}\n", strings.Replace(labeled, ", }", "}", 1), series[name].values(name, interval))
	}
}

// TestScrapeIntervals: at any interval, with a restart of the exporter, each alert fires
// on a host with its fault, before and after the restart, and on no other host. A host
// whose series are absent does not alert.
func TestScrapeIntervals(t *testing.T) {
	var b strings.Builder

	rules, err := filepath.Abs("prometheus/alerting_rules.yml")
	if err != nil {
		t.Fatal(err)
	}

	fmt.Fprintf(&b, "rule_files: [%s]\nevaluation_interval: 30s\ntests:\n", rules)

	for _, interval := range []time.Duration{5 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute} {
		fmt.Fprintf(&b, "- name: every %s\n  interval: %s\n  input_series:\n", interval, interval)
		writeHost(&b, healthy, interval, nil)
		fmt.Fprintf(&b, "  - {series: 'up{job=\"tcphealth\", instance=%q}', values: '1x%d'}\n", gone, simulated/interval)

		for _, alert := range slices.Sorted(maps.Keys(faultTable)) {
			writeHost(&b, alert, interval, faultTable[alert])
		}

		b.WriteString("  promql_expr_test:\n")
		fmt.Fprintf(&b, "  - {expr: 'count_over_time(ALERTS{instance=~\"%s|%s\", alertstate=\"firing\"}[%s])', eval_time: %s}\n", healthy, gone, simulated, simulated)

		for _, alert := range slices.Sorted(maps.Keys(faultTable)) {
			for _, at := range []time.Duration{restart - time.Minute, simulated} {
				fmt.Fprintf(&b, "  - {expr: 'count by (instance) (count by (instance, role) (ALERTS{alertname=%q, alertstate=\"firing\"}))', eval_time: %s, exp_samples: [{labels: '{instance=%q}', value: 1}]}\n",
					alert, at, alert)
			}
		}
	}

	file := filepath.Join(t.TempDir(), "scrapes_test.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	run(t, ".", "promtool", "test", "rules", file)
}

// TestEachAlertHasAFault wants each alert to be in the simulation.
func TestEachAlertHasAFault(t *testing.T) {
	for _, r := range load(t, "prometheus/alerting_rules.yml") {
		if faultTable[r.Alert] == nil {
			t.Errorf("no simulated host has the fault of %s", r.Alert)
		}
	}
}
