package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// bootModuleTable names the modules that the machine needs before it has a file system to find modules in: those for
// the files of the host, and the one that its output goes through.
var bootModuleTable = []string{"virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console"}

// kernel is a kernel of Debian, unpacked.
type kernel struct {
	image   string // The file to boot.
	release string // As uname(1) says it.
	modules string // The directory of the release's modules.
}

// openKernel finds the kernel in a directory.
func openKernel(dir string) (kernel, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return kernel{}, err
	}
	found, err := filepath.Glob(filepath.Join(dir, "lib/modules/*/modules.dep"))
	if err != nil {
		return kernel{}, err
	}
	if len(found) != 1 {
		return kernel{}, fmt.Errorf("%s holds the modules of %d kernels, want one", dir, len(found))
	}
	modules := filepath.Dir(found[0])
	release := filepath.Base(modules)
	return kernel{image: filepath.Join(dir, "boot/vmlinuz-"+release), release: release, modules: modules}, nil
}

// load returns the files of the modules named, and of those they need, in an order in which they can be loaded. They
// are relative to the kernel's directory of modules. What is built into the kernel needs no file.
func (k kernel) load(names []string) ([]string, error) {
	dep, err := os.ReadFile(filepath.Join(k.modules, "modules.dep"))
	if err != nil {
		return nil, err
	}
	builtin, err := os.ReadFile(filepath.Join(k.modules, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	return loadOrder(string(dep), string(builtin), names)
}

// loadOrder is [kernel.load] of the texts of modules.dep and modules.builtin. In the former a line is a file, a colon,
// and all the files it needs at any depth, each before those that it needs itself.
func loadOrder(dep, builtin string, names []string) ([]string, error) {
	chains := make(map[string][]string) // By the name of the module, the last file first.
	for line := range strings.Lines(dep) {
		if file, needs, ok := strings.Cut(line, ":"); ok {
			chains[moduleName(file)] = append([]string{file}, strings.Fields(needs)...)
		}
	}
	for line := range strings.Lines(builtin) {
		chains[moduleName(strings.TrimSpace(line))] = nil
	}

	var order []string
	for _, name := range names {
		chain, ok := chains[name]
		if !ok {
			return nil, fmt.Errorf("the kernel has no module %q", name)
		}
		for _, file := range slices.Backward(chain) {
			if !slices.Contains(order, file) {
				order = append(order, file)
			}
		}
	}
	return order, nil
}

// moduleName returns the name of the module in a file such as "kernel/fs/9p/9p.ko.xz".
func moduleName(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".")
	return strings.ReplaceAll(name, "-", "_")
}
