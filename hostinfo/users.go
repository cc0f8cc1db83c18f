package hostinfo

import (
	"os"
	"path"
	"slices"
	"strings"
)

// MapsAllUsers reports whether the kernel reports the true user ids of the host to this
// process: it is not in a user namespace that lacks some of them. procPath is usually /proc.
func MapsAllUsers(procPath string) bool {
	text, err := os.ReadFile(path.Join(procPath, "self", "uid_map"))

	return err != nil || slices.Equal(strings.Fields(string(text)), []string{"0", "0", "4294967295"})
}
