package hostinfo

import (
	"net"
	"os"
	"path"
	"strings"
	"syscall"
)

// CgroupMount is where cgroups are usually mounted.
const CgroupMount = "/sys/fs/cgroup"

// CgroupRoot returns the root of the cgroup v2 hierarchy: the mount or, on hosts that also
// have cgroup v1, the directory unified below it. It returns the mount and false if there is
// no such hierarchy.
func CgroupRoot(mount string) (root string, found bool) {
	for _, dir := range []string{mount, path.Join(mount, "unified")} {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(dir, &fs); err == nil && fs.Type == cgroup2Magic {
			return dir, true
		}
	}

	return mount, false
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

// CgroupID returns the id of a cgroup, which is the inode number of its directory, and
// reports whether there is one. The name may begin with the root of [CgroupRoot].
func CgroupID(mount, name string) (uint64, bool) {
	root, found := CgroupRoot(mount)
	if !found {
		return 0, false
	}

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
