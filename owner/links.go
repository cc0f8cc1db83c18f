package owner

import (
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Names are the names that Kubernetes gives a container.
type Names struct{ Namespace, Pod, Container string }

// Workload returns the name of what has created the pod, as far as the name of the pod
// says so: without the hash of a ReplicaSet and the suffix of a pod (web-7d4b9c6f5d-x2k9p
// of the Deployment web), the ordinal of a StatefulSet (db-0), or the time of a CronJob or
// the index of an indexed Job (backup-29401620-x2k9p).
func (n *Names) Workload() string {
	name, suffixed := cutPattern(n.Pod, suffixPattern)
	if !suffixed {
		name, _ = cutPattern(n.Pod, numberPattern)

		return name
	}

	for _, pattern := range []*regexp.Regexp{numberPattern, hashPattern} {
		if rest, ok := cutPattern(name, pattern); ok {
			return rest
		}
	}

	return name
}

// Kubernetes takes random suffixes and hashes from these characters, to avoid words.
const safe = `[bcdfghjklmnpqrstvwxz2456789]`

var (
	suffixPattern = regexp.MustCompile(`-` + safe + `{5}$`)
	hashPattern   = regexp.MustCompile(`-` + safe + `{6,10}$`)
	numberPattern = regexp.MustCompile(`-[0-9]+$`)
)

// cutPattern returns a name without its end, and reports whether the pattern matched it and
// left something.
func cutPattern(name string, pattern *regexp.Regexp) (string, bool) {
	at := pattern.FindStringIndex(name)
	if at == nil || at[0] == 0 {
		return name, false
	}

	return name[:at[0]], true
}

// ParseLink returns the container id and the names in the name of a link that the kubelet
// makes in /var/log/containers: POD_NAMESPACE_CONTAINER-ID.log. None of the names has an
// underscore. It reports whether the name has that form: the kubelet cuts long ones.
func ParseLink(link string) (id string, n Names, ok bool) {
	text, isLog := strings.CutSuffix(link, ".log")
	at := len(text) - idDigits

	if !isLog || !utf8.ValidString(link) || at < 1 || text[at-1] != '-' || !isID(text[at:]) {
		return "", Names{}, false
	}

	parts := strings.Split(text[:at-1], "_")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" { //nolint:mnd // three names
		return "", Names{}, false
	}

	return text[at:], Names{Pod: parts[0], Namespace: parts[1], Container: parts[2]}, true
}

// idDigits is the number of hexadecimal digits of the id of a container.
const idDigits = 64

func isID(text string) bool {
	return len(text) == idDigits && strings.Trim(text, "0123456789abcdef") == ""
}

// readLinks returns the names in a directory, none if it cannot be read: most hosts do not
// have it.
func readLinks(dir string) map[string]Names {
	entries, _ := os.ReadDir(dir)
	names := make(map[string]Names, len(entries))

	for _, entry := range entries {
		if id, n, ok := ParseLink(entry.Name()); ok {
			names[id] = n
		}
	}

	return names
}
