package hostinfo

import (
	"net"
	"os"
	"path"
	"strings"
	"syscall"
)

// CgroupRoot is where the cgroup v2 hierarchy is usually mounted.
const CgroupRoot = "/sys/fs/cgroup"

// ServicePort returns the port of a TCP service in services(5), and reports whether
// there is one.
func ServicePort(name string) (uint16, bool) {
	port, err := net.LookupPort("tcp", name)

	return uint16(port), err == nil
}

// InterfaceIndex returns the index of a network interface, and reports whether there
// is one.
func InterfaceIndex(name string) (uint32, bool) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, false
	}

	return uint32(i.Index), true
}

// InterfaceName returns the name of a network interface, empty if there is none.
func InterfaceName(index uint32) string {
	i, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return ""
	}

	return i.Name
}

// CgroupID returns the id of a cgroup, which is the inode of its directory, and
// reports whether there is one. The name may begin with [CgroupRoot].
func CgroupID(name string) (uint64, bool) {
	name = path.Clean("/" + strings.TrimPrefix(name, CgroupRoot))

	info, err := os.Stat(path.Join(CgroupRoot, name))
	if err != nil || !info.IsDir() {
		return 0, false
	}

	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}

	return stat.Ino, true
}
