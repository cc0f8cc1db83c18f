package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// statusBroken is the exit status for whatever keeps the command from running or its status from being known. Test
// binaries do not use it.
const statusBroken = 125

func main() {
	if os.Getpid() == 1 && os.Args[0] == initPath {
		initialize()
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the command line says.
type options struct {
	kernel  string        // The directory of the kernel.
	write   []string      // Directories in which the command may write, absolute.
	limit   time.Duration // What the machine may take, start and end included.
	accel   string        // As QEMU names it.
	memory  int           // MiB.
	cpus    int
	console bool // Show the kernel's messages.
	command []string
}

// run is main without the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	status := statusBroken
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(),
			unix.SIGHUP, unix.SIGINT, unix.SIGPIPE, unix.SIGQUIT, unix.SIGTERM)
		defer stop()
		status, err = boot(ctx, o, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "kernels: %v\n", err)
		return statusBroken
	}
	return status
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("kernels", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: kernels -kernel DIR [FLAG]... COMMAND [ARGUMENT]...\n")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.kernel, "kernel", "", "the `directory` of the kernel, from the script fetch")
	flags.DurationVar(&o.limit, "limit", time.Hour, "what the machine may take")
	flags.StringVar(&o.accel, "accel", "tcg", "what runs the machine: tcg, which is software, or kvm")
	flags.IntVar(&o.memory, "memory", 1024, "memory of the machine, in MiB")
	flags.IntVar(&o.cpus, "cpus", 2, "processors of the machine")
	flags.BoolVar(&o.console, "console", false, "show the messages of the kernel")
	flags.Func("write", "a `directory` of the host in which the command may write (repeatable)", func(dir string) error {
		abs, err := filepath.Abs(dir)
		o.write = append(o.write, abs)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.command = flags.Args()
	if o.kernel == "" || len(o.command) == 0 {
		flags.Usage()
		return o, errors.New("a kernel and a command are needed")
	}
	return o, nil
}
