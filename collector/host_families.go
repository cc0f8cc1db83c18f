package collector

import (
	"slices"

	"tcphealth_exporter/health"
	"tcphealth_exporter/health/judge"
	"tcphealth_exporter/sampler"
)

var listenerLabelTable = []string{"local_address", "local_port"}

// hostFamilyTable are the figures of the host and of the exporter that come from
// a snapshot.
var hostFamilyTable = slices.Concat(hostStateFamilyTable, hostTotalFamilyTable)

// hostStateFamilyTable are those that no connection of the host adds up to.
var hostStateFamilyTable = []hostFamily{
	{
		name: "connections", help: "Sockets by TCP state, including listeners.",
		kind: gaugeValue, labels: []string{"state"}, series: socketsByState,
	},
	hostGauge("idle_connections", "Tracked connections that are idle.",
		func(s *health.Snapshot) float64 { return float64(s.Idle) }),
	{
		name: "status_connections", help: "Tracked connections by status.",
		kind: gaugeValue, labels: []string{"status"},
		series: func(s *health.Snapshot, to *series) {
			for status, n := range s.Statuses {
				to.add(float64(n), judge.Status(status).String())
			}
		},
	},
	{
		name: "flagged_connections", help: "Tracked connections with the flag active.",
		kind: gaugeValue, labels: []string{"flag"},
		series: func(s *health.Snapshot, to *series) {
			for f, n := range s.FlagCounts {
				to.add(float64(n), judge.Flag(f).String())
			}
		},
	},
	{
		name: "flag_events_total", help: "Activations of the flag.",
		kind: counter, labels: []string{"flag"},
		series: func(s *health.Snapshot, to *series) {
			for f, n := range s.FlagEvents {
				to.addEvents(n, &s.LastActivated[f], judge.Flag(f).String())
			}
		},
	},
	{
		name: "outstanding_age_seconds", help: "Age of the oldest outstanding data of each connection that had any in each sample.",
		kind: distribution, series: func(s *health.Snapshot, to *series) { to.addHistogram(s.Outstanding) },
	},
	{
		name: "lifetime_seconds", help: "Lifetime of connections that opened and ended while tracked, from the first to the last sample with them.",
		kind: distribution, series: func(s *health.Snapshot, to *series) { to.addHistogram(s.Lifetimes) },
	},
	listenerGauge("connections", "Connections waiting to be accepted.",
		func(l *health.Listener) (uint32, bool) { return l.AcceptQueue, true }),
	listenerGauge("limit", "Maximum number of connections waiting to be accepted.",
		func(l *health.Listener) (uint32, bool) { return l.Limit, l.Limit != health.LimitUnknown }),
	listenerGauge("max", "Maximum number of connections waiting to be accepted in any sample of the last one to two minutes.",
		func(l *health.Listener) (uint32, bool) { return l.Max, true }),
	{
		name: "sampler_last_sample_timestamp_seconds", help: "Unix time of the last complete sample.",
		kind: gaugeValue, series: func(s *health.Snapshot, to *series) {
			if !s.At.IsZero() {
				to.add(float64(s.At.UnixMilli()) / 1000)
			}
		},
	},
	hostGauge("sampler_sockets", "Sockets in the last sample.",
		func(s *health.Snapshot) float64 { return float64(s.Sockets) }),
	hostGauge("tracker_connections", "Tracked connections.",
		func(s *health.Snapshot) float64 { return float64(s.Tracker.Live) }),
	hostGauge("tracker_ended_connections", "Ended connections within the retention.",
		func(s *health.Snapshot) float64 { return float64(s.Tracker.Ended) }),
	hostGauge("tracker_untracked_connections", "Connections in the last sample that are not tracked because the table is full.",
		func(s *health.Snapshot) float64 { return float64(s.Tracker.Untracked) }),
	hostGauge("tracker_suspicious_connections", "Suspicious connections, which are rechecked between samples.",
		func(s *health.Snapshot) float64 { return float64(s.Tracker.Suspicious) }),
	hostGauge("tracker_memory_bytes", "Memory of the connection table.",
		func(s *health.Snapshot) float64 { return float64(s.Tracker.Bytes) }),
	hostCounter("tracker_overflow_total", "Sockets that were not tracked because the table was full.",
		func(s *health.Snapshot) uint64 { return s.Tracker.Overflow }),
	hostCounter("tracker_duplicates_total", "Sockets that a dump contained twice.",
		func(s *health.Snapshot) uint64 { return s.Tracker.Duplicates }),
	hostCounter("tracker_connections_opened_total", "Connections that appeared after the first sample.",
		func(s *health.Snapshot) uint64 { return s.Tracker.Opened }),
	hostCounter("tracker_connections_closed_total", "Connections that ended.",
		func(s *health.Snapshot) uint64 { return s.Tracker.Closed }),
	hostCounter("active_opens_total", "Locally initiated connections that appeared after the first sample.",
		func(s *health.Snapshot) uint64 { return s.Tracker.ActiveOpens }),
	hostCounter("passive_opens_total", "Connections to local listeners that appeared after the first sample.",
		func(s *health.Snapshot) uint64 { return s.Tracker.PassiveOpens }),
	hostGauge("collector_connections_exported", "Exported connections that are alive.",
		func(s *health.Snapshot) float64 { return float64(s.Tracker.Live - s.Unexported) }),
	hostGauge("collector_connections_unexported", "Tracked connections without series of their own.",
		func(s *health.Snapshot) float64 { return float64(s.Unexported) }),
	hostGauge("listeners_unexported", "Listeners without series of their own.",
		func(s *health.Snapshot) float64 { return float64(s.ListenersUnexported) }),
	hostGauge("collector_groups_folded", "Groups without series of their own, whose connections are counted in the group other.",
		func(s *health.Snapshot) float64 { return float64(s.GroupsFolded) }),
	hostGauge("collector_connections_folded", "Connections not exported because another living one has the same addresses and ports.",
		func(s *health.Snapshot) float64 { return float64(s.Tracker.Twins) }),
}

// socketsByState shows the states that are sampled, zeros included.
func socketsByState(s *health.Snapshot, to *series) {
	for state, n := range s.States {
		if n > 0 || (sampler.ConnectionStates | sampler.ListenStates).Has(sampler.State(state)) {
			to.add(float64(n), sampler.State(state).String())
		}
	}
}

func hostGauge(name, help string, value func(*health.Snapshot) float64) hostFamily {
	return hostFamily{
		name: name, help: help, kind: gaugeValue,
		series: func(s *health.Snapshot, to *series) { to.add(value(s)) },
	}
}

func hostCounter(name, help string, value func(*health.Snapshot) uint64) hostFamily {
	return hostFamily{
		name: name, help: help, kind: counter,
		series: func(s *health.Snapshot, to *series) { to.add(float64(value(s))) },
	}
}

func listenerGauge(name, help string, value func(*health.Listener) (n uint32, known bool)) hostFamily {
	return hostFamily{
		name: "listener_accept_queue_" + name, help: help, kind: gaugeValue, labels: listenerLabelTable,
		series: func(s *health.Snapshot, to *series) {
			for i := range s.Listeners {
				l := &s.Listeners[i]
				if n, known := value(l); known {
					to.add(float64(n), l.LocalAddress, l.LocalPort)
				}
			}
		},
	}
}
