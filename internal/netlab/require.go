package netlab

import (
	"cmp"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"testing"
)

// debianPackageTable maps tools to their Debian packages, where the names differ.
var debianPackageTable = map[string]string{
	"amtool":          "prometheus-alertmanager",
	"busybox":         "busybox-static",
	"ctr":             "containerd",
	"h2load":          "nghttp2-client",
	"ip":              "iproute2",
	"mosquitto_pub":   "mosquitto-clients",
	"mosquitto_sub":   "mosquitto-clients",
	"nft":             "nftables",
	"nghttpd":         "nghttp2-server",
	"pgbench":         "postgresql",
	"postgres":        "postgresql",
	"promtool":        "prometheus",
	"psql":            "postgresql",
	"redis-benchmark": "redis-tools",
	"scp":             "openssh-client",
	"ss":              "iproute2",
	"ssh":             "openssh-client",
	"sshd":            "openssh-server",
	"systemd-analyze": "systemd",
	"systemd-nspawn":  "systemd-container",
	"tc":              "iproute2",
}

// surroundings is what a requirement is judged by.
type surroundings struct {
	root bool // The process runs as root.
	ci   bool // The environment variable CI is set: no one would see a skipped test.
}

// here describes the running process.
func here() surroundings {
	return surroundings{root: os.Geteuid() == 0, ci: os.Getenv("CI") != ""}
}

// RequireRoot skips the test unless it runs as root. Where the environment variable CI is set, it fails the test
// instead, so that a pipeline which lost its privileges does not stay green. Under emulation it is skipped, too.
func RequireRoot(t testing.TB) {
	t.Helper()
	RequireByteOrder(t)
	here().requireRoot(t)
}

// RequireTool skips the test unless the program called name is in the PATH, naming the Debian package that brings it.
// For root, and where the environment variable CI is set, the test fails instead: there the program can be installed.
func RequireTool(t testing.TB, name string) {
	t.Helper()
	here().requireTool(t, name)
}

// RequireByteOrder skips the test if the running kernel has another byte order than the test, as under the user-mode
// emulation of QEMU. There, the host's compiler has another one, too.
func RequireByteOrder(t testing.TB) {
	t.Helper()
	const magic = 0xeb9f // BTF_MAGIC of linux/btf.h
	btf, err := os.Open("/sys/kernel/btf/vmlinux")
	if err != nil {
		return
	}
	defer btf.Close()
	var head [2]byte
	if _, err := io.ReadFull(btf, head[:]); err == nil && binary.NativeEndian.Uint16(head[:]) != magic {
		t.Skip("the kernel has another byte order: the test is emulated")
	}
}

func (s surroundings) requireRoot(t testing.TB) {
	t.Helper()
	switch {
	case s.root:
	case s.ci:
		t.Fatal("this test makes network namespaces and must run as root; CI is set, so it is not skipped")
	default:
		t.Skip("this test makes network namespaces: run it as root")
	}
}

func (s surroundings) requireTool(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	complain := t.Skipf
	if s.root || s.ci {
		complain = t.Fatalf
	}
	complain("this test needs the program %q: apt-get install %s", name, cmp.Or(debianPackageTable[name], name))
}
