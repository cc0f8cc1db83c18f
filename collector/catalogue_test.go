package collector_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"tcphealth_exporter/collector"
)

// contractNames are the names of the contract, without their prefix, that
// outsiders rely on. Removing a line here breaks somebody's dashboard.
const contractNames = `
connection_score connection_status connection_status_since_timestamp_seconds connection_safe_to_send
connection_flag connection_cause_info connection_owner_info connection_aborts_in_seconds connection_close_wait_seconds
connection_send_queue_velocity_bytes_per_second connection_receive_queue_velocity_bytes_per_second
connection_send_queue_acceleration_bytes_per_second_squared connection_receive_queue_acceleration_bytes_per_second_squared
connection_send_queue_stddev_bytes connection_receive_queue_stddev_bytes
connection_send_queue_short_average_bytes connection_receive_queue_short_average_bytes
connection_send_queue_long_average_bytes connection_receive_queue_long_average_bytes
connection_rtt_drift_ratio connection_jitter_ratio connection_rto_inflation_ratio connection_loss_ratio
connection_receiver_limited_ratio connection_sndbuf_limited_ratio
connection_rtt_seconds connection_min_rtt_seconds connection_cwnd_segments connection_send_queue_bytes
connection_receive_queue_bytes connection_notsent_bytes connection_sent_bytes_total connection_received_bytes_total
connection_retransmitted_segments_total
group_connections group_connections_by_cause group_idle_connections group_close_wait_connections
group_close_wait_oldest_seconds group_connections_without_keepalive group_connections_ended_total
group_status_entries_total group_connections_opened_total group_connections_closed_total
group_sent_bytes_total group_retransmitted_bytes_total group_acked_bytes_total group_received_bytes_total
group_sent_segments_total group_retransmitted_segments_total
group_delivered_segments_total group_delivered_ce_segments_total group_out_of_order_segments_total
group_busy_seconds_total group_receiver_limited_seconds_total group_sndbuf_limited_seconds_total
connections flagged_connections flag_events_total
listener_accept_queue_connections listener_accept_queue_limit listener_accept_queue_max
sampler_last_sample_timestamp_seconds sampler_dump_duration_seconds sampler_tick_duration_seconds
sampler_interval_seconds sampler_ticks_missed_total sampler_errors_total sampler_sockets
tracker_connections tracker_overflow_total
collector_connections_exported collector_connections_unexported collector_groups_folded
config_last_reload_successful config_last_reload_success_timestamp_seconds
`

// contractLabels are the labels of the contract where a family has its own.
var contractLabels = map[string][]string{
	"connection_flag":                   {"local_address", "local_port", "remote_address", "remote_port", "flag"},
	"connection_cause_info":             {"local_address", "local_port", "remote_address", "remote_port", "cause"},
	"connection_rtt_seconds":            {"local_address", "local_port", "remote_address", "remote_port"},
	"group_connections":                 {"role", "local_port", "remote_address", "remote_port", "namespace", "workload", "unit", "status"},
	"group_connections_by_cause":        {"role", "local_port", "remote_address", "remote_port", "namespace", "workload", "unit", "cause"},
	"group_status_entries_total":        {"role", "local_port", "remote_address", "remote_port", "namespace", "workload", "unit", "status"},
	"group_sent_bytes_total":            {"role", "local_port", "remote_address", "remote_port", "namespace", "workload", "unit"},
	"connections":                       {"state"},
	"flagged_connections":               {"flag"},
	"flag_events_total":                 {"flag"},
	"listener_accept_queue_connections": {"local_address", "local_port"},
	"listener_accept_queue_limit":       {"local_address", "local_port"},
	"listener_accept_queue_max":         {"local_address", "local_port"},
	"sampler_errors_total":              {"reason"},
}

func TestContract(t *testing.T) {
	rows := make(map[string]collector.Metric)
	for _, m := range collector.Catalogue() {
		rows[m.Name] = m
	}

	for name := range strings.FieldsSeq(contractNames) {
		if _, ok := rows["tcphealth_"+name]; !ok {
			t.Errorf("the contract's tcphealth_%s is not in the catalogue", name)
		}
	}

	for name, labels := range contractLabels {
		if got := rows["tcphealth_"+name].Labels; !slices.Equal(got, labels) {
			t.Errorf("tcphealth_%s has the labels %v, the contract says %v", name, got, labels)
		}
	}
}

// TestCatalogueRows holds every row to the house's rules.
func TestCatalogueRows(t *testing.T) {
	seen := make(map[string]bool)

	// What the kernel's figures are only the ground for.
	ours := []string{
		"tcphealth_connection_info", "tcphealth_connection_zero_window_events_total", "tcphealth_connection_window_shrinks_total",
	}

	for _, m := range collector.Catalogue() {
		if seen[m.Name] {
			t.Errorf("%s is there twice", m.Name)
		}

		seen[m.Name] = true

		if !strings.HasPrefix(m.Name, "tcphealth_") {
			t.Errorf("%s has no prefix", m.Name)
		}

		if counts := strings.HasSuffix(m.Name, "_total"); counts != (m.Type == "counter") {
			t.Errorf("%s is a %s", m.Name, m.Type)
		}

		if !strings.HasSuffix(m.Help, ".") || strings.ContainsAny(m.Help, "\n\"\\") || m.Help == "." {
			t.Errorf("%s: the help %q is no sentence", m.Name, m.Help)
		}

		if !slices.Contains([]string{"counter", "gauge", "histogram"}, m.Type) {
			t.Errorf("%s has the type %q", m.Name, m.Type)
		}

		isConnection := strings.HasPrefix(m.Name, "tcphealth_connection_")
		if isConnection != slices.Contains(collector.Sets(), m.Set) || isConnection == (m.Set == "") {
			t.Errorf("%s is in the set %q", m.Name, m.Set)
		}

		fromKernel := (m.Set == collector.SetTCP || m.Set == collector.SetFull) && !slices.Contains(ours, m.Name)
		if fromKernel != (m.Source != "") && m.Set != "" {
			t.Errorf("%s of the set %q has the source %q", m.Name, m.Set, m.Source)
		}

		if strings.HasPrefix(m.Source, "tcpi_") && m.Set == "" && m.Type == "gauge" {
			t.Errorf("%s is no sum of %s", m.Name, m.Source)
		}
	}
}

// TestStateIsNoLabelOfCounters: a predecessor had the state in the labels of each
// of its counters (T8), so that all of them began again when it changed.
func TestStateIsNoLabelOfCounters(t *testing.T) {
	changing := []string{"state", "status", "cause", "options", "congestion_algorithm"}

	for _, m := range collector.Catalogue() {
		// What counts the entries into a status does not begin again when the next one is entered.
		if strings.HasSuffix(m.Name, "status_entries_total") {
			continue
		}

		for _, label := range m.Labels {
			if slices.Contains(changing, label) && (m.Type != "gauge" || m.Set != "" && !strings.HasSuffix(m.Name, "_info")) {
				t.Errorf("the %s %s has the label %s, which changes", m.Type, m.Name, label)
			}
		}
	}
}

// TestCatalogueIsClosed compares the catalogue with what the golden files show.
func TestCatalogueIsClosed(t *testing.T) {
	shown := make(map[string]bool)

	for _, path := range goldenFiles(t) {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}

		for name, f := range decode(t, body, textFormat()) {
			shown[name] = true
			row := find(name)

			if row == nil {
				t.Errorf("%s: %s is not in the catalogue", path, name)

				continue
			}

			if f.help != row.Help || f.kind != row.Type {
				t.Errorf("%s: %s is a %s %q, in the catalogue a %s %q", path, name, f.kind, f.help, row.Type, row.Help)
			}

			if !slices.Equal(f.labels, slices.Sorted(slices.Values(row.Labels))) {
				t.Errorf("%s: %s has the labels %v, in the catalogue %v", path, name, f.labels, row.Labels)
			}
		}
	}

	for _, m := range collector.Catalogue() {
		if !shown[m.Name] {
			t.Errorf("no golden file shows %s", m.Name)
		}
	}
}

func find(name string) *collector.Metric {
	all := collector.Catalogue()
	if i := slices.IndexFunc(all, func(m collector.Metric) bool { return m.Name == name }); i >= 0 {
		return &all[i]
	}

	return nil
}

// decoded is what a family looks like from outside.
type decoded struct {
	help, kind string
	labels     []string // sorted names of all its series
	values     []float64
}

// decode reads an exposition back.
func decode(tb testing.TB, body []byte, format expfmt.Format) map[string]decoded {
	tb.Helper()

	all := make(map[string]decoded)
	decoder := expfmt.NewDecoder(bytes.NewReader(body), format)

	for {
		var family dto.MetricFamily

		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			tb.Fatalf("decode %s: %v", format, err)
		}

		d := decoded{help: family.GetHelp(), kind: strings.ToLower(family.GetType().String())}
		names := make(map[string]bool)

		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				names[l.GetName()] = true
			}

			d.values = append(d.values, m.GetGauge().GetValue()+m.GetCounter().GetValue()+m.GetHistogram().GetSampleSum())
		}

		d.labels = slices.Sorted(maps.Keys(names))
		all[family.GetName()] = d
	}
}

// TestSets sees that each selection shows its own families and all those that
// are always there.
func TestSets(t *testing.T) {
	selections := [][]collector.Set{
		nil, // all
		{collector.SetHealth},
		{collector.SetTrend},
		{collector.SetTCP},
		{collector.SetFull},
		{collector.SetHealth, collector.SetTrend, collector.SetTCP},
		collector.Sets(),
	}

	for _, sets := range selections {
		ended := healthyConnection(t)
		ended.Ended = sampledAt
		snapshot := flagsScene(t)
		snapshot.Connections = append(snapshot.Connections, ended)
		snapshot.Listeners = listenersScene(t).Listeners
		snapshot.Outstanding, snapshot.Lifetimes = spread(3), spread(5)
		snapshot.Groups, snapshot.GroupLabels = groupsScene(t).Groups, groupsScene(t).GroupLabels

		shown := decode(t, expose(t, serving(snapshot, sets...), textFormat()), textFormat())

		for _, m := range collector.Catalogue() {
			if isOwn(m.Name) {
				continue
			}

			want := m.Set == "" || len(sets) == 0 || slices.Contains(sets, m.Set)
			if _, got := shown[m.Name]; got != want {
				t.Errorf("sets %v: %s shown: %t, expected %t", sets, m.Name, got, want)
			}
		}
	}
}

// describe returns the descriptions that collectors send.
func describe(all ...prometheus.Collector) []*prometheus.Desc {
	ch := make(chan *prometheus.Desc)

	go func() {
		for _, c := range all {
			c.Describe(ch)
		}

		close(ch)
	}()

	var descriptions []*prometheus.Desc
	for d := range ch {
		descriptions = append(descriptions, d)
	}

	return descriptions
}

// isOwn reports whether the family is about the program, not served from snapshots.
func isOwn(name string) bool {
	own := describe(collector.NewRecordingMetrics(nil, nil), collector.NewSamplerMetrics(1), collector.NewConfigMetrics(),
		collector.NewLogMetrics(nil), collector.NewNetnsMetrics(nil), collector.NewWebMetrics(nil), collector.NewKernelMetrics(),
		collector.NewNamespaceMetrics())

	return slices.ContainsFunc(own, func(d *prometheus.Desc) bool {
		return strings.Contains(d.String(), `"`+name+`"`)
	})
}

func TestParseSets(t *testing.T) {
	for list, want := range map[string][]collector.Set{
		"health":           {collector.SetHealth},
		"health,trend,tcp": {collector.SetHealth, collector.SetTrend, collector.SetTCP},
		" full , health ":  {collector.SetFull, collector.SetHealth},
	} {
		if got, err := collector.ParseSets(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, expected %v", list, got, err, want)
		}
	}

	for _, list := range []string{"", ",", "health,", "all", "Health", "health trend"} {
		if got, err := collector.ParseSets(list); err == nil {
			t.Errorf("%q: %v, expected an error", list, got)
		} else if !strings.Contains(err.Error(), "health trend tcp full") {
			t.Errorf("%q: the error %q doesn't name the sets", list, err)
		}
	}
}
