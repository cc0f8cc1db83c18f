package collector_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcphealth_exporter/collector"
	"tcphealth_exporter/internal/netlab"
)

// queryTable has what a user would ask of a family, by its name without prefix.
var queryTable = map[string]string{
	"connection_score":                          `bottomk(10, tcphealth_connection_score)`,
	"connection_status":                         `tcphealth_connection_status >= 3`,
	"connection_status_since_timestamp_seconds": `time() - tcphealth_connection_status_since_timestamp_seconds and tcphealth_connection_status == 4`,
	"connection_safe_to_send":                   `tcphealth_connection_safe_to_send == 0`,
	"connection_idle":                           `count by (instance) (tcphealth_connection_idle == 1)`,
	"connection_first_seen_timestamp_seconds":   `time() - tcphealth_connection_first_seen_timestamp_seconds`,
	"connection_ended_timestamp_seconds":        `tcphealth_connection_status unless on (instance, local_address, local_port, remote_address, remote_port) tcphealth_connection_ended_timestamp_seconds`,
	"connection_flag":                           `count by (instance, flag) (tcphealth_connection_flag)`,
	"connection_cause_info":                     `tcphealth_connection_status * on (instance, local_address, local_port, remote_address, remote_port) group_left (cause) tcphealth_connection_cause_info`,
	"connection_owner_info":                     `tcphealth_connection_status * on (instance, local_address, local_port, remote_address, remote_port) group_left (namespace, pod, unit) tcphealth_connection_owner_info`,
	"connection_info":                           `tcphealth_connection_rtt_seconds * on (instance, local_address, local_port, remote_address, remote_port) group_left (group, network) tcphealth_connection_info`,
	"connection_loss_ratio":                     `tcphealth_connection_loss_ratio > 0.01`,
	"connection_rtt_drift_ratio":                `tcphealth_connection_rtt_drift_ratio > 3`,
	"connection_min_rtt_seconds":                `tcphealth_connection_rtt_seconds - tcphealth_connection_min_rtt_seconds`,
	"connection_zero_window_events_total":       `increase(tcphealth_connection_zero_window_events_total[10m]) > 3`,
	"connection_ca_state":                       `tcphealth_connection_ca_state >= 3`,
	"connection_state":                          `tcphealth_connection_state == 8`,

	"group_connections":                         `sum by (instance, role, local_port, remote_address, remote_port, namespace, workload, unit) (tcphealth_group_connections{status="STALE"}) > 0`,
	"group_unhealthy_connections":               `sum by (instance, cause) (tcphealth_group_unhealthy_connections) > 0`,
	"group_connections_by_cause":                `sum by (cause) (tcphealth_group_connections_by_cause{cause!="none"})`,
	"group_close_wait_connections":              `tcphealth_group_close_wait_connections > 100`,
	"group_close_wait_oldest_seconds":           `tcphealth_group_close_wait_oldest_seconds > 3600`,
	"group_aborts_in_seconds":                   `bottomk(10, tcphealth_group_aborts_in_seconds)`,
	"group_connections_without_keepalive":       `topk(10, tcphealth_group_connections_without_keepalive)`,
	"group_connections_ended_total":             `sum by (instance, reason) (rate(tcphealth_group_connections_ended_total{reason=~"reset|timed_out"}[5m]))`,
	"connection_aborts_in_seconds":              `tcphealth_connection_aborts_in_seconds < 60`,
	"connection_close_wait_seconds":             `tcphealth_connection_close_wait_seconds > 300`,
	"connection_end_info":                       `count by (instance, reason) (tcphealth_connection_end_info)`,
	"group_status_entries_total":                `increase(tcphealth_group_status_entries_total{status="STALE"}[5m]) > 0`,
	"group_rtt_seconds":                         `histogram_quantile(0.99, sum by (instance, remote_address, remote_port, le) (rate(tcphealth_group_rtt_seconds_bucket{role="client"}[5m])))`,
	"group_retransmitted_bytes_total":           `rate(tcphealth_group_retransmitted_bytes_total[5m]) / rate(tcphealth_group_sent_bytes_total[5m])`,
	"group_retransmitted_segments_total":        `rate(tcphealth_group_retransmitted_segments_total[5m]) / rate(tcphealth_group_sent_segments_total[5m])`,
	"group_delivered_ce_segments_total":         `rate(tcphealth_group_delivered_ce_segments_total[5m]) / rate(tcphealth_group_delivered_segments_total[5m])`,
	"group_receiver_limited_seconds_total":      `rate(tcphealth_group_receiver_limited_seconds_total[5m]) / rate(tcphealth_group_busy_seconds_total[5m])`,
	"group_sndbuf_limited_seconds_total":        `rate(tcphealth_group_sndbuf_limited_seconds_total[5m]) / rate(tcphealth_group_busy_seconds_total[5m])`,
	"group_connections_opened_total":            `topk(10, rate(tcphealth_group_connections_opened_total[5m]))`,
	"connections":                               `tcphealth_connections{state="CLOSE_WAIT"}`,
	"status_connections":                        `sum by (status) (tcphealth_status_connections)`,
	"flagged_connections":                       `tcphealth_flagged_connections{flag=~"half_open.*"} > 0`,
	"flag_events_total":                         `increase(tcphealth_flag_events_total{flag="half_open_confirmed"}[5m])`,
	"listener_accept_queue_connections":         `tcphealth_listener_accept_queue_connections / tcphealth_listener_accept_queue_limit > 0.8`,
	"listener_accept_queue_max":                 `tcphealth_listener_accept_queue_max >= tcphealth_listener_accept_queue_limit`,
	"sampler_last_sample_timestamp_seconds":     `time() - tcphealth_sampler_last_sample_timestamp_seconds > 10`,
	"sampler_tick_duration_seconds":             `rate(tcphealth_sampler_tick_duration_seconds_sum[5m]) / rate(tcphealth_sampler_tick_duration_seconds_count[5m])`,
	"sampler_phase_seconds_total":               `sum by (phase) (rate(tcphealth_sampler_phase_seconds_total[5m]))`,
	"sampler_fallback":                          `tcphealth_sampler_fallback == 1`,
	"sampler_ticks_missed_total":                `rate(tcphealth_sampler_ticks_missed_total[5m]) > 0.01`,
	"sampler_errors_total":                      `increase(tcphealth_sampler_errors_total[5m]) > 0`,
	"tracker_memory_bytes":                      `tcphealth_tracker_memory_bytes / tcphealth_tracker_connections`,
	"tracker_overflow_total":                    `rate(tcphealth_tracker_overflow_total[5m]) > 0`,
	"collector_connections_unexported":          `tcphealth_collector_connections_unexported > 0`,
	"kernel_active_opens_total":                 `rate(tcphealth_active_opens_total[5m]) / rate(tcphealth_kernel_active_opens_total[5m])`,
	"kernel_passive_opens_total":                `rate(tcphealth_passive_opens_total[5m]) / rate(tcphealth_kernel_passive_opens_total[5m])`,
	"kernel_in_segments_total":                  `rate(tcphealth_in_segments_total[5m]) / rate(tcphealth_kernel_in_segments_total[5m])`,
	"kernel_out_segments_total":                 `rate(tcphealth_out_segments_total[5m]) / (rate(tcphealth_kernel_out_segments_total[5m]) + rate(tcphealth_kernel_retransmitted_segments_total[5m]))`,
	"kernel_retransmitted_segments_total":       `rate(tcphealth_retransmitted_segments_total[5m]) / rate(tcphealth_kernel_retransmitted_segments_total[5m])`,
	"kernel_listen_overflows_total":             `rate(tcphealth_kernel_listen_overflows_total[5m]) > 0`,
	"netns_broker_up":                           `tcphealth_netns_broker_up == 0`,
	"netns_discovery_duration_seconds":          `tcphealth_netns_discovery_duration_seconds`,
	"netns_errors_total":                        `sum by (instance, reason) (rate(tcphealth_netns_errors_total[5m])) > 0`,
	"netns_namespaces":                          `tcphealth_netns_namespaces{state=~"denied|skipped"} > 0`,
	"netns_oldest_sample_seconds":               `tcphealth_netns_oldest_sample_seconds > 10`,
	"netns_opens_total":                         `sum by (instance, result) (rate(tcphealth_netns_opens_total[5m]))`,
	"netns_postponed_total":                     `rate(tcphealth_netns_postponed_total[5m])`,
	"netns_kernel_active_opens_total":           `rate(tcphealth_netns_kernel_active_opens_total[5m])`,
	"netns_kernel_passive_opens_total":          `rate(tcphealth_netns_kernel_passive_opens_total[5m])`,
	"netns_kernel_in_segments_total":            `rate(tcphealth_netns_kernel_in_segments_total[5m])`,
	"netns_kernel_out_segments_total":           `rate(tcphealth_netns_kernel_out_segments_total[5m])`,
	"netns_kernel_retransmitted_segments_total": `rate(tcphealth_netns_kernel_retransmitted_segments_total[5m]) / rate(tcphealth_netns_kernel_out_segments_total[5m]) > 0.02`,
	"netns_kernel_failed_opens_total":           `rate(tcphealth_netns_kernel_failed_opens_total[5m])`,
	"netns_kernel_reset_connections_total":      `rate(tcphealth_netns_kernel_reset_connections_total[5m])`,
	"netns_kernel_sent_resets_total":            `rate(tcphealth_netns_kernel_sent_resets_total[5m])`,
	"netns_kernel_listen_overflows_total":       `rate(tcphealth_netns_kernel_listen_overflows_total[5m]) > 0`,
	"netns_kernel_listen_drops_total":           `rate(tcphealth_netns_kernel_listen_drops_total[5m]) > 0`,
	"netns_kernel_time_wait_connections":        `topk(5, tcphealth_netns_kernel_time_wait_connections)`,
	"netns_info":                                `tcphealth_netns_sockets * on (instance, network_namespace) group_left (namespace, pod, unit) tcphealth_netns_info`,
	"netns_sockets":                             `topk(5, tcphealth_netns_sockets)`,
	"netns_uncounted":                           `tcphealth_netns_uncounted > 0`,
	"netns_walks_total":                         `sum by (instance, method) (rate(tcphealth_netns_walks_total[5m]))`,
	"recording_active":                          `tcphealth_recording_active == 0`,
	"recording_bytes_total":                     `rate(tcphealth_recording_bytes_total[5m])`,
	"recording_errors_total":                    `increase(tcphealth_recording_errors_total[15m])`,
	"exporter_log_lines_dropped_total":          `increase(tcphealth_exporter_log_lines_dropped_total[15m])`,
	"config_last_reload_successful":             `tcphealth_config_last_reload_successful == 0`,
	"web_answers_aborted_total":                 `sum by (instance, reason) (increase(tcphealth_web_answers_aborted_total[5m])) > 0`,
}

// queryOf returns an example for a family.
func queryOf(m *collector.Metric) string {
	if q, ok := queryTable[strings.TrimPrefix(m.Name, "tcphealth_")]; ok {
		return q
	}

	switch {
	case m.Type == "histogram":
		return fmt.Sprintf("histogram_quantile(0.99, sum by (instance, le) (rate(%s_bucket[5m])))", m.Name)
	case m.Type == "counter" && m.Set != "":
		return fmt.Sprintf("topk(10, rate(%s[5m]))", m.Name)
	case m.Type == "counter":
		return fmt.Sprintf("rate(%s[5m])", m.Name)
	case m.Set != "":
		return fmt.Sprintf("topk(10, %s)", m.Name)
	case isGroup(m):
		return fmt.Sprintf("sum by (instance, role) (%s)", m.Name)
	default:
		return m.Name
	}
}

// unitOf returns the unit in a name.
func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")

	for _, unit := range []string{
		"timestamp_seconds", "bytes_per_second_squared", "bytes_per_second", "seconds", "bytes", "segments", "ratio", "connections",
		"sockets", "samples",
	} {
		if strings.HasSuffix(name, "_"+unit) {
			return strings.ReplaceAll(unit, "_", " ")
		}
	}

	return ""
}

// TestQueriesParse has promtool parse the examples.
func TestQueriesParse(t *testing.T) {
	netlab.RequireTool(t, "promtool")

	var rules strings.Builder

	rules.WriteString("groups:\n- name: examples\n  rules:\n")

	for i, m := range collector.Catalogue() {
		fmt.Fprintf(&rules, "  - record: example:%d\n    expr: %q\n", i, queryOf(&m))
	}

	path := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(path, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	if out, err := exec.Command("promtool", "check", "rules", path).CombinedOutput(); err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
}

// TestQueriesAreOfTheCatalogue holds names and labels in the examples to it.
func TestQueriesAreOfTheCatalogue(t *testing.T) {
	name := regexp.MustCompile(`\b(tcphealth_[a-z0-9_]+)(?:\{([a-z_]+)[=!~]+"([^"]*)")?`)

	for _, m := range collector.Catalogue() {
		query := queryOf(&m)
		if !strings.Contains(query, m.Name) {
			t.Errorf("the example of %s is about something else: %s", m.Name, query)
		}

		for _, used := range name.FindAllStringSubmatch(query, -1) {
			of := metricOf(used[1])
			if of == nil {
				t.Errorf("%s: there is no %s", m.Name, used[1])

				continue
			}

			if label := used[2]; label != "" && !slices.Contains(of.Labels, label) {
				t.Errorf("%s: %s has no label %q", m.Name, of.Name, label)
			}
		}
	}

	for short := range queryTable {
		if find("tcphealth_"+short) == nil {
			t.Errorf("an example of %s, which there is not", short)
		}
	}
}

// metricOf finds the family of a series.
func metricOf(series string) *collector.Metric {
	if m := find(series); m != nil {
		return m
	}

	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if m := find(strings.TrimSuffix(series, suffix)); m != nil && m.Type == "histogram" {
			return m
		}
	}

	return nil
}
