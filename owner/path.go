package owner

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind is the kind of an owner.
type Kind uint8

// The kinds of owners. A container in a pod has KindPod.
const (
	KindNone Kind = iota
	KindUnit
	KindContainer
	KindPod
)

// String returns the name of the kind; it is empty for KindNone.
func (k Kind) String() string {
	return [...]string{KindNone: "", KindUnit: "unit", KindContainer: "container", KindPod: "pod"}[k]
}

// Owner identifies the owner of a socket, as far as it can be derived from the path of its
// cgroup and the names of containers.
type Owner struct {
	// Unit is the systemd unit, empty for containers and pods.
	Unit string
	// Namespace and Pod are names in Kubernetes; empty if unknown.
	Namespace, Pod string
	// Workload is what a pod belongs to, see [Names.Workload], or the name of a container
	// that is not in a pod, without what changes with each start; empty if unknown.
	Workload string
	// Container is the name of a container or virtual machine. If the name of one that is
	// not in a pod is unknown, it is the first 12 digits of the id; else empty if unknown.
	Container string
	// ContainerID has 64 hexadecimal digits, or is empty.
	ContainerID string
	// Runtime is the program that runs the container: containerd, crio, docker, libpod, lxc
	// or nspawn; empty if unknown.
	Runtime string
	// PodUID is the UID of the Kubernetes pod with dashes, or the 32 hexadecimal digits of a
	// static pod.
	PodUID string
}

// Kind returns what the owner is.
func (o *Owner) Kind() Kind {
	switch {
	case o.PodUID != "":
		return KindPod
	case o.ContainerID != "" || o.Container != "":
		return KindContainer
	case o.Unit != "":
		return KindUnit
	default:
		return KindNone
	}
}

const uuid = `[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}`

var (
	podPattern       = regexp.MustCompile(`(?:^|[-/])pod(` + uuid + `|[0-9a-f]{32})(?:\.slice|[/:]|$)`)
	containerPattern = regexp.MustCompile(`^(?:(.*)[:-])?([0-9a-f]{64})(?:\.scope)?$`)
	escapePattern    = regexp.MustCompile(`\\x[0-9a-f]{2}`)
)

// OfPath returns the owner of the sockets in a cgroup. The path is relative to the root of
// the hierarchy or of a cgroup namespace.
func OfPath(path string) (o Owner) {
	parts := strings.Split(strings.Trim(path, "/"), "/")

	if m := podPattern.FindStringSubmatch(path); m != nil {
		o.PodUID = strings.ReplaceAll(m[1], "_", "-")
	}

	o.container(parts)

	if o.Kind() == KindNone {
		o.Unit = unitOf(parts)
	}

	o.Unit, o.Container = printable(o.Unit), printable(o.Container)

	return o
}

// container finds the innermost container. It ignores processes that monitor containers
// (conmon).
func (o *Owner) container(parts []string) {
	for i, part := range slices.Backward(parts) {
		above := ""
		if i > 0 {
			above = parts[i-1]
		}

		m := containerPattern.FindStringSubmatch(part)

		switch {
		case m != nil && strings.Contains(m[1], "conmon"):
			return
		case m != nil:
			o.ContainerID, o.Runtime = m[2], runtimeOf(cmp.Or(m[1], above))

			return
		case o.PodUID == "" && o.named(above, part, i):
			return
		}
	}
}

// named sets the container if it has a name instead of an id, and reports whether it does.
func (o *Owner) named(above, part string, depth int) bool {
	payload, isPayload := strings.CutPrefix(part, "lxc.payload.")
	instance, isInstance := strings.CutPrefix(strings.TrimSuffix(part, ".service"), "systemd-nspawn@")
	machine, isMachine := strings.CutPrefix(strings.TrimSuffix(part, ".scope"), "machine-")

	switch {
	case isPayload:
		o.Container, o.Runtime = payload, "lxc"
	case above == "lxc":
		o.Container, o.Runtime = part, "lxc"
	case isInstance && strings.HasSuffix(part, ".service"):
		o.Container, o.Runtime = unescape(instance), "nspawn"
	case isMachine && strings.HasSuffix(part, ".scope"):
		o.Container = unescape(machine)
	case above == "default" && depth == 1: // created with ctr, containerd's client
		o.Container, o.Runtime = part, "containerd"
	}

	return o.Container != ""
}

// runtimeOf returns the runtime named in the prefix of an id or in the parent cgroup.
func runtimeOf(prefix string) string {
	for _, name := range []string{"containerd", "crio", "docker", "libpod"} {
		if strings.Contains(prefix, name) {
			return name
		}
	}

	return ""
}

// unitOf returns the first unit in a path. Below a user manager (user@UID.service), it
// returns the next one, if any.
func unitOf(parts []string) (unit string) {
	for _, part := range parts {
		if !strings.HasSuffix(part, ".service") && !strings.HasSuffix(part, ".socket") && !strings.HasSuffix(part, ".scope") {
			continue
		}

		if unit = unescape(part); !strings.HasPrefix(unit, "user@") {
			return unit
		}
	}

	return unit
}

// printable returns a name that can be the value of a label: bytes that are no UTF-8, and
// zero bytes, are replaced.
func printable(name string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", "\uFFFD"), "\uFFFD")
}

// unescape undoes systemd's escapes of bytes in the names of units.
func unescape(name string) string {
	return escapePattern.ReplaceAllStringFunc(name, func(escape string) string {
		b, _ := strconv.ParseUint(escape[2:], 16, 8)

		return string([]byte{byte(b)})
	})
}
