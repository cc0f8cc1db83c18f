package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestGuest checks from within a machine what the documentation promises of it.
func TestGuest(t *testing.T) {
	if line, err := os.ReadFile("/proc/cmdline"); err != nil || strings.TrimSpace(string(line)) != commandLine {
		t.Skip("this is not a machine of ours: make test-kernels runs the test in some")
	}
	var uname unix.Utsname
	requireError(t, unix.Uname(&uname), "")
	release := unix.ByteSliceToString(uname.Release[:])

	t.Run("user", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Errorf("the user is %d, want root", os.Geteuid())
		}
	})
	t.Run("modules", func(t *testing.T) {
		_, err := os.Stat(filepath.Join("/lib/modules", release, "modules.dep"))
		requireError(t, err, "")
		tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0) // Loads the module.
		requireError(t, err, "")
		requireError(t, tun.Close(), "")
	})
	t.Run("files", func(t *testing.T) {
		if _, err := os.Stat("guest_test.go"); err != nil {
			t.Errorf("this is not the directory of the test: %v", err)
		}
		var root unix.Statfs_t
		requireError(t, unix.Statfs("/", &root), "")
		if root.Type != unix.OVERLAYFS_SUPER_MAGIC {
			t.Errorf("the root is of type %#x, want an overlay", root.Type)
		}
		requireError(t, os.WriteFile("/etc/written", nil, 0o600), "")
	})
	t.Run("loopback", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		requireError(t, err, "")
		conn, err := net.Dial("tcp", listener.Addr().String())
		requireError(t, err, "")
		requireError(t, conn.Close(), "")
		requireError(t, listener.Close(), "")
	})
}
