package hostinfo

import (
	"net"
	"os"
	"path"
	"strings"
	"syscall"
)

// cgroupMount is where the cgroup v2 hierarchy is usually mounted; on hosts that also have
// cgroup v1, it is below.
const cgroupMount = "/sys/fs/cgroup"

// CgroupRoot returns where the cgroup v2 hierarchy is mounted.
func CgroupRoot() string {
	for _, dir := range []string{cgroupMount, path.Join(cgroupMount, "unified")} {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err == nil && fs.Type == cgroup2Magic {
			return dir
		}
	}

	return cgroupMount
}

// cgroup2Magic is CGROUP2_SUPER_MAGIC of linux/magic.h.
const cgroup2Magic = 0x63677270

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
	root := CgroupRoot()
	name = path.Clean("/" + strings.TrimPrefix(name, root))

	info, err := os.Stat(path.Join(root, name))
	if err != nil || !info.IsDir() {
		return 0, false
	}

	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}

	return stat.Ino, true
}
