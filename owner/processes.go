package owner

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	// processesBit distinguishes the ids of [Owners.OfProcesses] from those of cgroups, which
	// are inode numbers.
	processesBit = 1 << 63
	// maxProcesses is how many processes of a network namespace are looked at.
	maxProcesses = 16
	// maxProcessFile is the maximum size of /proc/PID/cgroup in bytes.
	maxProcessFile = 1 << 16
)

// IsCgroup reports whether an id is that of a cgroup, not one of [Owners.OfProcesses].
func IsCgroup(id uint64) bool { return id&processesBit == 0 }

// processes have the cgroups of the processes in network namespaces.
type processes struct {
	proc   string
	claims map[uint64]*claim // by id
	ids    map[string]uint64 // by the paths, a line for each
	last   uint64            // the newest id without its bit
}

// claim is what several cgroups own.
type claim struct {
	key   string
	paths []string
	// owner is what they have in common as far as known, nil for none.
	owner *Owner
	final bool
}

// known returns the owner, nil for none.
func (c *claim) known() *Owner {
	if c == nil {
		return nil
	}

	return c.owner
}

// settle sets the owner, which stays the same one if it says the same.
func (c *claim) settle(owner *Owner) {
	if c.owner == nil || owner == nil || *c.owner != *owner {
		c.owner = owner
	}
}

func newProcesses(proc string) processes {
	return processes{proc: proc, claims: make(map[uint64]*claim), ids: make(map[string]uint64)}
}

// read returns the distinct cgroups of processes, sorted.
func (p *processes) read(pids []int) (paths []string) {
	for _, pid := range pids[:min(len(pids), maxProcesses)] {
		if path, ok := ParseProcess(p.readOne(pid)); ok {
			paths = append(paths, path)
		}
	}

	slices.Sort(paths)

	return slices.Compact(paths)
}

// number returns the id of cgroups. Of too many, the oldest are forgotten.
func (p *processes) number(paths []string) uint64 {
	key := strings.Join(paths, "\n")
	if id, known := p.ids[key]; known {
		return id
	}

	p.last++
	id := processesBit | p.last
	p.ids[key], p.claims[id] = id, &claim{key: key, paths: paths}

	if p.last > maxOwners {
		oldest := id - maxOwners
		delete(p.ids, p.claims[oldest].key)
		delete(p.claims, oldest)
	}

	return id
}

// readOne returns the contents of /proc/PID/cgroup, nothing if the process is gone.
func (p *processes) readOne(pid int) string {
	file, err := os.Open(filepath.Join(p.proc, strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return ""
	}
	defer file.Close()

	text, _ := io.ReadAll(io.LimitReader(file, maxProcessFile))

	return string(text)
}

// agreed returns the owner that all of some owners, which are not nil, have in common: the
// same one, or a pod. Containers of a pod without a name, such as the one that holds its
// namespaces, count only if there is no other. It returns nil if there is none.
func agreed(all []*Owner) *Owner {
	if slices.ContainsFunc(all, func(o *Owner) bool { return o.Pod != "" }) {
		all = slices.DeleteFunc(slices.Clone(all), func(o *Owner) bool { return o.PodUID != "" && o.Pod == "" })
	}

	if len(all) == 0 {
		return nil
	}

	first := *all[0]

	for _, o := range all[1:] {
		switch {
		case *o == first:
		case first.PodUID != "" && o.PodUID == first.PodUID:
			first.Container, first.ContainerID = "", ""
		default:
			return nil
		}
	}

	return &first
}

// controllerTable has the hierarchies of cgroup v1 that are asked for the path of a process,
// best first.
var controllerTable = []string{"name=systemd", "pids", "memory", "cpu"}

// ParseProcess returns the path of a process's cgroup from the text of /proc/PID/cgroup, for
// [OfPath], and reports whether there is one. Of several hierarchies it returns the path in
// that of cgroup v2, in the named one of systemd, or in that of pids, memory or cpu: the first
// in which the process is not in the root.
func ParseProcess(text string) (path string, ok bool) {
	paths := make(map[string]string)

	for line := range strings.Lines(text) {
		id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, path, _ := strings.Cut(rest, ":")

		if _, err := strconv.ParseUint(id, 10, 32); err != nil || !strings.HasPrefix(path, "/") {
			continue
		}

		for name := range strings.SplitSeq(controllers, ",") {
			paths[name] = strings.TrimSuffix(path, " (deleted)")
		}
	}

	for _, name := range append([]string{""}, controllerTable...) {
		if path := paths[name]; path != "" && path != "/" {
			return path, true
		}
	}

	if len(paths) == 0 {
		return "", false
	}

	return "/", true
}
