package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLoadOrder(t *testing.T) {
	const dep = `kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet.ko.xz: kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/fs/netfs/netfs.ko.xz:
kernel/drivers/virtio/virtio-pci.ko:
`
	const builtin = "kernel/drivers/char/virtio_console.ko\n"
	tests := []struct {
		name  string
		names []string
		want  []string // The names of the files.
		err   string
	}{
		{"alone", []string{"netfs"}, []string{"netfs.ko.xz"}, ""},
		{"what it needs comes first", []string{"9p"}, []string{"netfs.ko.xz", "9pnet.ko.xz", "9p.ko.xz"}, ""},
		{
			"nothing comes twice",
			[]string{"9pnet_virtio", "netfs", "9p"},
			[]string{"netfs.ko.xz", "9pnet.ko.xz", "9pnet_virtio.ko.xz", "9p.ko.xz"},
			"",
		},
		{"built in", []string{"virtio_console", "netfs"}, []string{"netfs.ko.xz"}, ""},
		{"file with a hyphen", []string{"virtio_pci"}, []string{"virtio-pci.ko"}, ""},
		{"none", nil, nil, ""},
		{"unknown", []string{"netfs", "overlay"}, nil, `no module "overlay"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := loadOrder(dep, builtin, tt.names)
			requireError(t, err, tt.err)
			for i, file := range got {
				if !strings.HasPrefix(file, "kernel/") {
					t.Errorf("%q is not relative to the directory of modules", file)
				}
				got[i] = filepath.Base(file)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("the order is %q, want %q", got, tt.want)
			}
		})
	}
}

// layKernel makes the directory of a kernel in which everything is small.
func layKernel(t *testing.T, releases ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, release := range releases {
		modules := filepath.Join(dir, "lib/modules", release)
		var dep strings.Builder
		for _, name := range bootModuleTable {
			dep.WriteString("kernel/" + name + ".ko:\n")
			put(t, filepath.Join(modules, "kernel", name+".ko"), "module "+name)
		}
		put(t, filepath.Join(modules, "modules.dep"), dep.String())
		put(t, filepath.Join(modules, "modules.builtin"), "")
		put(t, filepath.Join(dir, "boot/vmlinuz-"+release), "")
	}
	return dir
}

// put makes a file, and its directory.
func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// requireError fails the test unless the error contains want, or is nil if want is empty.
func requireError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("no error, want %q", want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Errorf("the error is %v, want %q", err, want)
	}
}

func TestOpenKernel(t *testing.T) {
	t.Run("one", func(t *testing.T) {
		dir := layKernel(t, "6.1.0-99-amd64")
		got, err := openKernel(dir)
		requireError(t, err, "")
		want := kernel{
			image:   dir + "/boot/vmlinuz-6.1.0-99-amd64",
			release: "6.1.0-99-amd64",
			modules: dir + "/lib/modules/6.1.0-99-amd64",
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("none", func(t *testing.T) {
		_, err := openKernel(layKernel(t))
		requireError(t, err, "holds the modules of 0 kernels")
	})
	t.Run("two", func(t *testing.T) {
		_, err := openKernel(layKernel(t, "6.1", "6.12"))
		requireError(t, err, "holds the modules of 2 kernels")
	})
}
