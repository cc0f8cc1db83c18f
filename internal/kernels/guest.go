package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	rootDir    = "/root"         // Where the file system for the command is put together, in the initramfs.
	outputPath = "/dev/vport0p1" // The port for the output: the first of the only virtio-serial device.
)

// initialize is the machine's first process: it does its job and turns the machine off.
func initialize() {
	if err := work(); err != nil {
		fmt.Fprintf(os.Stderr, "kernels: %v\n", err) // The console.
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// work does the job and leaves the exit status to the host.
func work() error {
	j, err := readJob()
	if err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	if err := loadModules(j.Load); err != nil {
		return err
	}
	if err := enterRoot(); err != nil {
		return fmt.Errorf("entering the host's file system: %w", err)
	}
	if err := furnish(j); err != nil {
		return err
	}
	status, err := execute(j)
	if err != nil {
		return fmt.Errorf("running %s: %w", j.Args[0], err)
	}
	return os.WriteFile(j.Status, []byte(strconv.Itoa(status)), 0o644)
}

// loadModules loads the modules in the files.
func loadModules(files []string) error {
	for _, path := range files {
		if err := loadModule(path); err != nil {
			return fmt.Errorf("loading %s: %w", path, err)
		}
	}
	return nil
}

// loadModule loads the module in the file, which the kernel decompresses itself where it is compressed.
func loadModule(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	flags := 0
	if filepath.Ext(path) != ".ko" {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	return errors.Join(unix.FinitModule(int(file.Fd()), "", flags), file.Close())
}

// enterRoot makes the file system of the host the root, with a layer in memory above it that takes what is written. The
// kernel's own helpers, modprobe above all, follow: they share their root with the first process.
func enterRoot() error {
	const memory = "/memory"
	lower, upper, scratch := memory+"/lower", memory+"/upper", memory+"/work"
	if err := mount("tmpfs", memory, "tmpfs", 0, ""); err != nil {
		return err
	}
	if err := mount9p(rootTag, lower, unix.MS_RDONLY, "cache=loose"); err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(scratch, 0o755)); err != nil {
		return err
	}
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, scratch)
	if err := mount("overlay", rootDir, "overlay", 0, layers); err != nil {
		return err
	}
	if err := os.Chdir(rootDir); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	return errors.Join(unix.Chroot("."), os.Chdir("/"))
}

// mount mounts a file system, if need be on a new directory.
func mount(source, target, kind string, flags uintptr, data string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}

// mount9p mounts a directory of the host.
func mount9p(tag, target string, flags uintptr, more string) error {
	return mount(tag, target, "9p", flags, "trans=virtio,version=9p2000.L,msize=262144,"+more)
}

// furnish puts into the file system what a running system has there, raises the loopback interface and the limit of open
// files.
func furnish(j job) error {
	for _, m := range []struct{ kind, target string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"cgroup2", "/sys/fs/cgroup"},
	} {
		if err := mount(m.kind, m.target, m.kind, 0, ""); err != nil {
			return err
		}
	}
	if err := mount(j.Modules, "/lib/modules", "", unix.MS_BIND, ""); err != nil {
		return err
	}
	for i, dir := range j.Writable {
		if err := mount9p(writeTag(i), dir, 0, "cache=none"); err != nil {
			return err
		}
	}
	const files = 1 << 19
	return errors.Join(
		makeTun(),
		os.Symlink("/proc/self/fd", "/dev/fd"),
		raiseLoopback(),
		unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: files, Max: files}),
	)
}

// makeTun makes the device node whose opening loads the module tun, as systemd-tmpfiles does.
func makeTun() error {
	const dir, major, minor = "/dev/net", 10, 200
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mknod(dir+"/tun", unix.S_IFCHR|0o666, int(unix.Mkdev(major, minor))); err != nil {
		return fmt.Errorf("mknod %s/tun: %w", dir, err)
	}
	return nil
}

// raiseLoopback sets lo up.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	lo, err := unix.NewIfreq("lo")
	if err == nil {
		lo.SetUint16(unix.IFF_UP)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}
	if err != nil {
		err = fmt.Errorf("raise lo: %w", err)
	}
	return errors.Join(err, unix.Close(fd))
}

// execute runs the command and returns its exit status, which is that of a shell where a signal has ended it.
func execute(j job) (status int, err error) {
	output, err := openOutput()
	if err != nil {
		return 0, err
	}
	for _, entry := range j.Env {
		if key, value, _ := strings.Cut(entry, "="); key == "PATH" {
			_ = os.Setenv(key, value) // For finding the command.
		}
	}
	cmd := exec.Command(j.Args[0], j.Args[1:]...)
	cmd.Dir, cmd.Env = j.Dir, j.Env
	cmd.Stdout, cmd.Stderr = output, output
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status, err = exit.ExitCode(), nil
		if wait, ok := exit.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
			status = 128 + int(wait.Signal())
		}
	}
	return status, errors.Join(err, output.Close())
}

// openOutput opens the port for the output, which appears when the host has answered.
func openOutput() (*os.File, error) {
	const patience, pause = 10 * time.Second, 10 * time.Millisecond
	for range patience / pause {
		file, err := os.OpenFile(outputPath, os.O_WRONLY, 0)
		if !errors.Is(err, os.ErrNotExist) {
			return file, err
		}
		time.Sleep(pause)
	}
	return nil, fmt.Errorf("no %s appeared", outputPath)
}
