package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	qemu     = "qemu-system-x86_64" // The emulator, of Debian's package qemu-system-x86.
	outputFD = 3                    // Where the emulator has the pipe for the command's output.

	// commandLine is that of the kernel. Its messages from errors up go to the serial console, a panic ends the machine,
	// and the clock is read without leaving the processor.
	commandLine = "console=ttyS0 loglevel=4 panic=-1 mitigations=off tsc=reliable random.trust_cpu=on"
)

// errDied says that the machine ended by itself, as it does when its kernel panics.
var errDied = errors.New("it panicked or turned itself off")

// boot runs the command in a machine and returns its exit status.
func boot(ctx context.Context, o options, stdout, stderr io.Writer) (status int, err error) {
	k, err := openKernel(o.kernel)
	if err != nil {
		return 0, fmt.Errorf("opening the kernel: %w", err)
	}
	scratch, err := os.MkdirTemp("", "kernels-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()

	j, err := newJob(o, k, scratch)
	if err != nil {
		return 0, err
	}
	initramfs := filepath.Join(scratch, "initramfs")
	if err := createInitramfs(initramfs, k, j); err != nil {
		return 0, fmt.Errorf("making the initramfs: %w", err)
	}

	ctx, cancel := context.WithTimeoutCause(ctx, o.limit, fmt.Errorf("it took more than %v", o.limit))
	defer cancel()
	var console bytes.Buffer
	shown := io.Writer(&console)
	if o.console {
		shown = stderr
	}
	err = emulate(ctx, machineArgs(o, k, initramfs, j.Writable), stdout, shown)
	if status, ok := readStatus(j.Status); ok {
		return status, nil
	}
	err = cmp.Or(context.Cause(ctx), err, errDied)
	return 0, fmt.Errorf("the machine with %s ended without a status: %w\n%s", k.release, err, &console)
}

// newJob describes what the options ask for. The status goes to a directory that is made in scratch.
func newJob(o options, k kernel, scratch string) (job, error) {
	dir, err := os.Getwd()
	if err != nil {
		return job{}, err
	}
	exchange := filepath.Join(scratch, "exchange")
	if err := os.Mkdir(exchange, 0o755); err != nil {
		return job{}, err
	}
	return job{
		Modules:  filepath.Dir(k.modules),
		Writable: append([]string{exchange}, o.write...),
		Args:     o.command,
		Dir:      dir,
		Env:      os.Environ(),
		Status:   filepath.Join(exchange, "status"),
	}, nil
}

// machineArgs returns the arguments of the emulator.
func machineArgs(o options, k kernel, initramfs string, writable []string) []string {
	args := []string{
		"-accel", o.accel, "-cpu", "max", "-smp", strconv.Itoa(o.cpus), "-m", strconv.Itoa(o.memory),
		"-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
		"-kernel", k.image, "-initrd", initramfs, "-append", commandLine,
		"-serial", "stdio",
		"-chardev", fmt.Sprintf("file,id=output,path=/dev/fd/%d", outputFD),
		"-device", "virtio-serial-pci", "-device", "virtserialport,chardev=output",
	}
	args = append(args, share(rootTag, "/", ",readonly=on")...)
	for i, dir := range writable {
		args = append(args, share(writeTag(i), dir, "")...)
	}
	return args
}

// share returns the arguments that show a directory of the host to the machine.
func share(tag, dir, more string) []string {
	escaped := strings.ReplaceAll(dir, ",", ",,")
	return []string{
		"-fsdev", fmt.Sprintf("local,id=%s,path=%s,security_model=none,multidevs=remap%s", tag, escaped, more),
		"-device", fmt.Sprintf("virtio-9p-pci,fsdev=%s,mount_tag=%s", tag, tag),
	}
}

// emulate runs the emulator to its end. What comes out of the machine's port goes to output; what comes out of its
// console, and what the emulator itself says, goes to console.
func emulate(ctx context.Context, args []string, output, console io.Writer) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	cmd := exec.CommandContext(ctx, qemu, args...)
	cmd.Stdout, cmd.Stderr = console, console
	cmd.ExtraFiles = []*os.File{write} // Becomes outputFD.
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	runtime.LockOSThread() // That signal comes when the thread ends which started the process.
	defer runtime.UnlockOSThread()

	err = cmd.Start()
	_ = write.Close() // The emulator has its own, so that reading ends with it.
	if err != nil {
		return fmt.Errorf("starting the emulator (apt-get install qemu-system-x86): %w", err)
	}
	_, copyErr := io.Copy(output, read)
	return errors.Join(cmd.Wait(), copyErr)
}

// readStatus reads the exit status that the machine has left.
func readStatus(path string) (status int, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	status, err = strconv.Atoi(string(text))
	return status, err == nil
}
