package app

import (
	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/collector"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/netns/counters"
	"tcphealth_exporter/owner"
)

// ownerLabels returns the owner of a cgroup as values of [collector.OwnerLabels]. It is for
// one goroutine at a time.
func ownerLabels(owners *owner.Owners) func(cgroup uint64) []string {
	const limit = 1 << 14

	known := make(map[*owner.Owner][]string)

	return func(cgroup uint64) []string {
		o, _ := owners.Of(cgroup)
		if o == nil || known[o] != nil {
			return known[o]
		}

		if len(known) == limit {
			clear(known)
		}

		known[o] = []string{o.Namespace, o.Workload, o.Pod, o.Container, o.Unit, o.ContainerID, o.PodUID}

		return known[o]
	}
}

// publishCounters passes counters to metrics, with the owners of the namespaces, nil for none.
func publishCounters(to *collector.NamespaceMetrics, owners *owner.Owners) func(all []counters.Counters, left int) {
	labels := func(uint64) []string { return nil }
	if owners != nil {
		labels = ownerLabels(owners)
	}

	return func(all []counters.Counters, left int) {
		shown := make([]collector.NamespaceStats, len(all))
		for i := range all {
			shown[i] = collector.NamespaceStats{
				Name:    all[i].Name,
				Kernel:  collector.KernelStats(all[i].Kernel),
				Sockets: all[i].Sockets.IPv4 + all[i].Sockets.IPv6,
				Owner:   labels(all[i].Cgroup),
			}
		}

		to.Set(shown, left)
	}
}

// groupOwner returns the part of the owner of a cgroup by which connections are grouped.
func groupOwner(owners *owner.Owners) func(cgroup uint64) (group.Owner, bool) {
	return func(cgroup uint64) (g group.Owner, final bool) {
		o, final := owners.Of(cgroup)
		if o != nil {
			g = group.Owner{Unit: o.Unit, Namespace: o.Namespace, Workload: o.Workload}
		}

		return g, final
	}
}

// ownerJSON returns the owner of a cgroup for the API.
func ownerJSON(owners *owner.Owners) func(cgroup uint64) *v1.Owner {
	return func(cgroup uint64) *v1.Owner {
		o, _ := owners.Of(cgroup)
		if o == nil {
			return nil
		}

		return &v1.Owner{
			Kind: o.Kind().String(), Unit: o.Unit, Namespace: o.Namespace, Workload: o.Workload, Pod: o.Pod,
			Container: o.Container, ContainerID: o.ContainerID, Runtime: o.Runtime, PodUID: o.PodUID,
		}
	}
}
