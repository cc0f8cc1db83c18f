package app

import (
	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/health/group"
	"tcphealth_exporter/owner"
)

// ownerLabels returns the owner of a cgroup as values of [collector.OwnerLabels]. It is for
// one goroutine at a time.
func ownerLabels(owners *owner.Owners) func(cgroup uint64) []string {
	labels := memo(func(o *owner.Owner) []string {
		return []string{o.Namespace, o.Workload, o.Pod, o.Container, o.Unit, o.ContainerID, o.PodUID}
	})

	return func(cgroup uint64) []string {
		if o, _ := owners.Of(cgroup); o != nil {
			return labels(o)
		}

		return nil
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

// memo returns a function that remembers the results of another one, up to a limit.
func memo[K comparable, V any](compute func(K) V) func(K) V {
	const limit = 1 << 14

	known := make(map[K]V)

	return func(key K) V {
		value, ok := known[key]
		if !ok {
			if len(known) == limit {
				clear(known)
			}

			value = compute(key)
			known[key] = value
		}

		return value
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
