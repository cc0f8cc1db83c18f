package app

import (
	v1 "tcphealth_exporter/api/v1"
	"tcphealth_exporter/owner"
)

// maxOwners is the maximum number of cgroups whose labels are remembered.
const maxOwners = 1 << 14

// ownerLabels returns the owner of a cgroup as values of [collector.OwnerLabels], made once
// for each owner. It is for one goroutine at a time.
func ownerLabels(owners *owner.Owners) func(cgroup uint64) []string {
	known := make(map[*owner.Owner][]string)

	return func(cgroup uint64) []string {
		o := owners.Of(cgroup)
		if o == nil {
			return nil
		}

		labels, ok := known[o]
		if !ok {
			if len(known) == maxOwners {
				clear(known)
			}

			labels = []string{o.Namespace, o.Workload, o.Pod, o.Container, o.Unit, o.ContainerID, o.PodUID}
			known[o] = labels
		}

		return labels
	}
}

// unitNames returns the systemd unit of the cgroup with a path, found out once for each path.
// It is for one goroutine at a time.
func unitNames() func(cgroup string) string {
	known := make(map[string]string)

	return func(cgroup string) string {
		unit, ok := known[cgroup]
		if !ok {
			if len(known) == maxOwners {
				clear(known)
			}

			unit = owner.OfPath(cgroup).Unit
			known[cgroup] = unit
		}

		return unit
	}
}

// ownerJSON returns the owner of a cgroup for the API.
func ownerJSON(owners *owner.Owners) func(cgroup uint64) *v1.Owner {
	return func(cgroup uint64) *v1.Owner {
		o := owners.Of(cgroup)
		if o == nil {
			return nil
		}

		return &v1.Owner{
			Kind: o.Kind().String(), Unit: o.Unit, Namespace: o.Namespace, Workload: o.Workload, Pod: o.Pod,
			Container: o.Container, ContainerID: o.ContainerID, Runtime: o.Runtime, PodUID: o.PodUID,
		}
	}
}
