package owner

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"tcphealth_exporter/regular"
)

const (
	// Where Docker and Podman keep the names of their containers. Podman has the second
	// directory with transient storage only.
	dockerDir                    = "var/lib/docker/containers"
	podmanDir, podmanRuntimeDir  = "var/lib/containers/storage/overlay-containers", "run/containers/storage/overlay-containers"
	dockerFile                   = "config.v2.json"
	podmanFile, podmanRemoveFile = "containers.json", "volatile-containers.json" // the second one: podman run --rm
	// maxEngineFile is the maximum size of such a file in bytes.
	maxEngineFile = 4 << 20
	// shortID is the number of digits of an id that Docker and Podman show.
	shortID = 12
)

var (
	// Docker and Podman allow no other names.
	engineNamePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$`)
	// swarmPattern is the slot or node, and the id, of a task of Docker Swarm.
	swarmPattern = regexp.MustCompile(`\.(?:[0-9]+|[0-9a-z]{25})\.[0-9a-z]{25}$`)
	// machinePattern is what libvirt adds to the name of a virtual machine. The number is
	// another one after each start.
	machinePattern = regexp.MustCompile(`^qemu-[0-9]+-`)
)

// containerWorkload returns the workload of a container that is not in a pod: its name,
// without what changes with each start of the same service.
func containerWorkload(name string) string {
	rest, _ := cutPattern(name, swarmPattern)
	if prefix := machinePattern.FindString(rest); len(prefix) < len(rest) {
		rest = rest[len(prefix):]
	}

	return rest
}

// readEngines returns the names of the containers of Docker and Podman by their ids, below a
// root directory. It leaves out what cannot be read: usually only root may. It reports
// whether it ended before stop returned true.
func readEngines(root string, stop func() bool) (names map[string]string, complete bool) {
	names = make(map[string]string)

	for _, dir := range []string{podmanDir, podmanRuntimeDir} {
		for _, file := range []string{podmanFile, podmanRemoveFile} {
			maps.Copy(names, parsePodman(readBounded(filepath.Join(root, dir, file))))
		}
	}

	dir := filepath.Join(root, dockerDir)
	entries, _ := os.ReadDir(dir)

	for _, entry := range entries {
		if stop() {
			return names, false
		}

		id := entry.Name()
		if !isID(id) {
			continue
		}

		if name := parseDocker(readBounded(filepath.Join(dir, id, dockerFile))); name != "" {
			names[id] = name
		}
	}

	return names, true
}

// readBounded returns the contents of a regular file, nil if it cannot be read or is too
// large.
func readBounded(path string) []byte {
	file, err := regular.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()

	data, err := io.ReadAll(io.LimitReader(file, maxEngineFile+1))
	if err != nil || len(data) > maxEngineFile {
		return nil
	}

	return data
}

// parseDocker returns the name in Docker's file of a container, empty for none.
func parseDocker(data []byte) string {
	var container struct{ Name string }

	if json.Unmarshal(data, &container) != nil {
		return ""
	}

	return engineName(strings.TrimPrefix(container.Name, "/"))
}

// parsePodman returns the names in Podman's list of containers by their ids. Of several
// names of a container, it returns the first.
func parsePodman(data []byte) map[string]string {
	var containers []struct {
		ID    string
		Names []string
	}

	if json.Unmarshal(data, &containers) != nil {
		return nil
	}

	names := make(map[string]string, len(containers))

	for _, c := range containers {
		if len(c.Names) == 0 || !isID(c.ID) {
			continue
		}

		if name := engineName(c.Names[0]); name != "" {
			names[c.ID] = name
		}
	}

	return names
}

// engineName returns a name, empty if it is none.
func engineName(name string) string {
	if !engineNamePattern.MatchString(name) {
		return ""
	}

	return name
}
