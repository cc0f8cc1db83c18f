package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"tcphealth_exporter/cmdline"
	"tcphealth_exporter/logging"
	"tcphealth_exporter/netns/broker/command"
)

const program = "tcphealth_exporter"

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// gcPercent keeps the heap close to the memory in use. Most of it is tables without
// pointers, which cost a collection nothing.
const gcPercent = 20

// Main runs the program until SIGINT or SIGTERM and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	// Neither a closed log pipe nor a SIGHUP during startup or shutdown ends the program.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	context.AfterFunc(ctx, stop) // the second signal ends the process at once

	return runUntil(ctx, stderr, func() int { return run(ctx, args, stdout, stderr) })
}

// endLimit is the maximum duration between the end of ctx and the exit, without the final
// flush of the log. The sum of endLimit and [logging.FlushLimit] is less than a second.
const endLimit = 700 * time.Millisecond

// runUntil returns the exit code of a program that ends when ctx is done, at the latest
// after endLimit: it may wait for a file that never comes.
func runUntil(ctx context.Context, stderr io.Writer, program func() int) int {
	code := make(chan int, 1)

	go func() { code <- program() }()

	select {
	case c := <-code:
		return c
	case <-ctx.Done():
	}

	select {
	case c := <-code:
		return c
	case <-time.After(endLimit):
		log := logging.NewQueue(stderr)
		defer log.Close()

		complain(log, errors.New("interrupted while something blocked"), "")

		return exitFailure
	}
}

// run runs the program until ctx is done and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	log := logging.NewQueue(stderr)
	defer log.Close()

	out := &output{w: stdout}

	err := runCommand(ctx, args, out, log)
	if err == nil {
		err = out.err
	}

	usage, fromFlags := errors.AsType[*cmdline.UsageError](err)

	switch {
	case err == nil:
		return exitOK
	case fromFlags:
		complain(log, usage.Err, ", try --help")

		return exitUsage
	case isUsage(err):
		complain(log, err, "")

		return exitUsage
	default:
		complain(log, err, "")

		return exitFailure
	}
}

// runCommand does what the command line asks for.
func runCommand(ctx context.Context, args []string, out *output, log *logging.Queue) error {
	if len(args) > 0 && args[0] == command.Name {
		return command.Run(ctx, args[1:], out, log.Logger)
	}

	opts, err := parseOptions(args, out)

	switch {
	case errors.Is(err, cmdline.ErrAnswered):
		return nil
	case err != nil:
		return err
	case opts.configCheck:
		_, _ = fmt.Fprintf(out, "%s\n%s\n", opts.checked(), opts.reach())

		return nil
	case opts.dryRun:
		return dryRun(ctx, opts, out, log)
	default:
		return serve(ctx, opts, log)
	}
}
